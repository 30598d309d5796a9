import { describe, expect, it } from 'vitest';
import { toText } from '../../src/layers/index.ts';
import {
  type ConflictRules,
  decideStack,
  type Merger,
  refuseConflicts,
  type StackPart,
} from '../../src/stacking/index.ts';
import {
  device,
  directory,
  fifo,
  file,
  filesOf,
  implied,
  layer,
  link,
  newDirectory,
  opaque,
  part,
  removed,
  symlink,
  type Things,
} from './layers.ts';

const WARN: ConflictRules = { policy: 'warn', paths: [] };

function decide(parts: readonly StackPart[], rules = WARN, mergers: readonly Merger[] = []) {
  return decideStack(parts, rules, mergers, filesOf());
}

/** What two parts on a common layer disagree about: kind, path and text of each conflict. */
async function conflictsOf(a: Things, b: Things, base: Things = {}): Promise<string[]> {
  const below = layer('base', base);
  const { conflicts } = await decide([part('a', below, layer('la', a)), part('b', below, layer('lb', b))]);
  return conflicts.map(({ kind, path, text }) => `${kind} ${path}: ${text}`);
}

describe('the order of layers', () => {
  it('has the parts one above the other, and what they share once, at its lowest place', async () => {
    const [base, x, y] = [layer('b', {}), layer('x', { '/x': file('') }), layer('y', { '/y': file('') })];
    const decision = await decide([part('a', base, x), part('b', base, y), part('c', base)]);
    expect(decision.order).toEqual(['b', 'x', 'y']);
    expect(decision.shared).toEqual([{ layer: 'b', parts: ['a', 'b', 'c'] }]);
    expect(decision.moved).toEqual([]);
    expect(decision.corrections).toEqual([]);
    expect(decision.orderIndependent).toBe(true);
  });

  it('asks for no contents of what all parts start with where they agree', async () => {
    const base = layer('b', { '/usr': directory(), '/usr/bin': directory(), '/usr/bin/sh': file('sh') });
    const usr = { '/usr': directory(), '/usr/bin': directory(0o755, { mtime: 7n }) };
    const x = layer('x', { ...usr, '/usr/bin/x': file('x') });
    const y = layer('y', { ...usr, '/usr/bin/y': file('y'), '/usr/share/y': file('y') });
    const decision = await decide([part('a', base, x), part('b', base, y)]);
    expect(decision.orderIndependent).toBe(true);
    expect([base.asked, x.asked, y.asked]).toEqual([0, 1, 1]);
  });

  it('asks for no contents at all where all parts are the same', async () => {
    const base = layer('b', { '/a': file('a') });
    await decide([part('a', base), part('b', base)]);
    expect(base.asked).toBe(0);
  });

  it('moves a layer up where another part would replace what it has, and says so', async () => {
    const shared = layer('s', { '/etc/conf': file('new') });
    const parts = [part('a', shared), part('b', layer('y', { '/etc/conf': file('old') }), shared)];
    const decision = await decide(parts);
    expect(decision.order).toEqual(['y', 's']);
    expect(decision.moved).toEqual([
      { layer: 's', reason: 'at its lowest place, its /etc/conf would be replaced by b' },
    ]);
    expect(decision.corrections).toEqual([]);
    expect(decision.conflicts).toEqual([]);
  });

  it('corrects what no order can give', async () => {
    const shared = layer('s', { '/etc/conf': file('new'), '/etc/own': file('shared') });
    const decision = await decide([
      part('a', shared, layer('x', { '/etc/own': file('x') })),
      part('b', layer('y', { '/etc': directory(0o700), '/etc/conf': file('old') }), shared),
    ]);
    expect(decision.order).toEqual(['s', 'x', 'y']);
    expect(decision.moved).toEqual([]);
    expect(decision.corrections).toMatchObject([
      { kind: 'taken', path: '/etc', entry: { mode: 0o700 }, layer: 'y' },
      { kind: 'taken', path: '/etc/conf', layer: 's' },
    ]);
  });

  it('keeps a layer that a part has twice where the part needs it', async () => {
    const twice = layer('e', { '/a': file('e') });
    const decision = await decide([part('a', twice, layer('x', { '/a': file('x') }), twice)]);
    expect(decision.order).toEqual(['x', 'e']);
  });

  it('does not depend on the order of parts only where nothing else does', async () => {
    const independent = async (a: Things, b: Things) =>
      (await decide([part('a', layer('x', a)), part('b', layer('y', b))])).orderIndependent;
    expect(await independent({ '/a': file('a') }, { '/b': file('b') })).toBe(true);
    expect(await independent({ '/a': file('a') }, { '/a': file('a') })).toBe(true);
    expect(await independent({ '/d': directory() }, { '/d': directory(0o755, { mtime: 5n }) })).toBe(true);
    expect(await independent({ '/a': file('a') }, { '/a': file('a', { mtime: 5n }) })).toBe(false);
    expect(await independent({ '/a': file('a') }, { '/a': file('b') })).toBe(false);
    expect(await independent({ '/a': file('a') }, { '/a': removed })).toBe(false);
  });
});

