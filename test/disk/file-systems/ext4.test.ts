import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  copyFileSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillExt } from '../../../src/disk/file-systems/ext-fill.ts';
import { ExtVolume } from '../../../src/disk/file-systems/ext-volume.ts';
import { makeFileSystem, neededSize } from '../../../src/disk/file-systems/make.ts';
import { readTree, type SourceInode } from '../../../src/disk/file-systems/source-tree.ts';
import { setXattr } from '../../../src/linux/index.ts';
import { has, isRoot } from '../../support/tools.ts';
import {
  describeTree,
  devices,
  fileSystem,
  MEBIBYTE,
  make,
  makeAwkwardTree,
  mounted,
  scratch,
  settle,
  signal,
} from './trees.ts';

let base: string;
/** Awkward, with a lost+found of its own, a large directory and files in many pieces. */
let tree: string;
/** What it says with the devices in their places. */
let expected: Map<string, unknown>;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'ashlar-ext4-'));
  tree = join(base, 'tree');
  await makeAwkwardTree(tree, 'forth');
  mkdirSync(join(tree, 'lost+found'), { mode: 0o750 });
  writeFileSync(join(tree, 'lost+found/found'), 'found');
  mkdirSync(join(tree, 'large'));
  for (let i = 0; i < 400; i++) linkSync(join(tree, 'usr/sg'), join(tree, `large/${'name'.repeat(15)}-${i}`));
  const fd = openSync(join(tree, 'pieces'), 'w');
  for (let i = 0; i < 90; i++) writeSync(fd, 'piece', i * 140_000);
  ftruncateSync(fd, 90 * 140_000 + 3 * MEBIBYTE);
  closeSync(fd);
  // One of 1500 bytes has no room in blocks of 1024.
  setXattr(join(tree, 'etc/hello'), 'user.large', Buffer.alloc(700, 'v'));
  await settle(tree);
  expected = await describeTree(tree);
  for (const { path, type, major, minor } of devices)
    expected.set(path, { ...(expected.get(path) as object), type, major, minor });
});

afterAll(() => rmSync(base, { recursive: true }));

function check(image: string): void {
  execFileSync('e2fsck', ['-fn', image], { stdio: 'pipe' });
}

/** How it was made, and the image. */
async function made(createOptions: readonly string[], of = tree, size = 64 * MEBIBYTE) {
  const said: string[] = [];
  const spec = fileSystem('ext4', { createOptions });
  const standIns = devices.map(({ path, type, major, minor }) => ({ path, type, major, minor }));
  const more = { devices: of === tree ? standIns : [], say: (message: string) => said.push(message) };
  return { said, image: await make(of, spec, size, more) };
}

const forms = [
  [],
  ['-b', '1024'],
  ['-b', '2048', '-I', '512', '-O', '^64bit'],
  ['-I', '1024', '-O', 'metadata_csum_seed,^has_journal'],
  ['-O', '^metadata_csum'],
  ['-O', '^metadata_csum,uninit_bg,^flex_bg'],
  ['-O', '^metadata_csum,uninit_bg,^64bit'],
  ['-O', 'sparse_super2', '-g', '4096'],
  ['-O', '^sparse_super,^resize_inode,^dir_index,^huge_file', '-g', '2048'],
  ['-E', 'stride=16,stripe_width=64,lazy_itable_init=0'],
];

