/** What layers say path by path: read, recorded, kept, and merged; umoci and overlayfs tell what is right. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentsEntry, LayerContents } from '../../src/layers/contents.ts';
import { decodeContents, encodeContents } from '../../src/layers/contents-bytes.ts';
import { type Limits, mergeContents } from '../../src/layers/index.ts';
import { readContents } from '../../src/layers/read-contents.ts';
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
  sh,
  sha256,
  symlink,
  type TreeEntry,
  umociTree,
  unpackTar,
} from './support.ts';

async function read(
  tar: Buffer,
  compression: 'none' | 'gzip' | 'zstd' = 'none',
  limits: Partial<Limits> = {},
) {
  const blob = join(scratch(), 'blob');
  const compress = { none: (bytes: Buffer) => bytes, gzip: gzipSync, zstd: zstdCompressSync }[compression];
  writeFileSync(blob, compress(tar));
  return readContents({ blob, compression }, limits, () => {});
}

async function contentsOf(...entries: readonly RawEntry[]): Promise<LayerContents> {
  return (await read(rawTar(entries))).contents;
}

describe('contents of a layer', () => {
  it('tell everything that is known of each path', async () => {
    const contents = await contentsOf(
      dir('./', { mode: 0o711 }),
      dir('etc/', { mode: 0o750, uid: 3, gid: 4, pax: { 'SCHILY.xattr.user.a': 'b' } }),
      file('etc/conf', 'hello', { mode: 0o4755, uid: 5, gid: 6, pax: { mtime: '12.000000034' } }),
      file('etc/none', ''),
      symlink('link', '/etc/conf'),
      { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 },
      { name: 'disk', type: '4', major: 8, minor: 1 },
      { name: 'pipe', type: '6' },
    );
    const common = { uid: 0, gid: 0, size: 0, mtime: 1_600_000_000_000_000_000n, sha256: '', link: '' };
    const plain = { ...common, major: 0, minor: 0, xattrs: [] };
    const attribute = { name: 'user.a', value: Buffer.from('b') };
    expect([...contents.entries]).toEqual([
      ['', { ...plain, type: 'directory', mode: 0o711 }],
      ['disk', { ...plain, type: 'block', mode: 0o644, major: 8, minor: 1 }],
      ['etc', { ...plain, type: 'directory', mode: 0o750, uid: 3, gid: 4, xattrs: [attribute] }],
      [
        'etc/conf',
        {
          ...plain,
          type: 'file',
          mode: 0o4755,
          uid: 5,
          gid: 6,
          size: 5,
          mtime: 12_000_000_034n,
          sha256: sha256('hello'),
        },
      ],
      ['etc/none', { ...plain, type: 'file', mode: 0o644, sha256: sha256('') }],
      ['link', { ...plain, type: 'symlink', mode: 0o777, link: '/etc/conf' }],
      ['null', { ...plain, type: 'character', mode: 0o666, major: 1, minor: 3 }],
      ['pipe', { ...plain, type: 'fifo', mode: 0o644 }],
    ]);
    expect(contents).toMatchObject({ implied: new Set(), hidden: new Set(), opaque: new Set() });
  });

  it('come with the diff ID, in every compression', async () => {
    const tar = rawTar([file('a'), file('b', 'x'.repeat(3_000_000))]);
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const { contents, diffId } = await read(tar, compression);
      expect(diffId).toBe(`sha256:${sha256(tar)}`);
      expect(contents.entries.get('b')?.sha256).toBe(sha256('x'.repeat(3_000_000)));
    }
  });

  it('of an empty layer are nothing but the root that every layer has', async () => {
    expect(await contentsOf()).toEqual({
      entries: new Map(),
      implied: new Set(['']),
      hidden: new Set(),
      opaque: new Set(),
    });
  });

  it('keep names that are not UTF-8, and names of any length', async () => {
    const long = `${'d'.repeat(200)}/${'e'.repeat(200)}/f`;
    const contents = await contentsOf(
      file(Buffer.from('caf\xe9', 'latin1') as never, 'x'),
      { name: 'short', content: 'y', pax: { path: long } },
      { name: 'link', type: '2', link: Buffer.from('\xff\xfe', 'latin1') },
    );
    expect([...contents.entries.keys()]).toEqual(['caf\xe9', long, 'link']);
    expect(contents.entries.get('link')?.link).toBe('\xff\xfe');
    expect([...contents.implied]).toEqual(['', 'd'.repeat(200), `${'d'.repeat(200)}/${'e'.repeat(200)}`]);
  });

  it('take the last entry of a path, and what is below it goes with what it replaces', async () => {
    const { entries } = await contentsOf(
      dir('d'),
      file('d/x'),
      file('d', 'now a file'),
      file('f', 'one'),
      file('f', 'two'),
      file('g', 'one'),
      dir('g'),
    );
    expect([...entries.keys()]).toEqual(['d', 'f', 'g']);
    expect(entries.get('d')?.sha256).toBe(sha256('now a file'));
    expect(entries.get('f')?.sha256).toBe(sha256('two'));
    expect(entries.get('g')?.type).toBe('directory');
  });

  it('follow links of the layer on the way to an entry', async () => {
    const { entries, implied } = await contentsOf(dir('usr/lib'), symlink('lib', 'usr/lib'), file('lib/x'));
    expect([...entries.keys()]).toEqual(['lib', 'usr/lib', 'usr/lib/x']);
    expect([...implied]).toEqual(['', 'usr']);
  });

  it('give each name of a file what the first one has', async () => {
    const { entries } = await contentsOf(
      file('b', 'same', { uid: 7 }),
      hardlink('a', 'b'),
      hardlink('c', 'a'),
      symlink('s', 'x'),
      hardlink('t', 's'),
    );
    const one = entries.get('a');
    expect(one).toMatchObject({ type: 'file', sha256: sha256('same'), uid: 7 });
    expect(one).not.toHaveProperty('linkedTo');
    expect(entries.get('b')).toEqual({ ...one, linkedTo: 'a' });
    expect(entries.get('c')).toEqual({ ...one, linkedTo: 'a' });
    expect(entries.get('t')).toMatchObject({ type: 'symlink', link: 'x', linkedTo: 's' });
  });

  it('know a file by its other name when the first one was replaced', async () => {
    const { entries } = await contentsOf(
      file('a', 'old'),
      hardlink('b', 'a'),
      hardlink('c', 'b'),
      file('a', 'new'),
    );
    expect(entries.get('a')?.sha256).toBe(sha256('new'));
    expect(entries.get('b')).not.toHaveProperty('linkedTo');
    expect(entries.get('c')).toMatchObject({ sha256: sha256('old'), linkedTo: 'b' });
  });

  it('tell what is hidden, by name and as a whole, wherever the mark stands', async () => {
    const marks = [file('.wh.gone', ''), file('d/.wh..wh..opq', ''), file('new/.wh.x', '')];
    const others = [dir('./'), dir('d'), file('d/kept'), dir('new')];
    const before = await contentsOf(...others, ...marks);
    expect(await contentsOf(...marks, ...others)).toEqual(before);
    expect(before.hidden).toEqual(new Set(['gone', 'new/x']));
    expect(before.opaque).toEqual(new Set(['d']));
    expect([...before.entries.keys()]).toEqual(['', 'd', 'd/kept', 'new']);
  });

  it('have a directory that replaces another one as hidden and opaque', async () => {
    const { hidden, opaque, entries } = await contentsOf(file('.wh.d', ''), dir('d'), file('d/x'));
    expect([hidden, opaque]).toEqual([new Set(['d']), new Set(['d'])]);
    expect([...entries.keys()]).toEqual(['d', 'd/x']);
  });

  it('never take the form of overlayfs for anything', async () => {
    const { entries, hidden, opaque } = await contentsOf(
      dir('d', { pax: { 'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.user.x': '1' } }),
      { name: 'gone', type: '3', major: 0, minor: 0 },
      file('labelled', 'x', { pax: { 'SCHILY.xattr.security.selinux': 'here' } }),
    );
    expect([hidden, opaque]).toEqual([new Set(), new Set()]);
    expect([...entries.keys()]).toEqual(['d', 'labelled']);
    expect(entries.get('d')?.xattrs.map(({ name }) => name)).toEqual(['user.x']);
    expect(entries.get('labelled')?.xattrs).toEqual([]);
  });

  it('have the hash of a sparse file with its holes', async () => {
    const work = scratch();
    sh(
      `truncate -s 700000 s; printf data | dd of=s bs=1 seek=300000 conv=notrunc status=none
       truncate -s 1000 hole; tar --sparse --format=pax -cf pax.tar s hole; tar --sparse --format=gnu -cf gnu.tar s hole`,
      work,
    );
    const wanted = readTree(work);
    for (const archive of ['pax.tar', 'gnu.tar']) {
      const { contents } = await readContents(
        { blob: join(work, archive), compression: 'none' },
        {},
        () => {},
      );
      for (const name of ['s', 'hole'])
        expect(contents.entries.get(name)?.sha256).toBe(wanted[name]?.content);
      expect(contents.entries.get('s')?.size).toBe(700_000);
    }
  });

  it('are refused beyond the limits, also where only attributes and holes are large', async () => {
    const value = 'v'.repeat(1000);
    const many = Array.from({ length: 20 }, (_, i) =>
      file(`f${i}`, 'x', { pax: { 'SCHILY.xattr.user.v': value } }),
    );
    await expect(read(rawTar(many), 'none', { nameBytes: 10_000 })).rejects.toThrow(
      'the attributes of the layer take more than 10000 bytes',
    );
    const sparse = {
      name: 's',
      content: 'x',
      pax: { 'GNU.sparse.map': '0,1', 'GNU.sparse.size': '9000000', 'GNU.sparse.numblocks': '1' },
    };
    await expect(read(rawTar([sparse]), 'none', { expandedBytes: 1_000_000 })).rejects.toThrow(
      'decompression bomb',
    );
    await expect(read(rawTar([file('../x')]))).rejects.toThrow('leads out through ".."');
  });
});

describe('a layer that is packed', () => {
  it('has the contents that reading it gives', async () => {
    const upper = scratch();
    sh(
      `mkdir -p d/e many; echo x > a; ln a d/b; ln -s a link; mknod null c 1 3; mkfifo pipe
       cp /bin/true cap; setcap cap_net_raw+ep cap; setfattr -n user.mine -v 1 d; setfattr -n user.overlay.opaque -v y d/e
       head -c 3000000 /dev/urandom > large; mknod many/gone c 0 0; touch -d @3000000000.5 late
       : > "$(printf 'caf\\351')"; printf data | dd of=sparse bs=1 seek=2000000 status=none
       for i in $(seq 300); do printf %$((i * 17))s x > many/$i; done`,
      upper,
    );
    const packed = await packTar({ kind: 'upper', directory: upper }, { sourceDateEpoch: 2_000_000_000 });
    const { contents, diffId } = await read(packed?.tar ?? Buffer.alloc(0));
    expect(decodeContents(packed?.contents ?? Buffer.alloc(0))).toEqual(contents);
    expect(diffId).toBe(packed?.diffId);
    expect(contents.entries.size).toBe(314);
    expect(contents.hidden).toEqual(new Set(['many/gone']));
    expect(contents.opaque).toEqual(new Set(['d/e']));
    expect(contents.entries.get('late')?.mtime).toBe(2_000_000_000_000_000_000n);
    expect(contents.entries.get('d/b')?.linkedTo).toBe('a');
    const attribute = contents.entries.get('cap')?.xattrs.map(({ name }) => name);
    expect(attribute).toEqual(['security.capability']);
  });

  it('has them from files of the host, too, but not from an archive', async () => {
    const work = scratch();
    mkdirSync(join(work, 'from'));
    sh('echo one > from/x; ln -s x from/y; tar -cf tree.tar from', work);
    const entry = { source: join(work, 'from'), target: '/opt', keep: 'content', uid: 1, gid: 2 } as const;
    const files = await packTar({ kind: 'files', entries: [entry], parents: [] });
    const { contents } = await read(files?.tar ?? Buffer.alloc(0));
    expect(decodeContents(files?.contents ?? Buffer.alloc(0))).toEqual(contents);
    expect(contents.entries.get('opt/x')).toMatchObject({ sha256: sha256('one\n'), uid: 1, gid: 2 });
    expect(await packTar({ kind: 'tar', path: join(work, 'tree.tar') })).not.toHaveProperty('contents');
  });
});

const byte = fc.integer({ min: 1, max: 255 }).map(code => String.fromCharCode(code));
const bytes = (most: number) => fc.array(byte, { minLength: 1, maxLength: most }).map(all => all.join(''));
const anyPath = fc.array(bytes(6), { maxLength: 4 }).map(names => names.join('/'));
const id = fc.integer({ min: 0, max: 0xffff_fffe });
const anyEntry: fc.Arbitrary<ContentsEntry> = fc
  .record({
    type: fc.constantFrom('file', 'directory', 'symlink', 'character', 'block', 'fifo'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: id,
    gid: id,
    size: fc.integer({ min: 0, max: 2 ** 40 }),
    mtime: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(all => Buffer.from(all).toString('hex')),
    link: bytes(20),
    major: fc.nat(4095),
    minor: fc.nat(2 ** 20),
    xattrs: fc.array(
      fc.record({ name: bytes(9), value: fc.uint8Array({ maxLength: 5 }).map(all => Buffer.from(all)) }),
      { maxLength: 2 },
    ),
  })
  .map(entry => {
    const isDevice = entry.type === 'character' || entry.type === 'block';
    return {
      ...entry,
      ...(entry.type === 'file' ? {} : { size: 0, sha256: '' }),
      ...(entry.type === 'symlink' ? {} : { link: '' }),
      ...(isDevice ? {} : { major: 0, minor: 0 }),
    };
  });

it('contents survive being kept', () => {
  const linked = fc
    .tuple(anyEntry, fc.option(anyPath, { nil: undefined }))
    .map(([entry, linkedTo]) => (linkedTo === undefined ? entry : { ...entry, linkedTo }));
  const paths = fc.array(anyPath, { maxLength: 3 }).map(all => new Set(all));
  const contents = fc.record({
    entries: fc.array(fc.tuple(anyPath, linked), { maxLength: 8 }).map(all => new Map(all)),
    implied: paths,
    hidden: paths,
    opaque: paths,
  });
  fc.assert(
    fc.property(contents, before => {
      expect(decodeContents(encodeContents(before))).toEqual(before);
    }),
  );
});

/** What merging the contents says of a tree, in the form in which trees are read. */
async function mergedTree(tars: readonly Buffer[]): Promise<Record<string, TreeEntry>> {
  const layers: LayerContents[] = [];
  for (const tar of tars) layers.push((await read(tar)).contents);
  const merged = [...mergeContents(layers)].sort(([a], [b]) => (walkKey(a) < walkKey(b) ? -1 : 1));
  const first = new Map<string, string>();
  return Object.fromEntries(
    merged.map(([path, { entry, layer }]) => {
      const { type, mode, uid, gid, mtime, link, xattrs } = entry;
      const file = `${layer} ${entry.linkedTo ?? path}`;
      const sameAs = type === 'directory' ? undefined : first.get(file);
      if (sameAs === undefined) first.set(file, path);
      return [
        path === '' ? '.' : path,
        {
          type,
          mode: mode.toString(8),
          owner: `${uid}:${gid}`,
          mtime,
          ...(type === 'file' ? { content: entry.sha256 } : {}),
          ...(type === 'symlink' ? { link } : {}),
          ...(sameAs === undefined ? {} : { sameAs }),
          ...(xattrs.length === 0
            ? {}
            : {
                xattrs: Object.fromEntries(
                  xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('hex')]),
                ),
              }),
        },
      ];
    }),
  );
}

