import { describe, expect, it } from 'vitest';
import {
  type ConflictRules,
  decideStack,
  type MergeInput,
  type Merger,
  mergers,
} from '../../src/stacking/index.ts';
import { file, filesOf, layer, part, type Things } from './layers.ts';

const WARN: ConflictRules = { policy: 'warn', paths: [] };

/** Says nothing of what it is asked for, and notes that. */
function asking(options: Partial<Merger> = {}) {
  const asked: MergeInput[] = [];
  const merger: Merger = {
    name: 'asking',
    answersFor: path => path.startsWith('/db/'),
    merge: input => {
      asked.push(input);
      return Promise.resolve({ files: [], conflicts: [] });
    },
    ...options,
  };
  return { asked, merger };
}

function twoParts(x: Things, y: Things) {
  const layers = [layer('base', {}), layer('lx', x), layer('ly', y)] as const;
  const [base, lx, ly] = layers;
  return { parts: [part('x', base, lx), part('y', base, ly)], files: filesOf(...layers) };
}

describe('what a merger', () => {
  it('declines is a conflict like any other, with the winner of the rules', async () => {
    const { parts, files } = twoParts({ '/db/a': file('1') }, { '/db/a': file('2') });
    const declining = asking({
      merge: ({ paths }) => Promise.resolve({ files: [], conflicts: [], declined: paths }),
    });
    const plain = await decideStack(parts, WARN, [], files);
    const declined = await decideStack(parts, WARN, [declining.merger], files);
    expect(declined.conflicts).toHaveLength(1);
    expect(declined.conflicts).toEqual(plain.conflicts);
    const silent = await decideStack(parts, WARN, [asking().merger], files);
    expect(silent.conflicts).toEqual([]);
  });

  it('decides by names is not read', async () => {
    const { parts, files } = twoParts({ '/db/a': file('1') }, { '/db/a': file('2') });
    await decideStack(parts, WARN, [asking({ unread: true }).merger], files);
    expect(files.asked).toEqual([]);
    await decideStack(parts, WARN, [asking().merger], files);
    expect(files.asked).toHaveLength(2);
  });

  it('sees as changed is only what a part says itself, not what another one was built on', async () => {
    const base = layer('base', { '/db/a': file('0'), '/db/b': file('0') });
    const below = layer('below', { '/db/a': file('1'), '/db/b': file('1') });
    const above = layer('above', { '/db/a': file('2') });
    const other = layer('other', { '/db/a': file('3'), '/db/b': file('3') });
    const parts = [part('x', base, below), part('y', base, below, above), part('z', base, other)];
    const { asked, merger } = asking();
    await decideStack(parts, WARN, [merger], filesOf(base, below, above, other));
    const [input] = asked;
    const changed = (path: string) => input?.parts.filter(each => each.changed(path)).map(({ name }) => name);
    expect(changed('/db/a')).toEqual(['y', 'z']);
    expect(changed('/db/b')).toEqual(['x', 'y', 'z']);
  });

  it('prevails in is decided path by path', async () => {
    const entry = (uid: number) => `root:x:0:0::/:/bin/sh\na:x:${uid}:1::/:/bin/sh\n`;
    const group = (gid: number) => `root:x:0:\na:x:${gid}:\n`;
    const { parts, files } = twoParts(
      { '/etc/passwd': file(entry(100)), '/etc/group': file(group(100)) },
      { '/etc/passwd': file(entry(200)), '/etc/group': file(group(200)) },
    );
    const rules: ConflictRules = { policy: 'last', paths: [{ glob: '/etc/passwd', policy: 'first' }] };
    const { conflicts, corrections } = await decideStack(parts, rules, mergers, files);
    expect(conflicts.map(({ path, policy, winner }) => [path, policy, winner])).toEqual([
      ['/etc/group', 'last', 'y'],
      ['/etc/passwd', 'first', 'x'],
    ]);
    // The layers give what y says.
    const made = corrections.flatMap(each =>
      each.kind === 'made' ? [[each.path, String(each.content)]] : [],
    );
    expect(Object.fromEntries(made)).toEqual({ '/etc/passwd': entry(100) });
  });
});