describe('what a part has from a shared layer', () => {
  it('gives way to what another part has made of it, in any order', async () => {
    const base = layer('b', { '/etc/passwd': file('old'), '/etc/gone': file('gone') });
    const x = part('a', base, layer('x', { '/etc/passwd': file('new'), '/etc/gone': removed }));
    const y = part('b', base, layer('y', { '/other': file('') }));
    for (const parts of [
      [x, y],
      [y, x],
    ]) {
      const { conflicts, corrections } = await decide(parts);
      expect([conflicts, corrections]).toEqual([[], []]);
    }
  });

  it('gives way, too, where a layer above repeats it', async () => {
    const base = layer('b', { '/etc': directory(), '/etc/a': file('old') });
    const x = layer('x', { '/etc': directory(0o700), '/etc/a': file('new') });
    const y = layer('y', { '/etc': directory(), '/etc/a': file('old', { mtime: 9n }), '/etc/b': file('b') });
    const { conflicts, corrections } = await decide([part('a', base, x), part('b', base, y)]);
    expect(conflicts).toEqual([]);
    expect(corrections).toMatchObject([
      { kind: 'taken', path: '/etc', entry: { mode: 0o700 }, layer: 'x' },
      { kind: 'taken', path: '/etc/a', layer: 'x' },
    ]);
  });
});

