/** Rules by path where several files are one database: that of its main file decides for all of them. */
import { describe, expect, it } from 'vitest';
import { type ConflictRules, decideStack, mergers } from '../../src/stacking/index.ts';
import { APK_DB, apkFiles } from './apk-files.ts';
import { file, filesOf, layer, part, type Things } from './layers.ts';

const STATUS = '/var/lib/dpkg/status';
const LIST = '/var/lib/dpkg/info/tool.list';
const MARKS = '/var/lib/apt/extended_states';

function withTool(version: string): Things {
  const stanza = `Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n\n`;
  const marks = `Package: tool\nArchitecture: amd64\nAuto-Installed: ${version === '1' ? 1 : 0}\n\n`;
  return { [STATUS]: file(stanza), [LIST]: file(`/usr/lib/tool-${version}\n`), [MARKS]: file(marks) };
}

async function decide(x: Things, y: Things, glob: string) {
  const layers = [layer('base', {}), layer('lx', x), layer('ly', y)] as const;
  const [base, lx, ly] = layers;
  const rules: ConflictRules = { policy: 'last', paths: [{ glob, policy: 'first' }] };
  const parts = [part('x', base, lx), part('y', base, ly)];
  const { conflicts, corrections, merged } = await decideStack(parts, rules, mergers, filesOf(...layers));
  // Where nothing is corrected, the layers give what y has.
  const corrected = corrections.filter(({ path }) => path in x).map(({ path }) => path);
  const winners = [...new Set(conflicts.map(({ policy, winner }) => `${policy} ${winner}`))];
  return { corrected, winners, merged: merged.map(({ merger }) => merger) };
}

describe('the rule for', () => {
  it('the list of dpkg decides for the files of its packages', async () => {
    expect(await decide(withTool('1'), withTool('2'), STATUS)).toEqual({
      ...{ corrected: [LIST, STATUS], winners: ['first x'] },
      merged: ['dpkg'],
    });
  });

  it.each([LIST, MARKS])('%s does not take it from its database', async path => {
    const { corrected, winners } = await decide(withTool('1'), withTool('2'), path);
    expect({ corrected, winners }).toEqual({ corrected: [], winners: ['last y'] });
  });

  it('the packages of apk is not that for what was asked for', async () => {
    const x = await apkFiles('a=1\n', 'a-1');
    const y = await apkFiles('a=2\n', 'a-2');
    const [one, other] = [x, y].map(files =>
      Object.fromEntries(Object.entries(files).map(([path, content]) => [path, file(content)])),
    );
    const first = await decide(one ?? {}, other ?? {}, '/etc/apk/world');
    expect(first.corrected).toEqual(['/etc/apk/world']);
    expect(first.winners.toSorted()).toEqual(['first x', 'last y']);
    const second = await decide(one ?? {}, other ?? {}, `${APK_DB}/installed`);
    expect(second.corrected).toContain(`${APK_DB}/installed`);
    expect(second.corrected).not.toContain('/etc/apk/world');
  });
});
