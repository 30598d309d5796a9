/** What descriptions may choose, what an ext4 cannot hold, and what else goes wrong while one is made. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { leastExtSize } from '../../../src/disk/file-systems/ext.ts';
import { fillExt } from '../../../src/disk/file-systems/ext-fill.ts';
import { inodeBytes } from '../../../src/disk/file-systems/ext-inode.ts';
import { ExtVolume, READ_ONLY } from '../../../src/disk/file-systems/ext-volume.ts';
import { makeFileSystem } from '../../../src/disk/file-systems/make.ts';
import { readTree, type SourceInode, type SourceTree } from '../../../src/disk/file-systems/source-tree.ts';
import { createSparse } from '../../../src/disk/pieces.ts';
import { setXattr } from '../../../src/linux/index.ts';
import { findProgram } from '../../../src/support/process.ts';
import { has } from '../../support/tools.ts';
import { fileSystem, MEBIBYTE, make, scratch, signal, UUID } from './trees.ts';

afterEach(() => void vi.unstubAllEnvs());

/** So many inodes of one type beside each other, which are on no disk. */
async function crowd(count: number, type: 'fifo' | 'directory'): Promise<SourceTree> {
  const empty = await readTree(scratch(), signal);
  const inodes = Array.from({ length: count }, (_, i): SourceInode => {
    return { ...empty.root, type, path: `n${i}`, names: 1, xattrs: [] };
  });
  const entries = inodes.map(inode => ({ path: inode.path, name: inode.path, inode }));
  return { ...empty, directories: new Map([['', entries]]), inodes: [empty.root, ...inodes] };
}

/** An ext4 with nothing in it. */
function emptyExt4(options: readonly string[], size: number): string {
  const image = join(scratch(), 'image');
  createSparse(image, size);
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ...options, image], { stdio: 'pipe' });
  return image;
}

async function fill(image: string, tree: SourceTree, stop: AbortSignal = signal): Promise<void> {
  const fd = openSync(image, constants.O_RDWR);
  try {
    const real = (inode: SourceInode) => inode;
    await fillExt(new ExtVolume(fd, 0), { tree, real, made: 1, settled: () => {}, signal: stop });
  } finally {
    closeSync(fd);
  }
}