describe('conflicts', () => {
  it('are about content', async () => {
    expect(await conflictsOf({ '/f': file('one') }, { '/f': file('three', { mode: 0o600 }) })).toEqual([
      'content /f: 3 B (sha256 7692c3ad3540) in a, 5 B (sha256 8b5b9db0c13d) in b; mode 644 in a, 600 in b',
    ]);
  });

  it('are about targets of symbolic links, and devices', async () => {
    expect(await conflictsOf({ '/l': symlink('x') }, { '/l': symlink('y') })).toEqual([
      'content /l: a symbolic link to x in a, a symbolic link to y in b',
    ]);
    expect(await conflictsOf({ '/d': device('block', 8, 0) }, { '/d': device('block', 8, 1) })).toEqual([
      'content /d: a block device 8:0 in a, a block device 8:1 in b',
    ]);
  });

  it('are about types', async () => {
    expect(await conflictsOf({ '/t/x': file('') }, { '/t': file('') })).toEqual([
      'type /t: a directory in a, a file in b',
    ]);
    expect(await conflictsOf({ '/bin': symlink('usr/bin') }, { '/bin/sh': file('') })).toEqual([
      'type /bin: a symbolic link to usr/bin in a, a directory in b',
    ]);
    expect(await conflictsOf({ '/p': fifo }, { '/p': device('character', 1, 3) })).toEqual([
      'type /p: a FIFO in a, a character device in b',
    ]);
  });

  it('are about a directory that another part has replaced, if something was put into it', async () => {
    const base = { '/d/old': file('old') };
    expect(await conflictsOf({ '/d': file('') }, { '/d/new': file('new') }, base)).toEqual([
      'type /d: a file in a, a directory in b',
    ]);
    expect(await conflictsOf({ '/d': file('') }, { '/d': implied }, base)).toEqual([]);
  });

  it('are about permissions, owners and extended attributes', async () => {
    const a = directory(0o755, { uid: 1, xattrs: { 'user.both': '1', 'user.a': '1' } });
    const b = directory(0o1777, { gid: 2, xattrs: { 'user.both': '2', 'user.b': '1' } });
    expect(await conflictsOf({ '/d': a }, { '/d': b })).toEqual([
      'attributes /d: mode 755 in a, 1777 in b; owner 1:0 in a, 0:2 in b; xattr user.a only in a; ' +
        'xattr user.b only in b; xattr user.both is not the same',
    ]);
  });

  it('are never about times', async () => {
    const a = { '/d': directory(), '/d/f': file('f'), '/d/l': symlink('f', { mode: 0o755 }) };
    const b = {
      '/d': directory(0o755, { mtime: 1n }),
      '/d/f': file('f', { mtime: 1n }),
      '/d/l': symlink('f'),
    };
    expect(await conflictsOf(a, b)).toEqual([]);
  });

  it('are about what a whiteout removes', async () => {
    const base = { '/etc/f': file('f') };
    expect(await conflictsOf({ '/etc/f': removed }, { '/etc/f': file('ff') }, base)).toEqual([
      `removed /etc/f: removed by a with /etc/f, 2 B (sha256 ${sha256('ff')}) in b`,
    ]);
    expect(await conflictsOf({ '/etc': removed }, { '/etc/new': file('ff') }, base)).toEqual([
      `removed /etc/new: removed by a with /etc, 2 B (sha256 ${sha256('ff')}) in b`,
    ]);
  });

  it('are about what an opaque directory hides', async () => {
    expect(
      await conflictsOf({ '/d': newDirectory() }, { '/d/f': file('ff') }, { '/d/old': file('') }),
    ).toEqual([`removed /d/f: removed by a, which made /d anew, 2 B (sha256 ${sha256('ff')}) in b`]);
    expect(await conflictsOf({ '/d/f': file('ff') }, { '/d': opaque })).toEqual([
      `removed /d/f: 2 B (sha256 ${sha256('ff')}) in a, removed by b, which made /d anew`,
    ]);
  });

  it('are told once for all that lies below', async () => {
    const many = Object.fromEntries(['x', 'y', 'z'].map(name => [`/d/${name}`, file(name)]));
    expect(await conflictsOf(many, { '/d': removed })).toEqual([
      'removed /d: a directory in a, removed by b with /d',
    ]);
  });

  it('are about names of one file that come apart', async () => {
    const a = { '/bin/perl': file('1'), '/bin/perl5': link('/bin/perl') };
    expect(await conflictsOf(a, { '/bin/perl': file('22') })).toEqual([
      `hard link /bin/perl: 1 B (sha256 ${sha256('1')}) in a, 2 B (sha256 ${sha256('22')}) in b; ` +
        'one file with /bin/perl5 in a, of which b replaces only one name',
    ]);
    const both = { '/bin/perl': file('22'), '/bin/perl5': link('/bin/perl') };
    expect((await conflictsOf(a, both)).map(text => text.split(':')[0])).toEqual([
      'content /bin/perl',
      'content /bin/perl5',
    ]);
  });

  it('are found below thousands of directories', async () => {
    const deep = `${'/d'.repeat(2000)}`;
    const base = { [`${deep}/f`]: file('f') };
    expect(await conflictsOf({ [`${deep}/f`]: removed }, { [`${deep}/f`]: file('ff') }, base)).toEqual([
      `removed ${deep}/f: removed by a with ${deep}/f, 2 B (sha256 ${sha256('ff')}) in b`,
    ]);
  });

  it('name all parts of each opinion', async () => {
    const parts = ['x', 'y', 'x'].map((text, i) => part(`p${i}`, layer(`l${i}`, { '/f': file(text) })));
    const { conflicts } = await decide(parts);
    expect(conflicts).toMatchObject([
      {
        parts: ['p0', 'p1', 'p2'],
        winner: 'p2',
        text: `1 B (sha256 ${sha256('x')}) in p0 and p2, 1 B (sha256 ${sha256('y')}) in p1`,
      },
    ]);
  });
});

