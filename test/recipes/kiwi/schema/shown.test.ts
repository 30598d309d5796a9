import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imageOf, shown, tbz } from '../support.ts';

/** Each begins with `# ` and its description; what the terminal shows of it follows. */
const cases = readFileSync(new URL('mistakes.txt', import.meta.url), 'utf8')
  .split(/^# /m)
  .slice(1)
  .map(text => {
    const [line = '', ...output] = text.trimEnd().split('\n');
    return { line, output: output.join('\n') };
  });

describe('what the terminal shows', () => {
  it.each(cases)('of $line', async ({ line, output }) => {
    const text = await shown(imageOf(tbz, line));
    expect(text.replace(/\nerror: KiwiDescriptionInvalid: .*$/, '')).toBe(output);
  });

  it('has dozens of mistakes', () => {
    expect(cases.length).toBeGreaterThan(36);
  });
});