/** Puts a script into the place of mke2fs. */
function standIn(script: string): void {
  const directory = scratch();
  writeFileSync(join(directory, 'mke2fs'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
}

const ext4 = (...createOptions: readonly string[]) => fileSystem('ext4', { createOptions });
const least = (spec: ReturnType<typeof ext4>, tree: SourceTree) =>
  leastExtSize({ fileSystem: spec, scratch: scratch(), signal }, tree);

describe.runIf(has('mke2fs', 'e2fsck', 'debugfs'))('an ext4 of which a description says', () => {
  it('how many inodes there are is refused where they are too few', async () => {
    const tree = await crowd(5000, 'fifo');
    const size = least(ext4('-N', '1000'), tree);
    await expect(size).rejects.toThrow('1000 inodes are too few for 5001 files');
    await expect(size).rejects.toMatchObject({
      hint: 'the option -N 1000 of mke2fs says how many there are',
    });
    expect(await least(ext4('-N', '6000', '-i', '65536'), tree)).toBeLessThan(32 * MEBIBYTE);
  });

  it('that there are very many inodes has room for them', async () => {
    const size = await least(ext4('-N', '100000'), await crowd(1, 'fifo'));
    expect(size).toBeGreaterThan(100_000 * 256);
    expect(size).toBeLessThan(100_000 * 256 * 3);
  });

  it('how many bytes there are for each inode grows by as much', async () => {
    const runs = join(scratch(), 'runs');
    standIn(`echo run >> ${runs}; exec ${findProgram('mke2fs')} "$@"`);
    const size = await least(ext4('-i', '65536'), await crowd(2000, 'fifo'));
    expect(size / 65536).toBeGreaterThan(2000);
    expect(size / 65536).toBeLessThan(2200);
    expect(readFileSync(runs, 'utf8').split('\n').length - 1).toBeLessThanOrEqual(3);
  });

  it('that attributes are left out leaves them to mke2fs', async () => {
    const tree = join(scratch(), 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'file'), 'x');
    setXattr(join(tree, 'file'), 'user.note', Buffer.from('x'));
    const attributes = async (...options: readonly string[]) => {
      const image = await make(tree, ext4(...options), 16 * MEBIBYTE, { devices: [] });
      execFileSync('e2fsck', ['-fn', image], { stdio: 'pipe' });
      return execFileSync('debugfs', ['-R', 'ea_list /file', image], { encoding: 'utf8', stdio: 'pipe' });
    };
    expect(await attributes()).toContain('user.note');
    expect(await attributes('-E', 'no_copy_xattrs')).not.toContain('user.note');
    await expect(attributes('-E', 'root_perms=777')).rejects.toThrow(
      'the option -E root_perms=777 of mke2fs cannot be used here',
    );
  });
});

describe.runIf(has('mke2fs', 'e2fsck'))('an ext4 that is filled', () => {
  it('is given up when somebody wants that, though no content is to be written', async () => {
    const image = emptyExt4(['-N', '12000'], 32 * MEBIBYTE);
    const stop = new AbortController();
    const filled = fill(image, await crowd(10_000, 'fifo'), stop.signal);
    setImmediate(() => setImmediate(() => stop.abort()));
    await expect(filled).rejects.toThrow('aborted');
  });

  it('says nothing of links where there are more directories than can be counted', async () => {
    const image = emptyExt4(['-N', '66000', '-b', '1024', '-O', '^has_journal'], 128 * MEBIBYTE);
    await fill(image, await crowd(65_000, 'directory'));
    execFileSync('e2fsck', ['-fn', image], { stdio: 'pipe' });
    const root = execFileSync('debugfs', ['-R', 'stat /', image], { encoding: 'utf8', stdio: 'pipe' });
    expect(root).toMatch(/Links: 1 /);
  });

  it.each([
    [
      'No space left on device while writing superblock',
      'mke2fs failed with status 1: mke2fs: No space left',
    ],
    ['Could not allocate block in ext2 filesystem while populating', 'the content does not fit into an ext4'],
    ['Not enough space to build proposed filesystem', 'the content does not fit into an ext4'],
    ['No free space in the directory', 'the content does not fit into an ext4'],
  ])('tells a full disk of this machine from a full file system: %s', async (words, message) => {
    const tree = scratch();
    const measured = { kind: 'tree', tree: await readTree(tree, signal) } as const;
    standIn(`echo "mke2fs: ${words}" >&2; exit 1`);
    const request = {
      ...{ fileSystem: ext4(), uuid: UUID, tree, devices: [], epoch: 1, signal, scratch: scratch() },
      ...{
        say: () => {},
        warn: () => {},
        file: join(scratch(), 'file'),
        offset: 0,
        size: MEBIBYTE,
        measured,
      },
    };
    await expect(makeFileSystem(request)).rejects.toThrow(message);
  });
});

it('counts no more sectors of a file than its form can say', () => {
  const source = { type: 'file', path: 'large', mode: 0, uid: 0, gid: 0, mtime: 0n } as SourceInode;
  const bytesIn = (readOnly: number) =>
    inodeBytes(
      { inodeSize: 256, blockSize: 4096, readOnly } as ExtVolume,
      source,
      {
        ...{ links: 1, size: 2 ** 41, blocks: 2 ** 29, map: Buffer.alloc(60), hasExtents: true },
        ...{ inside: Buffer.alloc(0), attributeBlock: undefined },
      },
      0n,
    );
  expect(bytesIn(READ_ONLY.hugeFiles).readUInt16LE(0x74)).toBe(1);
  expect(() => bytesIn(0)).toThrow('"/large" is too large for an ext4 without huge_file');
});
