/** Trees with everything awkward in them, file systems of them, and what they say. */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type DeviceEntry, standInForDevices } from '../../../src/disk/file-systems/devices.ts';
import { makeFileSystem, neededSize } from '../../../src/disk/file-systems/make.ts';
import { dataOf, readTree, type SourceInode } from '../../../src/disk/file-systems/source-tree.ts';
import type { FileSystemRequest } from '../../../src/disk/request.ts';
import type { FileSystemSpec, FileSystemType } from '../../../src/disk/types.ts';
import { AT_FDCWD, chownAt, setTimesAt, setXattr } from '../../../src/linux/index.ts';
import { isRoot } from '../../support/tools.ts';

export const { signal } = new AbortController();
export const MEBIBYTE = 1 << 20;
/** Of its own for each test file: the kernel mounts no two of one UUID at a time. */
export const UUID = randomUUID();

export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-disk-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function fileSystem(type: FileSystemType, more: Partial<FileSystemSpec> = {}): FileSystemSpec {
  return { type, label: 'ROOT', createOptions: [], ...more };
}

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const SECOND = 1_000_000_000n;

/** What layers say of devices, which a plain user's tree lacks. */
export const devices: readonly DeviceEntry[] = [
  ['dev/console', 'character', 5, 1],
  ['dev/disk', 'block', 300, 70_000],
].map(([path, type, major, minor]) => ({
  ...({ path, type, major, minor } as Pick<DeviceEntry, 'path' | 'type' | 'major' | 'minor'>),
  ...{ mode: 0o640, ...owner, mtime: 77n * SECOND, xattrs: [] },
}));

const acl = Buffer.from(
  '0200000001000600ffffffff02000400050000000400040' + '0ffffffff10000400ffffffff20000400ffffffff',
  'hex',
);
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** Makes the same tree each time, but for the order in which names come to the directory. */
export async function makeAwkwardTree(tree: string, order: 'forth' | 'back'): Promise<void> {
  const steps: (() => void)[] = [
    () => write('etc/hello', 'hello\n', 0o674),
    () => write('usr/su', 'su', 0o4755),
    () => write('usr/sg', 'sg', 0o2755),
    () => write('usr/sealed', 'nobody reads this', isRoot ? 0 : 0o400),
    () => mkdirSync(join(tree, 'tmp')),
    () => mkdirSync(join(tree, 'dev')),
    () => symlinkSync('etc/hello', join(tree, 'link')),
    () => symlinkSync('x'.repeat(200), join(tree, 'long-link')),
    () => symlinkSync('y'.repeat(900), join(tree, 'longer-link')),
    () => write('we ird/new\nline', 'text'),
    () => write(`we ird/${'n'.repeat(254)}`, ''),
    () => writeFileSync(Buffer.from(`${tree}/by\xffte`, 'latin1'), 'bytes'),
    () => write('noise', noise(1_500_000)),
    () => write('zeros', Buffer.alloc(300_000)),
    () => sparse('sparse', 8 * MEBIBYTE, [0, 5 * MEBIBYTE + 5, 8 * MEBIBYTE - 3]),
    ...Array.from(
      { length: 250 },
      (_, i) => () => write(`many/a-name-that-takes-room-in-a-directory-${i}`, `file ${i}`),
    ),
  ];
  const write = (path: string, content: string | Buffer, mode = 0o644) => {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), content);
    chmodSync(join(tree, path), mode);
  };
  const sparse = (path: string, size: number, places: readonly number[]) => {
    const fd = openSync(join(tree, path), 'w');
    for (const place of places) writeSync(fd, 'xyz', place);
    ftruncateSync(fd, size);
    closeSync(fd);
  };
  mkdirSync(tree);
  for (const step of order === 'forth' ? steps : steps.reverse()) step();
  for (const name of order === 'forth' ? ['a', 'z'] : ['z', 'a'])
    linkSync(join(tree, 'etc/hello'), join(tree, 'usr', name));
  chmodSync(join(tree, 'tmp'), 0o1777);
  execFileSync('mkfifo', ['-m', '600', join(tree, 'dev/fifo')]);
  const xattrs = [
    ['etc/hello', 'user.small', Buffer.from('abc')],
    ['etc/hello', 'user.large', Buffer.alloc(1500, 'v')],
    ['etc', 'user.directory', Buffer.alloc(0)],
  ] as const;
  for (const [path, name, value] of order === 'forth' ? xattrs : xattrs.toReversed())
    setXattr(join(tree, path), name, value);
  setXattr(join(tree, 'etc'), 'system.posix_acl_default', acl);
  setXattr(join(tree, 'usr/sg'), 'system.posix_acl_access', acl);
  if (isRoot) {
    chownAt(AT_FDCWD, join(tree, 'noise'), 100_000, 200_000);
    chownAt(AT_FDCWD, tree, 7, 8);
    setXattr(join(tree, 'usr/su'), 'security.capability', capability);
    setXattr(join(tree, 'etc'), 'trusted.note', Buffer.from('t'));
  }
  await settle(tree);
  const late = { atime: 5n, mtime: 2_209_000_000n * SECOND };
  setTimesAt(AT_FDCWD, join(tree, 'etc/hello'), late);
  setTimesAt(AT_FDCWD, join(tree, 'noise'), { atime: 5n, mtime: -SECOND * 1000n - 1n });
  await standInForDevices(tree, devices, signal);
}