function walkKey(path: string): string {
  return path.replaceAll('/', '\0');
}

/** Without the times of directories, which nobody keeps while there are changes in them. */
function comparable(tree: Record<string, TreeEntry>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => {
      const { mtime, ...rest } = entry;
      return [path, entry.type === 'directory' ? rest : { ...rest, mtime }];
    }),
  );
}

async function overlayTree(tars: readonly Buffer[]): Promise<Record<string, TreeEntry>> {
  const lowers: string[] = [];
  for (const tar of tars) lowers.push((await unpackTar(tar)).directory);
  const tree = readTree(overlay(lowers).merged);
  // The marks of overlayfs can be seen with `userxattr`.
  return Object.fromEntries(
    Object.entries(tree).map(([path, { xattrs, ...entry }]) => {
      const own = Object.entries(xattrs ?? {}).filter(([name]) => !name.startsWith('user.overlay.'));
      return [path, own.length === 0 ? entry : { ...entry, xattrs: Object.fromEntries(own) }];
    }),
  );
}

describe('contents of layers together', () => {
  it('tell the layer that each path comes from', async () => {
    const layers = [
      await contentsOf(dir('./'), dir('d', { mode: 0o700 }), file('d/a'), file('d/b'), file('x')),
      await contentsOf(file('d/b', 'new'), file('.wh.x', ''), file('e/g')),
      await contentsOf(file('e/f')),
    ];
    const merged = mergeContents(layers);
    expect([...merged].map(([path, { layer }]) => [path, layer])).toEqual([
      ['', 0],
      ['d', 0],
      ['d/a', 0],
      ['d/b', 1],
      ['e', 1],
      ['e/f', 2],
      ['e/g', 1],
    ]);
    expect(merged.get('d')?.entry.mode).toBe(0o700);
    expect(merged.get('e')?.entry).toMatchObject({ type: 'directory', mode: 0o755, uid: 0 });
  });

  it.skipIf(lacks('umoci')).each<[string, readonly (readonly RawEntry[])[]]>([
    [
      'a directory that a layer only implies',
      [[dir('./'), dir('d', { mode: 0o700, uid: 4 })], [file('d/x')]],
    ],
    [
      'an opaque directory without an entry',
      [[dir('d', { mode: 0o700 }), file('d/a')], [file('d/.wh..wh..opq', '')]],
    ],
    [
      'an opaque root',
      [
        [dir('./'), file('a'), dir('d'), file('d/x')],
        [dir('./'), file('.wh..wh..opq', ''), file('b')],
      ],
    ],
    [
      'a file between directories',
      [[dir('d'), file('d/deep')], [file('d', 'file')], [dir('d', { mode: 0o711 }), file('d/top')]],
    ],
    [
      'a directory that was removed and implied again',
      [[dir('d', { mode: 0o700 }), file('d/a')], [file('.wh.d', '')], [file('d/b')]],
    ],
    [
      'a link in place of a directory',
      [
        [dir('d'), file('d/a')],
        [symlink('d', 'e'), dir('e')],
      ],
    ],
    ['nothing at all', [[], []]],
  ])('are what umoci makes of %s', async (_, layers) => {
    const tars = layers.map(entries => rawTar(entries));
    expect(comparable(await mergedTree(tars))).toEqual(comparable(readTree(umociTree(tars))));
  });

  it.skipIf(lacks('umoci'))('are what umoci and overlayfs make of any layers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomCase, { minLength: 60, maxLength: 60 }), async cases => {
        // Each case lives in a directory of its own, so that the tools are called once for all of them.
        const tars = LAYERS.map(i =>
          rawTar([
            dir('./'),
            ...cases.flatMap((layers, number) => layerEntries(`case${number}`, layers[i] ?? [])),
          ]),
        );
        const merged = comparable(await mergedTree(tars));
        expect(merged).toEqual(comparable(readTree(umociTree(tars))));
        expect(merged).toEqual(comparable(await overlayTree(tars)));
      }),
      { numRuns: 3 },
    );
  });
});

