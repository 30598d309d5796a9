/** Archives that want to write where they must not, or to be something they are not. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readContents } from '../../src/layers/read-contents.ts';
import { AshlarError } from '../../src/support/errors.ts';
import {
  dir,
  file,
  hardlink,
  packTar,
  paxRecords,
  type RawEntry,
  rawEntry,
  rawTar,
  readTree,
  scratch,
  seal,
  symlink,
  unpackTar,
} from './support.ts';

/** A place with something to destroy on every side of the directory that is unpacked into. */
function minefield(): { readonly root: string; readonly target: string; readonly before: unknown } {
  const root = scratch();
  mkdirSync(join(root, 'etc'));
  mkdirSync(join(root, 'a/outside'), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x');
  writeFileSync(join(root, 'a/outside/victim'), 'victim');
  writeFileSync(join(root, 'a/victim'), 'victim');
  return { root, target: join(root, 'a/tree'), before: readTree(root) };
}

async function expectRefused(tar: Buffer, message: RegExp | undefined): Promise<void> {
  const { root, target, before } = minefield();
  const refusal = await unpackTar(tar, { directory: target }).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (message === undefined) {
    expect(refusal).toBeUndefined();
  } else {
    expect(refusal).toBeInstanceOf(AshlarError);
    expect((refusal as AshlarError).message).toMatch(message);
  }
  const after = readTree(root);
  for (const path of Object.keys(after)) {
    if (path === 'a/tree' || path.startsWith('a/tree/')) delete after[path];
  }
  // The directory that holds the new one has changed its time, and that alone.
  const timeless = (tree: unknown) =>
    JSON.stringify(tree, (key, value) => (key === 'mtime' ? undefined : value));
  expect(timeless(after)).toBe(timeless(before));
}

const outside = '../outside';
const long = 'x'.repeat(5000);

interface Vector {
  readonly what: string;
  readonly entries: readonly RawEntry[];
  readonly says: RegExp;
}

const vectors: readonly Vector[] = [
  // The root entry (CVE-2021-29136)
  {
    what: 'a root that is a symlink, as .',
    entries: [symlink('.', '/etc'), file('x')],
    says: /root .* not a directory/,
  },
  {
    what: 'a root that is a symlink, as ./',
    entries: [symlink('./', '/etc'), file('x')],
    says: /root .* not a directory/,
  },
  {
    what: 'a root that is a symlink, as /',
    entries: [symlink('/', '/etc'), file('x')],
    says: /root .* not a directory/,
  },
  {
    what: 'a root without a name',
    entries: [symlink('', '/etc'), file('x')],
    says: /root .* not a directory/,
  },
  { what: 'a root that is a file', entries: [file('.')], says: /root .* not a directory/ },
  {
    what: 'a root that is a hard link',
    entries: [file('a'), hardlink('./.', 'a')],
    says: /root .* not a directory/,
  },
  {
    what: 'a root that is a device',
    entries: [{ name: '/', type: '4', major: 8, minor: 0 }],
    says: /root .* not a directory/,
  },
  // Ways out
  { what: 'a name that begins with ..', entries: [file(`${outside}/victim`)], says: /leads out/ },
  { what: 'a name with .. inside', entries: [file('a/../../outside/victim')], says: /leads out/ },
  { what: 'a name that ends in ..', entries: [dir('a/..')], says: /leads out/ },
  { what: 'an absolute name with ..', entries: [file('/../outside/victim')], says: /leads out/ },
  {
    what: '.. in a PAX path',
    entries: [file('ok', '', { pax: { path: '../outside/victim' } })],
    says: /leads out/,
  },
  {
    what: '.. in a GNU long name',
    entries: [{ name: '././@LongLink', type: 'L', content: '../victim\0' }, file('ok')],
    says: /leads out/,
  },
  {
    what: '.. in the name of a sparse file',
    entries: [
      file('ok', '', {
        pax: {
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': '../victim',
          'GNU.sparse.realsize': '0',
        },
        content: `0\n${'\0'.repeat(510)}`,
      }),
    ],
    says: /leads out/,
  },
  { what: 'a hard link out through ..', entries: [hardlink('x', '../outside/victim')], says: /leads out/ },
  {
    what: 'a hard link to an absolute path outside',
    entries: [hardlink('x', '/etc/passwd')],
    says: /not in this layer/,
  },
  {
    what: 'a hard link out through a symlink',
    entries: [symlink('l', outside), hardlink('x', 'l/victim')],
    says: /not in this layer/,
  },
  {
    what: 'a hard link to a later entry',
    entries: [hardlink('x', 'y'), file('y')],
    says: /not in this layer/,
  },
  {
    what: 'a hard link to a file of a lower layer',
    entries: [dir('usr'), hardlink('usr/x', 'usr/y')],
    says: /not in this layer/,
  },
  { what: 'a hard link to a directory', entries: [dir('d'), hardlink('x', 'd')], says: /links a directory/ },
  {
    what: 'a hard link to the root',
    entries: [hardlink('x', '.')],
    says: /not in this layer|links a directory/,
  },
  {
    what: 'a hard link to a whiteout',
    entries: [file('.wh.y', ''), hardlink('x', 'y')],
    says: /not in this layer/,
  },
  {
    what: 'a hard link over the directory of its target',
    entries: [dir('d'), file('d/f'), hardlink('d', 'd/f')],
    says: /replace the directory/,
  },
  { what: 'a hard link through a file', entries: [file('f'), hardlink('x', 'f/y')], says: /not a directory/ },
  { what: 'a file below a file', entries: [file('f'), file('f/x')], says: /not a directory/ },
  {
    what: 'a file below a symlink to a file',
    entries: [file('f'), symlink('l', 'f'), file('l/x')],
    says: /not a directory/,
  },
  {
    what: 'a loop of symlinks as parent',
    entries: [symlink('a', 'b'), symlink('b', 'a'), file('a/x')],
    says: /too many symbolic links/,
  },
  {
    what: 'a symlink to itself as parent',
    entries: [symlink('a', 'a'), file('a/x')],
    says: /too many symbolic links/,
  },
  // Names
  { what: 'a NUL in a PAX path', entries: [file('ok', '', { pax: { path: 'a\0b' } })], says: /NUL/ },
  {
    what: 'a NUL in a PAX link target',
    entries: [{ ...symlink('l', 'x'), pax: { linkpath: 'a\0b' } }],
    says: /NUL/,
  },
  { what: 'a name of 5000 bytes', entries: [file('ok', '', { pax: { path: long } })], says: /longer than/ },
  {
    what: 'a component of 256 bytes',
    entries: [file('ok', '', { pax: { path: `a/${'x'.repeat(256)}` } })],
    says: /component/,
  },
  {
    what: 'a link target of 5000 bytes',
    entries: [{ ...symlink('l', 'x'), pax: { linkpath: long } }],
    says: /longer than/,
  },
  { what: 'a symlink without a target', entries: [symlink('l', '')], says: /without a target/ },
  {
    what: 'a GNU long name of 1 MiB',
    entries: [{ name: '././@LongLink', type: 'L', content: 'x'.repeat(1 << 20) }, file('ok')],
    says: /extended header/,
  },
  {
    what: 'a path that grows through links',
    entries: [
      dir('d'),
      symlink('l', `${'d/'.repeat(1500)}`.slice(0, 99)),
      ...Array.from({ length: 3 }, () => file('ok', '', { pax: { path: `l/${'e/'.repeat(2040)}f` } })),
    ],
    says: /longer than/,
  },
  // Whiteouts
  { what: 'the whiteout .wh.', entries: [file('.wh.', '')], says: /no valid whiteout/ },
  { what: 'the whiteout .wh..', entries: [file('d/.wh..', '')], says: /no valid whiteout/ },
  { what: 'the whiteout .wh...', entries: [file('d/.wh...', '')], says: /no valid whiteout/ },
  { what: 'a private file of aufs', entries: [file('.wh..wh.plnk', '')], says: /no valid whiteout/ },
  { what: 'a whiteout that is a directory', entries: [dir('.wh.x')], says: /whiteout cannot be a directory/ },
  {
    what: 'a whiteout that is a symlink',
    entries: [symlink('.wh.x', '/etc')],
    says: /whiteout cannot be a symlink/,
  },
  {
    what: 'a whiteout that is a device',
    entries: [{ name: '.wh.x', type: '3' }],
    says: /whiteout cannot be a character/,
  },
  {
    what: 'an opaque mark that is a symlink',
    entries: [symlink('.wh..wh..opq', '/etc')],
    says: /whiteout cannot be a symlink/,
  },
  {
    what: 'a directory that has the name of a whiteout',
    entries: [file('.wh.d/x')],
    says: /name of a whiteout/,
  },
  {
    what: 'a whiteout through a symlink',
    entries: [dir('d'), file('d/x'), symlink('l', 'd'), file('l/.wh.x', '')],
    says: /whiteout cannot reach through/,
  },
  {
    what: 'a whiteout through a symlink that leads out',
    entries: [symlink('l', outside), file('l/.wh.victim', '')],
    says: /whiteout cannot reach through/,
  },
  {
    what: 'an opaque mark through a symlink',
    entries: [symlink('l', outside), file('l/.wh..wh..opq', '')],
    says: /whiteout cannot reach through/,
  },
  // Sizes and numbers
  {
    what: 'a negative size',
    entries: [file('x', '', { size: Buffer.from('ffffffffffffffffffffffff', 'hex') })],
    says: /negative size/,
  },
  {
    what: 'a size of 2^60',
    entries: [file('x', '', { size: Buffer.from('80000000' + '1000000000000000', 'hex') })],
    says: /out of range/,
  },
  { what: 'a size that is no number', entries: [file('x', '', { size: 'twelve bytes' })], says: /octal/ },
  {
    what: 'a PAX size that is no number',
    entries: [file('x', '', { pax: { size: '-1' } })],
    says: /not a number/,
  },
  {
    what: 'a PAX size of 10^19',
    entries: [file('x', '', { pax: { size: '10000000000000000000' } })],
    says: /out of range/,
  },
  {
    what: 'content that is cut short',
    entries: [file('x', 'abc', { size: 100_000 })],
    says: /ends within the content/,
  },
  {
    what: 'an owner of 2^32-1',
    entries: [file('x', '', { pax: { uid: '4294967295' } })],
    says: /invalid owner/,
  },
  { what: 'a negative owner', entries: [file('x', '', { pax: { uid: '-2' } })], says: /not a number/ },
  // Headers
  {
    what: 'two PAX headers in a row',
    entries: [
      { name: 'p', type: 'x', content: paxRecords({ path: 'a' }) },
      { name: 'p', type: 'x', content: paxRecords({ path: 'b' }) },
      file('x'),
    ],
    says: /two extended headers/,
  },
  {
    what: 'a PAX header of 2 MiB',
    entries: [{ name: 'p', type: 'x', content: paxRecords({ comment: 'x'.repeat(2 << 20) }) }, file('x')],
    says: /extended header/,
  },
  {
    what: 'a PAX record that is longer than its block',
    entries: [{ name: 'p', type: 'x', content: '999 path=x\n' }, file('x')],
    says: /malformed PAX/,
  },
  {
    what: 'a PAX record without an end',
    entries: [{ name: 'p', type: 'x', content: '10 path=xxx' }, file('x')],
    says: /malformed PAX/,
  },
  {
    what: 'a PAX record of length 0',
    entries: [{ name: 'p', type: 'x', content: '0 path=x\n' }, file('x')],
    says: /malformed PAX/,
  },
  {
    what: 'a global header with attributes',
    entries: [{ name: 'g', type: 'g', content: paxRecords({ 'SCHILY.xattr.user.a': 'b' }) }, file('x')],
    says: /global header/,
  },
  {
    what: 'a global header that names a path',
    entries: [{ name: 'g', type: 'g', content: paxRecords({ path: 'a' }) }, file('x')],
    says: /global header/,
  },
  {
    what: 'an extended header at the end',
    entries: [{ name: 'p', type: 'x', content: paxRecords({ path: 'a' }) }],
    says: /after an extended header/,
  },
  { what: 'an unknown type', entries: [{ name: 'x', type: 'M' }], says: /unsupported type "M"/ },
  {
    what: 'an extended attribute of 100 KiB',
    entries: [file('x', '', { pax: { 'SCHILY.xattr.user.a': 'x'.repeat(100_000) } })],
    says: /larger than Linux allows/,
  },
  {
    what: 'a sparse map whose segments overlap',
    entries: [
      file('x', 'a'.repeat(1024), { pax: { 'GNU.sparse.size': '4096', 'GNU.sparse.map': '0,512,256,512' } }),
    ],
    says: /sparse map/,
  },
  {
    what: 'a sparse map beyond the file',
    entries: [file('x', 'a'.repeat(512), { pax: { 'GNU.sparse.size': '600', 'GNU.sparse.map': '512,512' } })],
    says: /sparse map/,
  },
  {
    what: 'a sparse map that promises more than is stored',
    entries: [file('x', 'a'.repeat(512), { pax: { 'GNU.sparse.size': '4096', 'GNU.sparse.map': '0,2048' } })],
    says: /sparse map/,
  },
  {
    what: 'a sparse map without an end',
    entries: [
      file('x', '9'.repeat(1024), {
        pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '4096' },
      }),
    ],
    says: /sparse map/,
  },
  {
    what: 'a sparse file of 2^50 bytes',
    entries: [file('x', '', { pax: { 'GNU.sparse.size': String(2 ** 50), 'GNU.sparse.map': '' } })],
    says: /sparse files/,
  },
];

