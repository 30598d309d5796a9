/** Several layers as one; a model, overlayfs and umoci tell what is right. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeContents } from '../../src/layers/contents-bytes.ts';
import {
  decodeContents,
  type LayerContents,
  MergedTree,
  type Squashed,
  squashLayers,
} from '../../src/layers/index.ts';
import { readContents } from '../../src/layers/read-contents.ts';
import { things } from '../stacking/arbitrary.ts';
import { bytes, type Things } from '../stacking/layers.ts';
import { applied, plain, type Tree } from '../stacking/model.ts';
import {
  dir,
  file,
  hardlink,
  lacks,
  overlay,
  packTar,
  type RawEntry,
  rawTar,
  readTree,
  scratch,
  sha256,
  symlink,
  umociTree,
  unpackTar,
  withoutTimes,
} from './support.ts';

interface Layer {
  readonly blob: string;
  readonly tar: Buffer;
  readonly contents: LayerContents;
}

async function layerOf(tar: Buffer): Promise<Layer> {
  const blob = join(scratch(), 'blob');
  writeFileSync(blob, tar);
  return { blob, tar, contents: (await readContents({ blob, compression: 'none' }, {}, () => {})).contents };
}

const layer = (...entries: readonly RawEntry[]) => layerOf(rawTar(entries));

interface Result {
  readonly squashed: Squashed;
  readonly tar: Buffer;
  readonly contents: LayerContents;
}

/** The group as one layer above others; undefined when it says nothing. */
async function squash(
  below: readonly Layer[],
  group: readonly Layer[],
  without: readonly string[] = [],
): Promise<Result | undefined> {
  const tree = new MergedTree(below.map(({ blob, contents }) => ({ blob, compression: 'none', contents })));
  const paths = without.map(bytes);
  const squashed = await squashLayers(
    group.map(({ contents }) => contents),
    { without: paths, removeBelow: true, below: path => tree.at(path) },
  );
  if (squashed.empty) return undefined;
  const layers = group.map(({ blob, contents }) => {
    return { blob, compression: 'none' as const, contents: encodeContents(contents) };
  });
  const packed = await packTar({ kind: 'squash', layers, squashed, without: paths });
  if (!packed?.contents) throw new Error('nothing was packed');
  return { squashed, tar: packed.tar, contents: decodeContents(packed.contents) };
}

/** What the archive says, in its order. */
async function namesIn({ tar }: Result): Promise<string[]> {
  const names: string[] = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, tar.indexOf(0, at));
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    if (tar[at + 156] !== 'x'.charCodeAt(0)) names.push(name);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return names;
}

