import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInForDevices } from '../../../src/disk/file-systems/devices.ts';
import { makeFileSystemFile } from '../../../src/disk/file-systems/make.ts';
import { has, isRoot } from '../../support/tools.ts';
import {
  describeTree,
  devices,
  digest,
  fileSystem,
  MEBIBYTE,
  make,
  makeAwkwardTree,
  mounted,
  scratch,
  signal,
  UUID,
} from './trees.ts';

/** What each kind cannot hold, besides where its checker is. */
const kinds = {
  ext2: { programs: ['mke2fs'], check: ['e2fsck', '-fn'], size: 32, same: true },
  ext3: { programs: ['mke2fs'], check: ['e2fsck', '-fn'], size: 32, same: true },
  ext4: { programs: ['mke2fs'], check: ['e2fsck', '-fn'], size: 32, same: true },
  xfs: { programs: ['mkfs.xfs', 'xfs_repair'], check: ['xfs_repair', '-n'], size: 300, same: true },
  // mkfs.btrfs takes over the order and the inodes that it finds: only the same tree gives the same bytes.
  btrfs: { programs: ['mkfs.btrfs', 'btrfs'], check: ['btrfs', 'check'], size: 260, same: false },
} as const;

let base: string;
/** Equal trees, whose names came in different order. No test changes them. */
let trees: Readonly<Record<'forth' | 'back', string>>;
/** A tree with nothing in it. */
let empty: string;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'ashlar-trees-'));
  trees = { forth: join(base, 'forth'), back: join(base, 'back') };
  for (const order of ['forth', 'back'] as const) await makeAwkwardTree(trees[order], order);
  empty = join(base, 'empty');
  mkdirSync(empty);
});

afterAll(() => rmSync(base, { recursive: true }));

/** A tree as it is with the devices in their places. */
async function expected(tree: string): Promise<Map<string, unknown>> {
  const described = await describeTree(tree);
  for (const { path, type, major, minor } of devices) {
    described.set(path, { ...(described.get(path) as object), type, major, minor });
  }
  return described;
}

describe.each(Object.entries(kinds))('%s', (type, { programs, check, size, same }) => {
  const spec = fileSystem(type as keyof typeof kinds);

  it.runIf(has(...programs))('holds every attribute of an awkward tree', async () => {
    const file = await make(trees.forth, spec, size * MEBIBYTE);
    execFileSync(check[0], [...check.slice(1), file], { stdio: 'pipe' });
    if (isRoot) {
      const found = await mounted(file, at => describeTree(at, ['lost+found']));
      expect(found).toEqual(await expected(trees.forth));
    }
    const again = await make(same ? trees.back : trees.forth, spec, size * MEBIBYTE);
    expect(digest(again)).toBe(digest(file));
  });

  it.runIf(has(...programs))('refuses a label that is too long', async () => {
    const made = make(empty, fileSystem(spec.type, { label: 'x'.repeat(256) }), size * MEBIBYTE);
    await expect(made).rejects.toThrow(/label/);
  });
});

describe('ext4', () => {
  it.runIf(has('mke2fs'))('refuses a tree that has no room', async () => {
    await expect(make(trees.forth, fileSystem('ext4'), MEBIBYTE)).rejects.toThrow(
      'the content does not fit into an ext4 of 1048576 bytes',
    );
  });

  it.runIf(has('mke2fs', 'dumpe2fs'))(
    'takes options of the description, but none that names files',
    async () => {
      const spec = fileSystem('ext4', { createOptions: ['-I', '512', '-O', '^64bit', '-E', 'stride=4'] });
      const file = await make(empty, spec, 16 * MEBIBYTE);
      const said = execFileSync('dumpe2fs', ['-h', file], { encoding: 'utf8', stdio: 'pipe' });
      expect(said).toMatch(/Inode size:\s+512/);
      expect(said).not.toContain('64bit');
      expect(said).toContain(UUID);
      const refused = [
        ['-d', '/etc'],
        ['-E', 'offset=0'],
        ['-J', 'size=4,device=/dev/sda'],
        ['/dev/sda'],
        ['-F'],
      ];
      for (const createOptions of refused) {
        const made = make(empty, fileSystem('ext4', { createOptions }), 16 * MEBIBYTE);
        await expect(made).rejects.toThrow('cannot be used here');
      }
    },
  );
});