describe('unpacking refuses', () => {
  it.each(vectors)('$what', async ({ entries, says }) => {
    await expectRefused(rawTar(entries), says);
  });

  it.each(vectors)('$what, also when it is packed as a base', async ({ what, entries, says }) => {
    const path = join(scratch(), 'base.tar');
    writeFileSync(path, rawTar(entries));
    const refusal = packTar({ kind: 'tar', path });
    await expect(refusal).rejects.toThrow(what.startsWith('a sparse file of') ? /bomb/ : says);
    await expect(refusal).rejects.toBeInstanceOf(AshlarError);
  });

  it.each(vectors)('$what, also when its contents are read', async ({ what, entries, says }) => {
    const blob = join(scratch(), 'layer.tar');
    writeFileSync(blob, rawTar(entries));
    const refusal = readContents({ blob, compression: 'none' }, {}, () => {});
    await expect(refusal).rejects.toThrow(what.startsWith('a sparse file of') ? /bomb/ : says);
    await expect(refusal).rejects.toBeInstanceOf(AshlarError);
  });

  it('names the entry', async () => {
    await expect(unpackTar(rawTar([file('good'), file('bad/../../x')]))).rejects.toThrow(
      'entry "bad/../../x": ',
    );
  });

  it('shows no control characters of hostile names', async () => {
    await expect(unpackTar(rawTar([file('../\u001b[2J')]))).rejects.toThrow('\\u001b[2J');
  });
});