describe('layers that are put together', () => {
  const base = () =>
    layer(
      dir('./'),
      dir('etc/'),
      file('etc/old', 'old'),
      file('etc/kept'),
      dir('tmp/', { mode: 0o1777 }),
      dir('lib/', { mode: 0o711 }),
      file('lib/a'),
    );

  it('have each path once, as it is in the end', async () => {
    const group = [
      await layer(dir('./'), dir('etc/'), file('etc/a', 'first'), file('etc/b', 'b'), symlink('etc/l', 'a')),
      await layer(dir('etc/'), file('etc/a', 'second', { mode: 0o600 }), file('etc/.wh.b', '')),
    ];
    const result = await squash([await base()], group);
    expect(result && (await namesIn(result))).toEqual(['/', 'etc/', 'etc/l', 'etc/a']);
    expect(result?.contents.entries.get('etc/a')).toMatchObject({ mode: 0o600, sha256: sha256('second') });
  });

  it('keep removing what is below, and only that', async () => {
    const group = [
      await layer(dir('etc/'), file('etc/new'), file('etc/.wh.old', '')),
      await layer(dir('etc/'), file('etc/.wh.new', ''), file('etc/.wh.never', ''), file('.wh.lib', '')),
    ];
    const result = await squash([await base()], group);
    expect(result?.squashed.removed).toEqual(['etc/old', 'lib']);
    expect([...(result?.contents.hidden ?? [])].sort()).toEqual(['etc/old', 'lib']);
    expect(await squash([], [await layer(file('.wh.lib', ''))])).toBeUndefined();
  });

  it('hide what is below a directory that was made anew', async () => {
    const group = [
      await layer(file('.wh.lib', '')),
      await layer(dir('lib/'), file('lib/b', 'b'), dir('lib/c/')),
      await layer(dir('etc/'), file('etc/.wh..wh..opq', '')),
    ];
    const result = await squash([await base()], group);
    expect(result?.squashed).toMatchObject({ opaque: ['etc', 'lib'], removed: [] });
    expect(result && (await namesIn(result))).toEqual([
      '/',
      'etc/',
      'etc/.wh..wh..opq',
      'lib/',
      'lib/.wh..wh..opq',
      'lib/c/',
      'lib/b',
    ]);
  });

  it('say nothing of directories that are below as they were, but for their times', async () => {
    const used = await layer(dir('./'), dir('tmp/', { mode: 0o1777, mtime: 5 }), file('tmp/x', 'x'));
    const cleared = await layer(dir('tmp/', { mode: 0o1777, mtime: 6 }), file('tmp/.wh.x', ''));
    expect(await squash([await base()], [used, cleared])).toBeUndefined();
    const changed = await layer(dir('tmp/', { mode: 0o777 }), file('tmp/.wh.x', ''));
    const result = await squash([await base()], [used, changed]);
    expect(result && (await namesIn(result))).toEqual(['/', 'tmp/']);
    const made = await squash([], [await layer(dir('tmp/')), cleared]);
    expect(made?.contents.entries.get('tmp')?.mode).toBe(0o1777);
  });

  it('leave paths out, and remove them from below', async () => {
    const group = [
      await layer(dir('./'), dir('tmp/', { mode: 0o1777 }), dir('tmp/w/'), file('tmp/w/big'), file('x')),
      await layer(dir('tmp/', { mode: 0o1777 }), dir('tmp/w/'), file('tmp/w/.wh.big', '')),
    ];
    const result = await squash([await base()], group, ['/tmp/w', '/nowhere']);
    expect(result && (await namesIn(result))).toEqual(['/', 'x']);
    const had = await layer(dir('tmp/', { mode: 0o1777, mtime: 7 }), dir('tmp/w/'), file('tmp/w/f'));
    const removing = await squash([await base(), had], group, ['/tmp/w', '/tmp/w/f']);
    expect(removing && (await namesIn(removing))).toEqual(['/', 'tmp/', 'tmp/.wh.w', 'x']);
    expect(removing?.contents.entries.get('tmp')).toMatchObject({ mode: 0o1777 });
    const nothing = await squash([await base(), had], [], ['/tmp/w']);
    expect(nothing && (await namesIn(nothing))).toEqual(['/', 'tmp/', 'tmp/.wh.w']);
    expect(nothing?.contents.entries.get('tmp')).toMatchObject({ mode: 0o1777, mtime: 7_000_000_000n });
  });

  it('are the only layer where that is as it should be', async () => {
    const only = await layer(dir('./'), file('x'), dir('tmp/', { mode: 0o1777 }));
    expect((await squash([await base()], [only], ['/tmp/w']))?.squashed.asItIs).toBe(true);
    expect((await squash([await base()], [only], ['/x', '/lib']))?.squashed.asItIs).toBe(false);
    expect((await squash([await base()], [only], ['/lib']))?.squashed.asItIs).toBe(false);
  });

  it('keep links to the same file, whichever of its names went away', async () => {
    const group = [
      await layer(
        file('a', 'content', { mode: 0o755, pax: { 'SCHILY.xattr.user.k': 'v' } }),
        hardlink('b', 'a'),
        hardlink('c', 'a'),
        { name: 'n1', type: '3', major: 1, minor: 3 },
        hardlink('n2', 'n1'),
        hardlink('n3', 'n1'),
        file('e1', ''),
        hardlink('e2', 'e1'),
      ),
      await layer(file('.wh.a', ''), file('.wh.n1', ''), file('d', 'content')),
    ];
    const result = await squash([], group);
    const { entries } = result?.contents ?? { entries: new Map() };
    expect([...entries].filter(([, { linkedTo }]) => linkedTo).map(([path]) => path)).toEqual([
      'c',
      'e2',
      'n3',
    ]);
    expect(entries.get('c')).toMatchObject({ linkedTo: 'b', mode: 0o755, sha256: sha256('content') });
    expect(entries.get('n3')).toMatchObject({ linkedTo: 'n2', type: 'character', minor: 3 });
    expect(entries.get('b')?.xattrs).toEqual([{ name: 'user.k', value: Buffer.from('v') }]);
  });

  it('keep long names, names that are no text, holes, devices and owners', async () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(200)}`;
    const map = Buffer.from('1\n1048576\n4\n'.padEnd(512, '\0'));
    const group = [
      await layer(
        file('x', 'long', { pax: { path: long } }),
        file(Buffer.from([0xff, 0x61]).toString('latin1'), 'bytes'),
        { name: 'p', type: '6', uid: 7, gid: 8, mode: 0o620 },
        file('sparse', Buffer.concat([map, Buffer.from('data')]), {
          pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '2097152' },
        }),
      ),
      await layer(file('.wh.nothing', '')),
    ];
    const result = await squash([], group);
    const expected = new Map(group[0]?.contents.entries);
    const { entries } = result?.contents ?? { entries: new Map() };
    for (const [path, entry] of expected) expect([path, entries.get(path)]).toEqual([path, entry]);
    expect(entries.get('sparse')?.size).toBe(2097152);
  });

  it('read a layer twice whose entries replace each other', async () => {
    const twice = await layer(
      file('a', 'first'),
      hardlink('b', 'a'),
      file('a', 'secnd'),
      dir('d/'),
      file('d/x'),
      file('d', 'file'),
    );
    const result = await squash([], [twice, await layer(file('z'))]);
    expect(result?.contents.entries.get('a')?.sha256).toBe(sha256('secnd'));
    expect(result?.contents.entries.get('b')?.sha256).toBe(sha256('first'));
    expect(result && (await namesIn(result))).toEqual(['/', 'b', 'a', 'd', 'z']);
  });

  it('are the same bytes whenever they are made', async () => {
    const group = [await layer(dir('./'), file('a'), file('b')), await layer(file('b', 'x'), dir('d/'))];
    const [one, other] = [await squash([], group), await squash([await base()], group)];
    expect(one?.tar).toEqual(other?.tar);
  });
});

/** All directories of random layers are described, since umoci makes others only where nothing else is. */
function tarOf(drawn: Things, prefix = ''): RawEntry[] {
  return Object.entries(drawn)
    .toSorted()
    .flatMap(([path, thing]) => {
      const parents = path.split('/').slice(0, -1);
      const above = parents.map((_, i) => parents.slice(0, i + 1).join('/')).filter(parent => parent !== '');
      return [
        ...above
          .filter(parent => drawn[parent] === undefined)
          .map(parent => dir(`${nameOf(prefix + parent)}/`)),
        ...entriesFor(nameOf(prefix + path), thing),
      ];
    });
}

function nameOf(path: string): string {
  return path.replace(/^\//, '');
}

function entriesFor(name: string, thing: Things[string]): RawEntry[] {
  const slash = name.lastIndexOf('/') + 1;
  const opaque = [dir(`${name}/`), file(`${name}/.wh..wh..opq`, '')];
  if (thing.kind === 'removed') return [file(`${name.slice(0, slash)}.wh.${name.slice(slash)}`, '')];
  if (thing.kind === 'opaque') return opaque;
  if (thing.kind !== 'entry') return opaque.slice(0, 1);
  const { type, mode, link } = thing.entry;
  if (type === 'symlink') return [symlink(name, link)];
  if (type === 'file') return [file(name, Buffer.from(thing.content), { mode })];
  return [dir(`${name}/`, { mode }), ...(thing.anew ? opaque.slice(1) : [])];
}

const stacks = fc.record({
  below: fc.array(things, { maxLength: 2 }),
  group: fc.array(things, { minLength: 1, maxLength: 4 }),
  without: fc.subarray(['/a', '/a/b', '/b/a', '/b/a/a'], { maxLength: 2 }),
});

function minus(tree: Tree, without: readonly string[]): Tree {
  const isLeftOut = (path: string) =>
    without.some(one => `/${path}` === one || `/${path}`.startsWith(`${one}/`));
  return new Map([...tree].filter(([path]) => path !== '' && !isLeftOut(path)));
}

describe('random layers that are put together', () => {
  it('give the tree that they gave one by one, and say nothing of what is not below', async () => {
    await fc.assert(
      fc.asyncProperty(stacks, async ({ below, group, without }) => {
        const lower = await Promise.all(below.map(drawn => layer(...tarOf(drawn))));
        const upper = await Promise.all(group.map(drawn => layer(...tarOf(drawn))));
        const result = await squash(lower, upper, without);
        const trees = lower.map(({ contents }) => contents);
        const whole = applied([...trees, ...upper.map(({ contents }) => contents)]);
        const together = applied([...trees, ...(result ? [result.contents] : [])]);
        expect(plain(minus(together, []))).toEqual(plain(minus(whole, without)));
        const before = applied(trees);
        for (const path of result?.contents.hidden ?? []) expect(before.has(path)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

/** Many stacks beside each other in one tree: programs take long to start. */
async function laidOut() {
  const drawn = fc.sample(stacks, 25);
  const tars = (pick: (stack: (typeof drawn)[number]) => readonly Things[], count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, layerOf) =>
        layer(
          dir('./'),
          ...drawn.flatMap((stack, i) => [dir(`s${i}/`), ...tarOf(pick(stack)[layerOf] ?? {}, `s${i}`)]),
        ),
      ),
    );
  const [below, group] = [await tars(({ below }) => below, 2), await tars(({ group }) => group, 4)];
  const without = drawn.flatMap(({ without }, i) => without.map(path => `/s${i}${path}`));
  const result = await squash(below, group, without);
  const isLeftOut = (path: string) =>
    without.some(one => `/${path}` === one || `/${path}`.startsWith(`${one}/`));
  const shown = (root: string) =>
    Object.fromEntries(
      Object.entries(withoutTimes(readTree(root))).filter(([path]) => path !== '.' && !isLeftOut(path)),
    );
  const unsquashed = [...below, ...group].map(({ tar }) => tar);
  const squashed = [...below.map(({ tar }) => tar), ...(result ? [result.tar] : [])];
  return { unsquashed, squashed, shown, without };
}

describe('random layers that are put together, unpacked by others', () => {
  it('are the same to overlayfs', async () => {
    const { unsquashed, squashed, shown, without } = await laidOut();
    const mounted = async (tars: readonly Buffer[]) => {
      const unpacked = await Promise.all(tars.map(async tar => (await unpackTar(tar)).directory));
      return overlay(unpacked).merged;
    };
    const root = await mounted(squashed);
    expect(shown(root)).toEqual(shown(await mounted(unsquashed)));
    for (const path of without) expect(readTree(root)).not.toHaveProperty([path.slice(1)]);
  });

  it.skipIf(lacks('umoci'))('are the same to umoci', async () => {
    const { unsquashed, squashed, shown } = await laidOut();
    expect(shown(umociTree(squashed))).toEqual(shown(umociTree(unsquashed)));
  });
});