describe('the rules for conflicts', () => {
  const a = part('a', layer('x', { '/d': directory(0o700), '/d/f': file('a'), '/d/only': file('a') }));
  const b = part('b', layer('y', { '/d': directory(0o755), '/d/f': file('b') }));

  it.each(['warn', 'last'] as const)(
    '%s lets the upper part win, without a layer of its own',
    async policy => {
      const { conflicts, corrections } = await decide([a, b], { policy, paths: [] });
      expect(conflicts.map(({ path, winner }) => [path, winner])).toEqual([
        ['/d', 'b'],
        ['/d/f', 'b'],
      ]);
      expect(conflicts.every(conflict => conflict.policy === policy)).toBe(true);
      expect(corrections).toEqual([]);
    },
  );

  it('first lets the lower part win, by a layer on top', async () => {
    const { conflicts, corrections } = await decide([a, b], { policy: 'first', paths: [] });
    expect(conflicts.map(({ winner }) => winner)).toEqual(['a', 'a']);
    expect(corrections).toMatchObject([
      { kind: 'taken', path: '/d', entry: { mode: 0o700 }, layer: 'x' },
      { kind: 'taken', path: '/d/f', layer: 'x' },
    ]);
  });

  it('first keeps what an upper part removes, with all that is in it', async () => {
    const lower = part(
      'a',
      layer('x', { '/d': directory(0o700), '/d/e/f': file('f'), '/d/l': link('/d/e/f') }),
    );
    const upper = part('b', layer('y', { '/d': removed }));
    const { corrections } = await decide([lower, upper], { policy: 'first', paths: [] });
    expect(corrections.map(({ kind, path }) => [kind, path])).toEqual([
      ['taken', '/d'],
      ['taken', '/d/e'],
      ['taken', '/d/e/f'],
      ['taken', '/d/l'],
    ]);
    expect(corrections.at(-1)).toMatchObject({ entry: { linkedTo: 'd/e/f' } });
  });

  it('first takes the file again that is a directory in the upper part', async () => {
    const lower = part('a', layer('x', { '/d': file('d') }));
    const upper = part('b', layer('y', { '/d/f': file('f') }));
    const { corrections } = await decide([lower, upper], { policy: 'first', paths: [] });
    expect(corrections).toMatchObject([{ kind: 'taken', path: '/d', entry: { type: 'file' }, layer: 'x' }]);
  });

  it('error makes nothing, and lists all conflicts', async () => {
    const { conflicts } = await decide([a, b], { policy: 'error', paths: [] });
    expect(() => refuseConflicts(conflicts)).toThrow(
      [
        '2 conflicts between the parts of the stack:',
        '  /d: mode 700 in a, 755 in b',
        `  /d/f: 1 B (sha256 ${sha256('a')}) in a, 1 B (sha256 ${sha256('b')}) in b`,
      ].join('\n'),
    );
  });

  it('names many conflicts of one kind in a directory together', async () => {
    const many = (text: string) =>
      Object.fromEntries([...'123456'].map(name => [`/doc/${name}`, file(text + name)]));
    const parts = [part('a', layer('x', many('a'))), part('b', layer('y', many('b')))];
    const { conflicts } = await decide(parts, { policy: 'error', paths: [] });
    expect(conflicts).toHaveLength(6);
    expect(() => refuseConflicts(conflicts)).toThrow(
      `6 conflicts between the parts of the stack:\n  /doc/: 6 paths (content), as /doc/1: 2 B (sha256 ${sha256('a1')}) in a`,
    );
  });

  it('are chosen by the last glob that matches, also for files with a dot', async () => {
    const things = (text: string) =>
      Object.fromEntries(['/a/.f', '/a/g', '/b'].map(path => [path, file(text)]));
    const { conflicts } = await decide(
      [part('a', layer('x', things('x'))), part('b', layer('y', things('y')))],
      {
        policy: 'warn',
        paths: [
          { glob: '/a/**', policy: 'last' },
          { glob: '**/g', policy: 'error' },
        ],
      },
    );
    expect(conflicts.map(({ path, policy }) => [path, policy])).toEqual([
      ['/a/.f', 'last'],
      ['/a/g', 'error'],
      ['/b', 'warn'],
    ]);
    expect(() => refuseConflicts(conflicts)).toThrow(
      /^a conflict between the parts of the stack:\n {2}\/a\/g: /,
    );
  });
});