describe('what tries to get out stays inside', () => {
  const harmless: readonly { what: string; entries: readonly RawEntry[] }[] = [
    { what: 'an absolute symlink as parent', entries: [symlink('l', '/etc'), file('l/passwd')] },
    { what: 'a symlink to .. as parent', entries: [symlink('l', '../../..'), file('l/etc/passwd')] },
    { what: 'a symlink that is written to', entries: [symlink('l', '../victim'), file('l', 'new')] },
    {
      what: 'a symlink that is replaced by a directory',
      entries: [symlink('l', '../outside'), dir('l'), file('l/victim')],
    },
    {
      what: 'a directory that is replaced by a symlink',
      entries: [dir('l'), symlink('l', '../outside'), file('l/victim')],
    },
    {
      what: 'a hard link to a symlink, written through',
      entries: [symlink('s', '../victim'), hardlink('h', 's'), file('h', 'new', { mode: 0o777 })],
    },
    {
      what: 'a hard link to a symlink to a directory',
      entries: [symlink('s', '../outside'), hardlink('h', 's'), file('h/victim')],
    },
    {
      what: 'a chain of symlinks',
      entries: [symlink('a', 'b'), symlink('b', '../../etc'), file('a/passwd')],
    },
    { what: 'an absolute name', entries: [file('/etc/passwd')] },
    { what: '/proc as a way', entries: [symlink('p', '/proc/self/cwd'), file('p/x')] },
    {
      what: 'a device over a path',
      entries: [file('x'), { name: 'x', type: '3', major: 1, minor: 3 }, file('x')],
    },
  ];
  it.each(harmless)('$what', async ({ entries }) => {
    await expectRefused(rawTar(entries), undefined);
  });

  it('sets no mode and owner through a hard link', async () => {
    const { directory } = await unpackTar(
      rawTar([file('a', 'a', { mode: 0o600 }), { ...hardlink('b', 'a'), mode: 0o4777, uid: 33 }]),
    );
    expect(readTree(directory).a).toMatchObject({ mode: '600', owner: '0:0' });
  });

  it('does not follow a directory that was put there before', async () => {
    const { target } = minefield();
    mkdirSync(target);
    await expect(unpackTar(rawTar([file('x')]), { directory: target })).rejects.toThrow(
      'cannot make the directory',
    );
  });

  it('leaves out devices and attributes that overlayfs would obey', async () => {
    const { directory, warnings } = await unpackTar(
      rawTar([
        { name: 'hidden', type: '3', major: 0, minor: 0 },
        hardlink('hidden too', 'hidden'),
        dir('d', {
          pax: { 'SCHILY.xattr.user.overlay.opaque': 'y', 'SCHILY.xattr.trusted.overlay.opaque': 'y' },
        }),
        file('f', 'f', {
          pax: { 'SCHILY.xattr.user.overlay.redirect': '/etc', 'SCHILY.xattr.user.kept': '1' },
        }),
      ]),
    );
    const tree = readTree(directory);
    expect([tree.hidden, tree['hidden too']]).toEqual([undefined, undefined]);
    expect(tree.d?.xattrs).toBeUndefined();
    expect(tree.f?.xattrs).toEqual({ 'user.kept': '31' });
    expect(warnings).toHaveLength(4);
  });
});

