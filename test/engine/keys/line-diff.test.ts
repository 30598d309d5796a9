import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedLines } from '../../../src/engine/keys/line-diff.ts';

describe('changed lines', () => {
  it('are those that only one text has, in order', () => {
    expect(changedLines('a\nb\nc\n', 'a\nx\nc\ny\n')).toEqual(['- b', '+ x', '+ y']);
    expect(changedLines('a\n', 'a\n')).toEqual([]);
    expect(changedLines('a\nb\n', 'b\na\n')).toHaveLength(2);
  });

  it('make the new text of the old one', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(text, text, (old, fresh) => {
        const changed = changedLines(old.join('\n'), fresh.join('\n'));
        const count = (lines: readonly string[], line: string) => lines.filter(one => one === line).length;
        for (const line of ['a', 'b', 'c']) {
          const grown = count(changed, `+ ${line}`) - count(changed, `- ${line}`);
          expect(count(old, line) + grown).toBe(count(fresh, line));
        }
        const removed = changed.filter(line => line.startsWith('-')).length;
        // What is left is common to both, and no more than the shorter one has.
        expect(old.length - removed).toBe(fresh.length - (changed.length - removed));
      }),
    );
  });
});