describe.runIf(has('mke2fs', 'e2fsck'))('ext4 that is filled by hand', () => {
  it.each(forms.map(form => [form.join(' ') || 'no options', form] as const))(
    'holds every attribute of an awkward tree: %s',
    async (_, form) => {
      const { said, image } = await made(form);
      expect(said).toEqual(['ext4 by mke2fs, filled without mounting']);
      check(image);
      if (isRoot) expect(await mounted(image, at => describeTree(at))).toEqual(expected);
    },
  );

  it.each([
    ['blocks of 64 KiB', ['-b', '65536', '-O', '^has_journal']],
    ['names without types', ['-O', '^filetype']],
  ] as const)('has %s, too', async (_, form) => {
    const { said, image } = await made(form);
    expect(said).toEqual(['ext4 by mke2fs, filled without mounting']);
    check(image);
  });

  it.runIf(isRoot)('has small inodes, which know no nanoseconds', async () => {
    const { image } = await made(['-I', '128', '-O', '^extra_isize']);
    check(image);
    const found = await mounted(image, at => describeTree(at));
    const seconds = (described: Map<string, unknown>) =>
      new Map(
        [...described].map(([path, inode]) => {
          const { mtime } = inode as { mtime: bigint };
          const whole = mtime < 0n ? -1001n : mtime / 1_000_000_000n;
          const latest = 2n ** 31n - 1n;
          return [path, { ...(inode as object), mtime: whole > latest ? latest : whole }];
        }),
      );
    expect(seconds(found)).toEqual(seconds(expected));
  });

  it.runIf(isRoot)('keeps holes, wherever they are', async () => {
    const { image } = await made([]);
    await mounted(image, at => {
      const of = (name: string) => statSync(join(at, name));
      expect(of('zeros').blocks).toBe(0);
      // 90 pieces of 64 KiB at most meet two of them each; a block tells of them.
      expect(of('pieces').blocks * 512).toBeLessThanOrEqual(90 * 2 * 65_536 + 4096);
      expect(of('pieces').size).toBe(90 * 140_000 + 3 * MEBIBYTE);
      expect(of('sparse').blocks * 512).toBe(3 * 65_536);
    });
  });

  it('leaves the lost+found of mke2fs where a tree has none, and refuses one that is a file', async () => {
    const plain = join(scratch(), 'plain');
    mkdirSync(plain);
    writeFileSync(join(plain, 'file'), 'x');
    const { image } = await made([], plain, 16 * MEBIBYTE);
    check(image);
    const listed = execFileSync('debugfs', ['-R', 'stat lost+found', image], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(listed).toMatch(/Inode: 11 +Type: directory +Mode: +0700/);
    writeFileSync(join(plain, 'lost+found'), 'x');
    await expect(made([], plain, 16 * MEBIBYTE)).rejects.toThrow('"/lost+found" is no directory');
  });

  it('says the same of its room as what is taken of it', async () => {
    const { image } = await made(['-g', '4096']);
    const said = execFileSync('dumpe2fs', [image], { encoding: 'utf8', stdio: 'pipe' });
    const total = Number(/^Free blocks: +(\d+)$/m.exec(said)?.[1]);
    const groups = [...said.matchAll(/^ {2}(\d+) free blocks, (\d+) free inodes/gm)];
    expect(groups.length).toBe(4);
    expect(groups.reduce((sum, [, blocks]) => sum + Number(blocks), 0)).toBe(total);
    // The other superblock can be used, too.
    const lines = execFileSync('dumpe2fs', ['-h', '-o', 'superblock=4096', '-o', 'blocksize=4096', image], {
      ...{ encoding: 'utf8', stdio: 'pipe' },
    });
    expect(Number(/^Free blocks: +(\d+)$/m.exec(lines)?.[1])).toBe(total);
  });

  it('is written with its content last, from its beginning to its end', async () => {
    class Watched extends ExtVolume {
      readonly places: number[] = [];
      override write(bytes: Uint8Array, at: number): void {
        this.places.push(at);
        super.write(bytes, at);
      }
    }
    const large = join(scratch(), 'large');
    mkdirSync(large);
    for (let i = 0; i < 300; i++) writeFileSync(join(large, `${i}`), Buffer.alloc(5000 + i, 'x'));
    writeFileSync(join(large, 'largest'), Buffer.alloc(2_500_000, 'y'));
    const empty = join(scratch(), 'empty.img');
    const { image } = await made([], join(base, 'tree/tmp'), 32 * MEBIBYTE);
    copyFileSync(image, empty);
    const fd = openSync(empty, constants.O_RDWR);
    const volume = new Watched(fd, 0);
    const settled: number[] = [];
    await fillExt(volume, {
      ...{ tree: await readTree(large, signal), real: (inode: SourceInode) => inode, made: 1, signal },
      settled: end => settled.push(end),
    });
    closeSync(fd);
    const content = volume.places.slice(volume.places.lastIndexOf(1024) + 1);
    expect(content).toEqual(content.toSorted((a, b) => a - b));
    expect(content.length).toBeGreaterThan(3);
    // Who follows behind is told of all of it, and of nothing that is still to change.
    expect(settled.slice(0, -1).every((end, i) => end <= (content[i + 1] ?? 0))).toBe(true);
    expect(settled).toHaveLength(content.length);
    // Two blocks of each small file, and all of the large one, in pieces of 64 KiB.
    expect(content.length).toBeLessThan(90);
  });

  it('refuses what does not fit, and names it', async () => {
    const plain = join(scratch(), 'plain');
    mkdirSync(plain);
    writeFileSync(join(plain, 'marked'), 'x');
    setXattr(join(plain, 'marked'), 'user.large', Buffer.alloc(3000));
    await expect(made(['-b', '1024'], plain, 16 * MEBIBYTE)).rejects.toThrow(
      '"/marked" has too many attributes for an ext4',
    );
    rmSync(join(plain, 'marked'));
    const device = { path: 'device', type: 'character', major: 2 ** 12, minor: 0 } as const;
    execFileSync('mkfifo', [join(plain, 'device')]);
    const numbered = make(plain, fileSystem('ext4'), 16 * MEBIBYTE, { devices: [device] });
    await expect(numbered).rejects.toThrow('ext4 cannot hold the numbers of the device "/device"');
  });

  it('names a file that changes meanwhile', async () => {
    const directory = scratch();
    const plain = join(directory, 'plain');
    mkdirSync(plain);
    writeFileSync(join(plain, 'log'), 'one line\n');
    const file = join(directory, 'file');
    const fd = openSync(file, 'w');
    ftruncateSync(fd, 16 * MEBIBYTE);
    closeSync(fd);
    const request = {
      ...{ fileSystem: fileSystem('ext4'), uuid: '12345678-1234-4234-9234-123456789abc', tree: plain },
      ...{ devices: [], epoch: 1, signal, scratch: directory, say: () => {}, warn: () => {} },
    };
    const { measured } = await neededSize({ ...request, without: [] });
    appendFileSync(join(plain, 'log'), 'and one more\n');
    const changed = makeFileSystem({ ...request, file, offset: 0, size: 16 * MEBIBYTE, measured });
    await expect(changed).rejects.toThrow('"/log" changed while it was read');
  });

  it('is filled by mke2fs in forms that are not written here', async () => {
    for (const form of [
      ['-O', 'bigalloc'],
      ['-O', 'orphan_file'],
      ['-O', '^ext_attr'],
    ]) {
      const { said, image } = await made(form);
      expect(said).toEqual(['ext4 by mke2fs -d']);
      check(image);
    }
  });
});