describe('mergers', () => {
  /** Puts the lines of all parts that the base does not have behind those of the base. */
  const lines: Merger = {
    name: 'lines',
    answersFor: path => path === '/etc/lines',
    async merge({ paths, base, parts, stacked }) {
      const [path = ''] = paths;
      const read = async (tree: typeof base) =>
        Buffer.from((await tree.read(path))?.content ?? [])
          .toString()
          .split('\n')
          .filter(Boolean);
      const before = await read(base);
      const all = await Promise.all(parts.map(read));
      const merged = new Set([...before, ...all.flat()]);
      const entry = stacked.entry(path);
      if (!entry) return { files: [], conflicts: [] };
      const content = Buffer.from([...merged].map(line => `${line}\n`).join(''));
      return { files: [{ kind: 'file', path, entry, content }], conflicts: [] };
    },
  };
  const base = layer('base', { '/etc/lines': file('b\n') });
  const x = layer('x', { '/etc': directory(0o711), '/etc/lines': file('b\nx\n', { mode: 0o600 }) });
  const y = layer('y', { '/etc': directory(0o711), '/etc/lines': file('b\ny\n', { mode: 0o600 }) });
  const files = filesOf(base, x, y);

  it('decide instead of rules, and make what goes into the layer on top', async () => {
    const parts = [part('a', base, x), part('b', base, y)];
    const { merged, conflicts, corrections } = await decideStack(parts, WARN, [lines], files);
    expect(conflicts).toEqual([]);
    expect(merged).toEqual([{ merger: 'lines', paths: ['/etc/lines'] }]);
    expect(corrections).toMatchObject([
      { kind: 'taken', path: '/etc', entry: { mode: 0o711 } },
      { kind: 'made', path: '/etc/lines', merger: 'lines', entry: { mode: 0o600, size: 6 } },
    ]);
    const [, made] = corrections;
    expect(made?.kind === 'made' && Buffer.from(made.content).toString()).toBe('b\nx\ny\n');
  });

  it('read every layer once', async () => {
    const before = files.asked.length;
    await decideStack([part('a', base, x), part('b', base, y)], WARN, [lines], files);
    expect(files.asked.slice(before).toSorted()).toEqual(['base', 'x', 'y'].map(id => `${id}:/etc/lines`));
  });

  it('see the lower part last where it shall prevail', async () => {
    let seen: string[] = [];
    const watching: Merger = {
      ...lines,
      merge: input => {
        seen = input.parts.map(({ name }) => name);
        return lines.merge(input);
      },
    };
    const rules: ConflictRules = { policy: 'warn', paths: [{ glob: '/etc/lines', policy: 'first' }] };
    await decideStack([part('a', base, x), part('b', base, y)], rules, [watching], files);
    expect(seen).toEqual(['b', 'a']);
  });

  it('are not asked where one part has changed the file, and not where all have done the same', async () => {
    const never: Merger = { ...lines, merge: () => Promise.reject(new Error('asked')) };
    const same = layer('z', { '/etc/lines': file('b\nx\n', { mode: 0o600 }) });
    const other = layer('o', { '/o': file('') });
    await decideStack([part('a', base, x), part('b', base, other)], WARN, [never], files);
    await decideStack([part('a', base, x), part('b', base, same)], WARN, [never], files);
  });

  it('of whole databases are asked when two parts have changed different files', async () => {
    let asked: readonly string[] = [];
    const whole: Merger = {
      name: 'database',
      whole: true,
      answersFor: path => path.startsWith('/db'),
      merge: input => {
        asked = input.paths;
        return Promise.resolve({ files: [], conflicts: [] });
      },
    };
    const below = layer('base', { '/db/1': file('1'), '/db/2': file('2'), '/db/3': file('3') });
    const changed = layer('x', { '/db': directory(), '/db/1': file('x'), '/x': file('x') });
    const one = part('a', below, changed);
    const two = part('b', below, layer('y', { '/db': directory(), '/db/2': removed }));
    const three = part('c', below, layer('z', { '/z': file('z') }));
    await decide([one, three], WARN, [whole]);
    expect(asked).toEqual([]);
    const parts = [one, two, three];
    const { conflicts, orderIndependent } = await decideStack(parts, WARN, [whole], filesOf(below, changed));
    expect(asked).toEqual(['/db', '/db/1', '/db/2']);
    expect(conflicts).toEqual([]);
    expect(orderIndependent).toBe(false);
  });

  it('may find conflicts, which the rules decide', async () => {
    const objecting: Merger = {
      ...lines,
      merge: ({ parts }) =>
        Promise.resolve({
          files: [],
          conflicts: [
            { kind: 'merge', path: '/etc/lines', parts: parts.map(({ name }) => name), text: 'no' },
          ],
          regenerate: [{ command: ['/bin/true'], makes: ['/etc/lines'] }],
        }),
    };
    const parts = [part('a', base, x), part('b', base, y)];
    const decided = (policy: 'first' | 'last') =>
      decideStack(parts, { policy, paths: [] }, [objecting], files);
    const last = await decided('last');
    expect(last.conflicts).toMatchObject([{ kind: 'merge', winner: 'b', policy: 'last' }]);
    expect(last.corrections).toEqual([]);
    expect(last.regenerate).toEqual([{ command: ['/bin/true'], makes: ['/etc/lines'] }]);
    const first = await decided('first');
    expect(first.conflicts).toMatchObject([{ winner: 'a', parts: ['a', 'b'], policy: 'first' }]);
    expect(first.corrections.at(-1)).toMatchObject({ kind: 'taken', path: '/etc/lines', layer: 'x' });
  });

  it('see the trees of the parts', async () => {
    const seen: unknown[] = [];
    const looking: Merger = {
      ...lines,
      merge: async ({ base, parts, stacked }) => {
        const [first] = parts;
        seen.push(base.list('/etc'), first?.list('/etc'), stacked.list('/etc'), stacked.list('/no'));
        seen.push(first?.changed('/etc/lines'), first?.changed('/etc/mine'), first?.changed('/etc/other'));
        seen.push(
          stacked.entry('/etc/other')?.size,
          first?.entry('/etc/other')?.size,
          await base.read('/no'),
        );
        return { files: [], conflicts: [] };
      },
    };
    const below = layer('below', { '/etc/lines': file('b\n'), '/etc/gone': file('') });
    const mine = layer('mine', { '/etc/lines': file('m\n'), '/etc/mine': file(''), '/etc/gone': removed });
    const other = layer('other', { '/etc/lines': file('o\n'), '/etc/other': file('oo') });
    const parts = [part('a', below, mine), part('b', below, other)];
    await decideStack(parts, WARN, [looking], filesOf(below, mine, other));
    expect(seen).toEqual([
      ['gone', 'lines'],
      ['lines', 'mine'],
      ['lines', 'mine', 'other'],
      [],
      ...[true, true, false],
      ...[2, undefined, undefined],
    ]);
  });

  it('are told when a file is not what the contents of its layer say', async () => {
    const parts = [part('a', base, x), part('b', base, y)];
    const lying = { read: () => Promise.resolve(new Map([['etc/lines', Buffer.from('xxxx')]])) };
    await expect(decideStack(parts, WARN, [lines], lying)).rejects.toThrow(
      /^\/etc\/lines of layer (base|x|y) cannot be read$/,
    );
  });
});

describe('names that are no text', () => {
  it('are stacked like all others, but cannot be corrected', async () => {
    const name = '/caf\xe9';
    const contents = (text: string) => ({ [name]: file(text) });
    const raw = (id: string, things: Things) => {
      const made = layer(id, things);
      const bytes = async () => {
        const { entries, ...rest } = await made.contents();
        return { ...rest, entries: new Map([...entries.values()].map(entry => ['caf\xe9', entry])) };
      };
      return { ...made, contents: bytes };
    };
    const parts = [part('a', raw('x', contents('x'))), part('b', raw('y', contents('y')))];
    const { conflicts } = await decide(parts);
    expect(conflicts.map(({ path }) => path)).toEqual([`/${toText('caf\xe9')}`]);
    await expect(decide(parts, { policy: 'first', paths: [] })).rejects.toThrow(/whose name is not UTF-8/);
  });
});

function sha256(text: string): string {
  const made = file(text);
  return made.kind === 'entry' ? made.entry.sha256.slice(0, 12) : '';
}