const LAYERS = [0, 1, 2, 3];

type Change =
  | {
      readonly kind: 'file' | 'directory' | 'symlink' | 'opaque' | 'whiteout';
      readonly path: string;
      readonly seed: number;
    }
  | { readonly kind: 'link'; readonly path: string; readonly to: string };

const PATHS = ['a', 'a/b', 'a/b/c', 'a/b/d', 'a/e', 'a-f', 'g', 'g/h'];
const somePath = fc.constantFrom(...PATHS);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('file', 'file', 'directory', 'symlink', 'opaque', 'whiteout', 'whiteout'),
    path: somePath,
    seed: fc.nat(3),
  }),
  fc.record({ kind: fc.constant('link'), path: somePath, to: somePath }),
);
const randomCase = fc.array(fc.array(change, { maxLength: 7 }), { minLength: 4, maxLength: 4 });

/** The changes as entries, each directory before what is in it, as far as they go together. */
function layerEntries(top: string, changes: readonly Change[]): readonly RawEntry[] {
  const standing = new Map<string, string>();
  const entries: RawEntry[] = [];
  const add = (entry: RawEntry, path: string, kind: string) => {
    standing.set(path, kind);
    entries.push(entry);
  };
  const ancestors = (path: string) => path.split('/').map((_, i, all) => all.slice(0, i).join('/'));
  for (const change of changes) {
    const { kind, path } = change;
    const name = `${top}/${path}`;
    const above = ancestors(path).map(ancestor => (ancestor === '' ? top : `${top}/${ancestor}`));
    if (above.some(ancestor => (standing.get(ancestor) ?? 'directory') !== 'directory')) continue;
    for (const ancestor of above) if (!standing.has(ancestor)) add(dir(ancestor), ancestor, 'directory');
    const mark = (text: string) => entries.push(file(text, ''));
    if (kind === 'whiteout') {
      mark(name.replace(/[^/]*$/, '.wh.$&'));
      continue;
    }
    if (standing.has(name) && standing.get(name) !== (kind === 'opaque' ? 'directory' : kind)) continue;
    if (kind === 'link') {
      const target = `${top}/${change.to}`;
      if (target !== name && standing.get(target) === 'file' && !standing.has(name))
        add(hardlink(name, target), name, 'file');
      continue;
    }
    const mode = 0o600 + change.seed;
    const more = { mode, uid: change.seed, mtime: 1_000_000_000 + change.seed };
    if (kind === 'file') add(file(name, `content ${change.seed}`, more), name, kind);
    else if (kind === 'symlink') add(symlink(name, `target${change.seed}`), name, kind);
    else add(dir(name, { ...more, mode: mode | 0o100 }), name, 'directory');
    if (kind === 'opaque') mark(`${name}/.wh..wh..opq`);
  }
  return entries;
}
