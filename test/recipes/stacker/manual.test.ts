import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { layer, load } from './load.ts';

const manual = readFileSync(new URL('../../../docs/stacker.md', import.meta.url), 'utf8');
const examples = [...manual.matchAll(/^```yaml\n(.*?)^```$/gms)].map(match => match[1] ?? '');

describe('the manual', () => {
  it.each(examples)('has examples that load without a warning: %j', async text => {
    const files = { 'app/stacker.yaml': text, 'base/stacker.yaml': layer('').replace(/^l:/, 'base:') };
    const { plan, warnings } = await load(files, { files: ['app/stacker.yaml'] });
    expect(warnings).toEqual([]);
    expect(plan.images).toHaveLength(2);
  });

  it('names tests that there are, in every row', () => {
    const rows = manual.split('\n').filter(line => line.startsWith('| ') && line.includes('` |'));
    const named = rows.flatMap(row =>
      [...row.matchAll(/`([a-z0-9]+\/[\w/-]+)`/g)].map(([, name]) => name ?? ''),
    );
    const tests = named.filter(name => /^(e2e|recipes|engine|cli|layers|oci|sandbox|support)\//.test(name));
    expect(new Set(tests).size).toBeGreaterThan(50);
    const missing = tests.filter(name => !existsSync(new URL(`../../${name}.test.ts`, import.meta.url)));
    expect(missing).toEqual([]);
  });
});
