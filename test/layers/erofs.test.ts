import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlobFile } from '../../src/layers/decompress.ts';
import { type ErofsTree, makeErofs } from '../../src/layers/erofs.ts';
import { disguiseDevices, type ErofsNode, ErofsReader, walkErofs } from '../../src/layers/erofs-reader.ts';
import { checkFileSystem } from '../../src/layers/file-system.ts';
import { DEFAULT_LIMITS } from '../../src/layers/limits.ts';
import { seal } from '../../src/layers/seal.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { isRoot } from '../support/tools.ts';
import {
  dir,
  file,
  hardlink,
  lacks,
  packTar,
  type RawEntry,
  rawTar,
  scratch,
  sha256,
  symlink,
  unpackTar,
} from './support.ts';

const { signal } = new AbortController();

async function image(tar: Buffer, more: Partial<ErofsTree> = {}): Promise<string> {
  const { directory } = await unpackTar(tar);
  const output = join(scratch(), 'image');
  const job = { directory, below: [], diffId: `sha256:${sha256(tar)}`, output };
  await makeErofs({ ...job, compression: { compressor: 'lz4hc' }, ...more }, signal);
  return output;
}

/** The image as a tar layer. */
async function asTar(blob: string) {
  const directory = join(scratch(), 'tree');
  execFileSync('fsck.erofs', ['-d1', '--no-preserve', `--extract=${directory}`, blob], { stdio: 'pipe' });
  const layer = await packTar({ kind: 'erofs', blob, directory });
  if (!layer) throw new Error('no layer');
  return layer;
}

async function canonical(entries: readonly RawEntry[]) {
  const path = join(scratch(), 'base.tar');
  writeFileSync(path, rawTar(entries));
  const layer = await packTar({ kind: 'tar', path });
  if (!layer) throw new Error('no layer');
  return layer;
}

const capability = {
  'SCHILY.xattr.security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
};
const acl = Buffer.from(
  '0200000001000600ffffffff02000400050000000400040 0ffffffff10000400ffffffff20000400ffffffff'.replace(
    ' ',
    '',
  ),
  'hex',
);

/** In the order in which layers are packed. */
const awkward: readonly RawEntry[] = [
  dir('./', { mode: 0o711, uid: 3, gid: 4, mtime: 1_500_000_000 }),
  file('.wh.gone', '', { mtime: 0 }),
  dir('dev/'),
  { name: 'dev/loop', type: '4', mode: 0o660, major: 7, minor: 300 },
  { name: 'dev/null', type: '3', mode: 0o666, major: 1, minor: 3 },
  { name: 'dev/pipe', type: '6', mode: 0o600 },
  dir('etc/', { mode: 0o1750, uid: 3, gid: 4, pax: { 'SCHILY.xattr.user.note': 'hello' } }),
  file('etc/.wh..wh..opq', '', { mtime: 0 }),
  symlink('etc/link', '../else/where'),
  file('etc/same', 'content', { mode: 0o4755, uid: 1000, gid: 70_000, pax: capability }),
  { ...hardlink('etc/text', 'etc/same'), mode: 0o4755, uid: 1000, gid: 70_000 },
  dir('lib/'),
  file('lib/empty', ''),
  file('lib/large', Buffer.alloc(700_000, 'some text that fills blocks ')),
  file('lib/x', 'bytes', { pax: { path: Buffer.from('lib/a\xff\xfe', 'latin1'), hdrcharset: 'BINARY' } }),
  file('lib/zeros', Buffer.alloc(300_000), { pax: { 'SCHILY.xattr.system.posix_acl_access': acl } }),
  file('x', 'long', { pax: { path: 'n'.repeat(250) } }),
  file('old', 'old', { mtime: 1 }),
];