/** Gives everything in a tree a time of its own kind. */
export async function settle(tree: string): Promise<void> {
  for (const { path } of (await readTree(tree, signal)).inodes) {
    const mtime = BigInt(path.length) * 1_000_000_123n;
    const at = Buffer.from(path === '' ? tree : `${Buffer.from(tree).toString('latin1')}/${path}`, 'latin1');
    setTimesAt(AT_FDCWD, at, { atime: BigInt(Date.now()) * 1_000_000n, mtime });
  }
}

/** Bytes without order, the same each time. */
export function noise(length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) pieces.push(createHash('sha256').update(`noise ${i}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

/** Makes a file system. Those that programs write straight into a disk go into the middle of one, as they do there. */
export async function make(
  tree: string,
  spec: FileSystemSpec,
  size: number,
  more: Partial<FileSystemRequest> = {},
): Promise<string> {
  const directory = scratch();
  const [file, image] = [join(directory, 'disk'), join(directory, 'image')];
  const offset = spec.type.startsWith('ext') ? MEBIBYTE : 0;
  const around = Buffer.alloc(offset, 'around');
  const fd = openSync(file, 'w+');
  writeSync(fd, around, 0, offset, 0);
  writeSync(fd, around, 0, offset, offset + size);
  ftruncateSync(fd, offset + size + offset);
  const common = {
    ...{ fileSystem: spec, uuid: UUID, tree, devices, epoch: 1_700_000_000, signal },
    ...{ scratch: directory, say: () => {}, warn: () => {} },
    ...more,
  };
  const { measured } = await neededSize({ ...common, without: [] });
  await makeFileSystem({ ...common, file, offset, size, measured });
  const outside = Buffer.alloc(2 * offset);
  readSync(fd, outside, 0, offset, 0);
  readSync(fd, outside, offset, offset, offset + size);
  closeSync(fd);
  if (!outside.equals(Buffer.concat([around, around])))
    throw new Error('bytes beside the file system were changed');
  if (offset === 0) return file;
  const blocks = ['bs=1M', 'skip=1', `count=${size / MEBIBYTE}`, 'conv=sparse'];
  execFileSync('dd', [`if=${file}`, `of=${image}`, ...blocks], { stdio: 'ignore' });
  return image;
}

/** What a tree says, name by name. Inodes are told apart by their first names. */
export async function describeTree(
  tree: string,
  leaveOut: readonly string[] = [],
): Promise<Map<string, unknown>> {
  const source = await readTree(tree, signal);
  const described = new Map<string, unknown>([['', describeInode(tree, source.root)]]);
  for (const entries of source.directories.values()) {
    for (const { path, inode } of entries)
      if (!leaveOut.includes(path)) described.set(path, describeInode(tree, inode));
  }
  return described;
}

function describeInode(tree: string, inode: SourceInode): unknown {
  const { xattrs, ...rest } = inode;
  const path = Buffer.from(`${Buffer.from(tree).toString('latin1')}/${inode.path}`, 'latin1');
  return {
    ...rest,
    xattrs: xattrs.map(({ name, value }) => `${name}=${Buffer.from(value).toString('hex')}`),
    ...(inode.type === 'file' && isRoot
      ? { content: createHash('sha256').update(readFileSync(path)).digest('hex') }
      : {}),
  };
}

function startOf(file: string, length: number): string {
  const fd = openSync(file, 'r');
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, 0);
  closeSync(fd);
  return bytes.toString('latin1');
}

/** Looks at a file system through the kernel. */
export async function mounted<T>(image: string, look: (tree: string) => T | Promise<T>): Promise<T> {
  const at = join(scratch(), 'mounted');
  mkdirSync(at);
  // A namespace that somebody else makes meanwhile may hold the one before, and no two of an xfs are mounted.
  const isXfs = startOf(image, 4) === 'XFSB';
  execFileSync('mount', ['-o', `loop,ro${isXfs ? ',nouuid' : ''}`, image, at]);
  try {
    return await look(at);
  } finally {
    execFileSync('umount', [at]);
  }
}

/** Of what is in a file and where; zeros are what holes read as. */
export function digest(file: string): string {
  const hash = createHash('sha256');
  const fd = openSync(file, 'r');
  const [buffer, zeros] = [Buffer.alloc(1 << 16), Buffer.alloc(1 << 16)];
  const { size } = fstatSync(fd);
  let next = 0;
  for (const { start, end } of dataOf(fd, size)) {
    // Where holes are is the machine's affair: a piece with two stretches in it counts once.
    for (let at = Math.max(next, start - (start % buffer.length)); at < end; at = next) {
      next = at + buffer.length;
      const count = readSync(fd, buffer, 0, buffer.length, at);
      if (zeros.compare(buffer, 0, count, 0, count) === 0) continue;
      hash.update(`${at} ${count}\n`).update(buffer.subarray(0, count));
    }
  }
  closeSync(fd);
  return hash.update(`${size}`).digest('hex');
}