describe('bombs', () => {
  const MiB = 1 << 20;

  it.each([
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
  ] as const)('are refused by their ratio in %s', async (compression, compress) => {
    const tar = rawTar([file('zeros', '', { content: Buffer.alloc(64 * MiB) })]);
    const limits = { ratio: 100, ratioFreeBytes: 8 * MiB };
    const directory = join(scratch(), 'tree');
    await expect(unpackTar(tar, { compression, blob: compress(tar), limits, directory })).rejects.toThrow(
      'bomb',
    );
    expect(existsSync(directory)).toBe(true);
  });

  it('are refused by their size', async () => {
    const tar = rawTar([file('zeros', '', { content: Buffer.alloc(4 * MiB) })]);
    await expect(unpackTar(tar, { limits: { expandedBytes: MiB } })).rejects.toThrow(
      'more than 1048576 bytes',
    );
  });

  it('are refused by their number of entries', async () => {
    const tar = rawTar(Array.from({ length: 50 }, (_, i) => file(`${i}`)));
    await expect(unpackTar(tar, { limits: { entries: 49 } })).rejects.toThrow('more than 49 entries');
    await unpackTar(tar, { limits: { entries: 50 } });
  });

  it('are refused by the directories that they imply', async () => {
    const deep = file('x', '', { pax: { path: `${'d/'.repeat(100)}x` } });
    await expect(unpackTar(rawTar([deep]), { limits: { entries: 99 } })).rejects.toThrow(
      'directories that it does not list',
    );
  });

  it('are refused by the memory that their names take', async () => {
    const limits = { nameBytes: 10_000 };
    const links = Array.from({ length: 200 }, (_, i) => symlink(`l${i}`, 'x'.repeat(60)));
    await expect(unpackTar(rawTar(links), { limits })).rejects.toThrow('names of the layer');
    const deep = file('x', '', { pax: { path: `${'d/'.repeat(200)}x` } });
    await expect(unpackTar(rawTar([deep]), { limits })).rejects.toThrow('names of the layer');
    const attribute = { pax: { 'SCHILY.xattr.user.a': 'x'.repeat(9000) } };
    await expect(unpackTar(rawTar([dir('a', attribute), dir('b', attribute)]), { limits })).rejects.toThrow(
      'names of the layer',
    );
  });

  it('are refused by the segments of a sparse file', async () => {
    const map = Array.from({ length: 101 }, (_, i) => `${i * 1024},0`).join();
    const sparse = file('x', '', { pax: { 'GNU.sparse.size': '1000000', 'GNU.sparse.map': map } });
    await expect(unpackTar(rawTar([sparse]), { limits: { sparseSegments: 100 } })).rejects.toThrow(
      'more than 100 segments',
    );
  });

  it('do not include opaque marks, however many', async () => {
    // More than a function takes as arguments, should somebody spread them.
    const count = 200_000;
    const mark = Buffer.concat(rawEntry(file('d/.wh..wh..opq', '')));
    const { directory, entries } = await unpackTar(
      Buffer.concat([...Array<Buffer>(count).fill(mark), Buffer.alloc(1024)]),
    );
    expect(entries).toBe(count);
    expect(readTree(directory).d?.xattrs).toEqual({ 'user.overlay.opaque': '79' });
  });
});

