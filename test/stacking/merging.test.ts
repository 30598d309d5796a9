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

  it('sees parts that were built on one another as one against what others have of them', async () => {
    const base = layer('base', { '/db/a': file('0'), '/db/b': file('0') });
    const below = layer('below', { '/db/a': file('1'), '/db/b': file('1') });
    const above = layer('above', { '/db/a': file('2') });
    const other = layer('other', { '/db/a': file('3'), '/db/b': file('3') });
    const parts = [part('x', base, below), part('y', base, below, above), part('z', base, other)];
    const { asked, merger } = asking();
    await decideStack(parts, WARN, [merger], filesOf(base, below, above, other));
    expect(asked).toHaveLength(1);
    const [input] = asked;
    expect(input?.parts.map(({ name }) => name)).toEqual(['x and y', 'z']);
    const texts = await Promise.all(
      (input?.parts ?? []).map(async each => String((await each.read('/db/a'))?.content)),
    );
    expect(texts).toEqual(['2', '3']);
  });

  it('is told of changes to what only some parts share is what they changed of it', async () => {
    const line = (name: string, uid: number, shell = '/bin/sh') => `${name}:x:${uid}:1::/:${shell}\n`;
    const passwd = (id: string, ...lines: readonly string[]) =>
      layer(id, { '/etc/passwd': file(lines.join('')) });
    const root = line('root', 0);
    const base = passwd('base', root);
    const below = passwd('below', root, line('a', 100), line('b', 101));
    const x = passwd('lx', root, line('b', 101, '/bin/zsh'));
    const y = passwd('ly', root, line('a', 100), line('b', 101), line('y', 102));
    const z = passwd('lz', root, line('z', 103));
    const [onX, onY, onZ] = [part('x', base, below, x), part('y', base, below, y), part('z', base, z)];
    for (const parts of [
      [onX, onY, onZ],
      [onZ, onY, onX],
      [onX, onZ, onY],
    ]) {
      const decision = await decideStack(parts, WARN, mergers, filesOf(base, below, x, y, z));
      expect(decision.conflicts).toEqual([]);
      const [made] = decision.corrections.filter(({ path }) => path === '/etc/passwd');
      const text = made?.kind === 'made' ? String(made.content) : '';
      const lines = [root, line('b', 101, '/bin/zsh'), line('y', 102), line('z', 103)];
      expect(text.split(/(?<=\n)/).toSorted()).toEqual(lines.toSorted());
    }
  });

  it('finds between parts of which some share more names all of them', async () => {
    const version = (n: number) => `Package: p\nStatus: install ok installed\nVersion: ${n}\n\n`;
    const status = (id: string, text: string) => layer(id, { '/var/lib/dpkg/status': file(text) });
    const [base, below] = [status('base', ''), status('below', version(1))];
    const [x, y, z] = [status('lx', version(2)), layer('ly', { '/y': file('') }), status('lz', version(3))];
    const parts = [part('x', base, below, x), part('y', base, below, y), part('z', base, z)];
    for (const policy of ['last', 'first'] as const) {
      const rules: ConflictRules = { policy, paths: [] };
      const { conflicts } = await decideStack(parts, rules, mergers, filesOf(base, below, x, y, z));
      expect(conflicts).toMatchObject([
        {
          kind: 'package',
          text: expect.stringContaining('3 in z (newer)'),
          winner: policy === 'last' ? 'z' : 'x',
        },
      ]);
    }
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