describe('btrfs', () => {
  it.runIf(has('mkfs.btrfs'))('makes subvolumes or says that it cannot', async () => {
    const help = execFileSync('mkfs.btrfs', ['--help'], { encoding: 'utf8', stdio: 'pipe' });
    const made = make(trees.forth, fileSystem('btrfs'), 260 * MEBIBYTE, {
      subvolumes: [{ path: '/etc', copyOnWrite: true }],
    });
    if (help.includes('--subvol')) await made;
    else await expect(made).rejects.toThrow('makes no subvolumes');
  });
});

describe('file systems alone', () => {
  async function alone(order: 'forth' | 'back', type: 'squashfs' | 'erofs' | 'ext4', compression?: string) {
    const tree = trees[order];
    const output = join(scratch(), 'output');
    const made = await makeFileSystemFile({
      ...{
        tree,
        devices: await standInForDevices(tree, devices, signal),
        output,
        scratch: scratch(),
        identity: 'test',
      },
      ...{ epoch: 1_700_000_000, signal, say: () => {}, warn: () => {}, verity: true },
      fileSystem: fileSystem(type, compression === undefined ? {} : { compression }),
    });
    return { tree, output, ...made };
  }

  it.runIf(has('mksquashfs', 'mkfs.erofs', 'mke2fs')).each(['squashfs', 'erofs', 'ext4'] as const)(
    '%s is the same for equal trees, with its root hash',
    async type => {
      const [one, other] = [await alone('forth', type), await alone('back', type)];
      expect(one.rootHash).toMatch(/^[0-9a-f]{64}$/);
      expect(other.rootHash).toBe(one.rootHash);
      expect(digest(other.output)).toBe(digest(one.output));
      if (type !== 'ext4') expect(statSync(one.output).size).toBeLessThan(4 * MEBIBYTE);
    },
  );

  /** Times before 1970 and ACLs of squashfs, which has none. */
  const known = (type: 'squashfs' | 'erofs', tree: Map<string, unknown>) =>
    new Map(
      [...tree].map(([path, inode]) => {
        const { mtime, xattrs, uid, gid, ...rest } = inode as {
          mtime: bigint;
          xattrs: string[];
          uid: number;
          gid: number;
        };
        const time = path === 'noise' ? 'early' : type === 'squashfs' ? mtime / 1_000_000_000n : mtime;
        const kept = type === 'squashfs' ? xattrs.filter(text => !text.startsWith('system.')) : xattrs;
        return [path, { ...rest, ...(path === '' ? {} : { uid, gid }), time, xattrs: kept }];
      }),
    );

  it.runIf(isRoot && has('mksquashfs', 'mkfs.erofs')).each(['squashfs', 'erofs'] as const)(
    '%s keeps what it can hold',
    async type => {
      const { tree, output } = await alone('forth', type);
      const found = await mounted(output, at => describeTree(at));
      expect(known(type, found)).toEqual(known(type, await expected(tree)));
    },
  );

  it.runIf(has('mksquashfs', 'mkfs.erofs'))('knows compressions, and no other words', async () => {
    const stored = await alone('forth', 'squashfs', 'uncompressed');
    const gzip = await alone('forth', 'squashfs', 'gzip');
    expect(readFileSync(stored.output).length).toBeGreaterThan(readFileSync(gzip.output).length);
    await expect(alone('forth', 'squashfs', 'rar')).rejects.toThrow('squashfs cannot be compressed with rar');
    await expect(alone('forth', 'erofs', 'lz4 --help')).rejects.toThrow('is no compression of erofs');
  });
});