describe('content and label', () => {
  const tar = rawTar([file('x')]);
  const erofs = Buffer.alloc(8192);
  erofs.writeUInt32LE(0xe0f5e1e2, 1024);
  const squashfs = Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(4096)]);

  it.each([
    [
      'an erofs image labelled tar',
      erofs,
      'none',
      /labelled uncompressed tar but contains an erofs file system/,
    ],
    ['a squashfs image labelled tar', squashfs, 'none', /a squashfs file system/],
    [
      'gzip labelled tar',
      gzipSync(tar),
      'none',
      /labelled uncompressed tar but contains gzip-compressed data/,
    ],
    [
      'zstd labelled gzip',
      zstdCompressSync(tar),
      'gzip',
      /labelled gzip-compressed data but contains zstd-compressed data/,
    ],
    [
      'gzip labelled zstd',
      gzipSync(tar),
      'zstd',
      /labelled zstd-compressed data but contains gzip-compressed data/,
    ],
    ['tar labelled gzip', tar, 'gzip', /labelled gzip-compressed data but contains uncompressed data/],
    ['an erofs image in gzip', gzipSync(erofs), 'gzip', /erofs/],
    ['gzip in gzip', gzipSync(gzipSync(tar)), 'gzip', /gzip-compressed data/],
    ['text labelled tar', Buffer.from('hello world'.repeat(100)), 'none', /no tar archive/],
  ] as const)('%s is refused', async (_, blob, compression, says) => {
    await expect(unpackTar(tar, { blob, compression })).rejects.toThrow(says);
  });

  it.each([
    [
      'a flipped bit',
      (gzip: Buffer) =>
        Buffer.concat([gzip.subarray(0, 20), Buffer.of((gzip[20] ?? 0) ^ 1), gzip.subarray(21)]),
    ],
    ['a missing end', (gzip: Buffer) => gzip.subarray(0, -9)],
    ['garbage after the end', (gzip: Buffer) => Buffer.concat([gzip, Buffer.from('garbage')])],
    ['zeros after the end', (gzip: Buffer) => Buffer.concat([gzip, Buffer.alloc(512)])],
    ['a half second member', (gzip: Buffer) => Buffer.concat([gzip, gzip.subarray(0, 12)])],
  ])('gzip with %s is refused', async (_, damage) => {
    const long = rawTar([file('x', 'abc'.repeat(1000))]);
    await expect(unpackTar(long, { blob: damage(gzipSync(long)), compression: 'gzip' })).rejects.toThrow(
      AshlarError,
    );
  });

  it.each([
    ['a missing end', (zstd: Buffer) => zstd.subarray(0, -3)],
    ['garbage after the end', (zstd: Buffer) => Buffer.concat([zstd, Buffer.from('garbage')])],
  ])('zstd with %s is refused', async (_, damage) => {
    await expect(
      unpackTar(tar, { blob: damage(zstdCompressSync(tar)), compression: 'zstd' }),
    ).rejects.toThrow(AshlarError);
  });

  it('another diff ID is refused', async () => {
    await expect(unpackTar(tar, { diffId: `sha256:${'0'.repeat(64)}` })).rejects.toThrow(
      'instead of sha256:000',
    );
  });

  it('bytes after the end of the archive count for the diff ID', async () => {
    const padded = Buffer.concat([tar, Buffer.alloc(9216)]);
    await unpackTar(padded);
    await expect(unpackTar(padded.subarray(0, -512), { blob: padded })).rejects.toThrow('instead of');
  });

  it('a blob that is a symlink is not read', async () => {
    const { directory } = await unpackTar(rawTar([symlink('blob', '/etc/passwd')]));
    expect(readdirSync(directory)).toEqual(['blob']);
    await expect(packTar({ kind: 'tar', path: join(directory, 'blob') })).rejects.toThrow('cannot open');
  });
});

describe('a header', () => {
  it('with a wrong checksum is refused', async () => {
    const tar = rawTar([file('x'), file('y')]);
    tar[1024 + 5] = 1;
    await expect(unpackTar(tar)).rejects.toThrow('checksum');
  });

  it('may have the checksum of old writers, who summed signed characters', async () => {
    const header = rawEntry(file('\u00e9', ''))[0] ?? Buffer.alloc(0);
    let sum = 0;
    seal(header);
    for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0x20 : header.readInt8(i);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const { directory } = await unpackTar(Buffer.concat([header, Buffer.alloc(1024)]));
    expect(readdirSync(directory)).toEqual(['\u00e9']);
  });

  it('between single blocks of zeros is refused', async () => {
    const tar = Buffer.concat([...rawEntry(file('x', '')), Buffer.alloc(512), rawTar([file('y')])]);
    await expect(unpackTar(tar)).rejects.toThrow('single block of zeros');
  });
});