describe.skipIf(lacks('mkfs.erofs', 'fsck.erofs') || !isRoot)('a tar layer as erofs', () => {
  it('comes back as the layer that it was, with all attributes, links and whiteouts', async () => {
    // In the order of names, as erofs has them.
    const entries = awkward.filter(({ name }) => !['lib/x', 'x', 'old'].includes(String(name)));
    const layer = await canonical([...entries, file('old', 'old', { mtime: 1 })]);
    const back = await asTar(await image(layer.tar));
    expect(listing(back.tar)).toEqual(listing(layer.tar));
    expect(back.diffId).toBe(layer.diffId);
  });

  it('keeps names that are no text, and very long ones', async () => {
    const back = await asTar(await image((await canonical(awkward)).tar));
    const names = execFileSync('tar', ['-tPf', '-', '--quoting-style=escape'], {
      input: back.tar,
      encoding: 'latin1',
    });
    expect(names).toContain('lib/a\\377\\376\n');
    expect(names).toContain(`${'n'.repeat(250)}\n`);
  });

  it('has directories of many blocks', async () => {
    const names = Array.from(
      { length: 400 },
      (_, i) => `d/file-with-a-longer-name-${String(i).padStart(4, '0')}`,
    );
    const layer = await canonical([dir('./'), dir('d/'), ...names.map(name => file(name, ''))]);
    expect((await asTar(await image(layer.tar))).diffId).toBe(layer.diffId);
  });

  it('is the same in every run', async () => {
    const { tar } = await canonical(awkward);
    const [first, second] = [await image(tar), await image(tar)];
    expect(sha256(readFileSync(second))).toBe(sha256(readFileSync(first)));
    execFileSync('fsck.erofs', [first]);
  });

  it('says of implied directories what lower layers say', async () => {
    const xattrs = [{ name: 'user.a', value: Buffer.from('b') }];
    const below = [{ path: '/var/tmp', mode: 0o1777, uid: 5, gid: 6, mtime: 0n, xattrs }];
    using blob = new BlobFile(await image(rawTar([file('var/tmp/file')]), { below }));
    const reader = new ErofsReader(blob, DEFAULT_LIMITS);
    const found = [...walkErofs(reader, DEFAULT_LIMITS)].find(({ path }) => path === 'var/tmp');
    expect(found?.node).toMatchObject({ mode: 0o1777, uid: 5, gid: 6, xattrs });
  });

  it('is disguised where it has devices, which not everybody may make', async () => {
    const copy = join(scratch(), 'copy');
    expect(disguiseDevices(await image(rawTar([dir('./'), file('a'), file('.wh.b', '')])), copy)).toBe(false);
    expect(disguiseDevices(await image((await canonical(awkward)).tar), copy)).toBe(true);
    using blob = new BlobFile(copy);
    const nodes = [...walkErofs(new ErofsReader(blob, DEFAULT_LIMITS), DEFAULT_LIMITS)];
    const types = nodes.map(({ node }) => node.type);
    // The whiteout stays what it is.
    expect(types.filter(type => type === 'character' || type === 'block')).toEqual(['character']);
    expect(types.filter(type => type === 'fifo')).toHaveLength(3);
    execFileSync('fsck.erofs', [copy]);
  });

  it('is checked against its label and its root hash', async () => {
    const path = await image((await canonical(awkward)).tar);
    const { rootHash = '', digest } = seal({ path, verity: true }, () => {});
    expect(digest).toBe(`sha256:${sha256(readFileSync(path))}`);
    const check = (more: object) => checkFileSystem({ blob: path, kind: 'erofs', ...more }, () => {});
    expect(check({ rootHash })).toEqual({ unverified: false });
    expect(check({})).toEqual({ unverified: true });
    expect(() => check({ kind: 'squashfs' })).toThrow('labelled squashfs but contains something else');
    const bytes = readFileSync(path);
    bytes[3000] = (bytes[3000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(() => check({ rootHash })).toThrow('the verity data is wrong');
  });

  it('is refused when it would fill the disk', async () => {
    const path = await image((await canonical(awkward)).tar);
    const bytes = readFileSync(path);
    {
      using blob = new BlobFile(path);
      const reader = new ErofsReader(blob, DEFAULT_LIMITS);
      const large = [...walkErofs(reader, DEFAULT_LIMITS)].find(found => found.path === 'lib/large');
      const place = reader.placeOf(large?.node.id ?? 0n) + 8;
      expect(bytes.readUInt32LE(place)).toBe(700_000);
      bytes.writeUInt32LE(3 * 2 ** 30, place);
    }
    writeFileSync(path, bytes);
    expect(() => disguiseDevices(path, join(scratch(), 'copy'))).toThrow('looks like a decompression bomb');
  });

  it('gives an error and nothing worse when an image is damaged anywhere', async () => {
    const path = await image((await canonical(awkward)).tar);
    const good = readFileSync(path);
    const damaged = join(scratch(), 'damaged');
    let refused = 0;
    for (let at = 1024; at < Math.min(good.length, 12_288); at += 31) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      writeFileSync(damaged, bytes);
      using blob = new BlobFile(damaged);
      try {
        for (const _ of walkErofs(new ErofsReader(blob, DEFAULT_LIMITS), DEFAULT_LIMITS));
      } catch (error) {
        expect(error).toBeInstanceOf(AshlarError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe('a walk through an erofs image', () => {
  it('meets any number of whiteouts in a directory before what they stand beside', () => {
    const attributes = {
      mode: 0,
      uid: 0,
      gid: 0,
      mtime: 0n,
      size: 0,
      major: 0,
      minor: 0,
      xattrs: [],
      link: '',
    };
    const types = ['directory', 'file', 'character'] as const;
    const node = (id: bigint): ErofsNode => ({
      ...{ ...attributes, id, links: 1, type: types[Number(id)] ?? 'socket' },
    });
    const names = [
      { name: 'a', id: 1n, typeAt: 0 },
      ...Array.from({ length: 200_000 }, (_, i) => ({ name: `b${i}`, id: 2n, typeAt: 0 })),
      { name: 'c', id: 1n, typeAt: 0 },
    ];
    const paths = Array.from(
      walkErofs({ root: 0n, node, list: () => names }, DEFAULT_LIMITS),
      found => found.path,
    );
    expect(paths.slice(0, 2)).toEqual(['', 'b0']);
    expect(paths.slice(-3)).toEqual(['b199999', 'a', 'c']);
  });
});

function listing(tar: Buffer): string[] {
  const args = ['-tvPf', '-', '--xattrs', '--xattrs-include=*', '--full-time', '--numeric-owner'];
  return execFileSync('tar', args, { input: tar, encoding: 'latin1' }).trim().split('\n');
}
