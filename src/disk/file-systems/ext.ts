/**
 * ext2, ext3 and ext4. mke2fs makes an ext4 empty, and everything in it is written by our own hand: mke2fs would write
 * each block by itself and wait for the disk. What is not written here mke2fs fills, and it is finished by our own hand.
 */
import { constants, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileDescriptor } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { alignUp, createSparse, MIB } from '../pieces.ts';
import type { FileSystemRequest } from '../request.ts';
import type { FileSystemSpec } from '../types.ts';
import { copyInto } from './copy-into.ts';
import { withDevices } from './devices.ts';
import { canFill, fillExt } from './ext-fill.ts';
import { NoRoom } from './ext-groups.ts';
import { finishExt } from './ext-image.ts';
import { measureExt } from './ext-room.ts';
import { ExtVolume } from './ext-volume.ts';
import { asWords, readOptions } from './options.ts';
import { runTool } from './program.ts';
import { BLOCK, type SourceInode, type SourceTree, warnOfLabels } from './source-tree.ts';

/**
 * Ours instead of the machine's /etc/mke2fs.conf, so that the same tree gives the same file system everywhere. Of what is
 * newer than this, boot loaders of long-lived distributions read nothing.
 */
const CONFIG = `[defaults]
base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
default_mntopts = acl,user_xattr
enable_periodic_fsck = 0
blocksize = ${BLOCK}
inode_size = 256
inode_ratio = 16384
hash_alg = half_md4
[fs_types]
floppy = {
}
small = {
}
big = {
}
huge = {
}
ext2 = {
}
ext3 = {
features = has_journal
}
ext4 = {
features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
}
`;

const KNOWN = { withValue: 'bCEgGiIJmNO', alone: '' };
const MOST_LABEL = 16;
/** An empty file system has room in it, whatever its options. */
const LARGE = 1024 * MIB;
/** Bytes of content for one inode, where nothing else is said. */
const INODE_RATIO = 16384;

export async function makeExt(request: FileSystemRequest, tree: SourceTree): Promise<void> {
  const { fileSystem, size } = request;
  try {
    const byHand = await makeByHand(request, tree);
    if (!byHand) await makeByProgram(request, tree);
    request.say(`${fileSystem.type} by mke2fs${byHand ? ', filled without mounting' : ' -d'}`);
  } catch (error) {
    if (isNoRoom(error)) {
      throw new AshlarError(`the content does not fit into an ${fileSystem.type} of ${size} bytes`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** In the words of libext2fs and mke2fs: the disk of this machine may be full, too, which is another matter. */
const NO_ROOM =
  /^mke2fs failed .*(?:Could not allocate (?:block|inode)|Not enough space to build|No free space in|inodes_count .*too big)/s;

function isNoRoom(error: unknown): boolean {
  return error instanceof NoRoom || (error instanceof AshlarError && NO_ROOM.test(error.message));
}

/** mke2fs makes it empty, and all that is in it is written here; false for forms in which that cannot be. */
async function makeByHand(request: FileSystemRequest, tree: SourceTree): Promise<boolean> {
  const { fileSystem, scratch, file, offset, size, devices, epoch: made, signal } = request;
  if (fileSystem.type !== 'ext4' || extendedWords(fileSystem).includes('no_copy_xattrs')) return false;
  const image = join(scratch, 'ext4.img');
  try {
    createSparse(image, size);
    await mke2fs(request, tree.inodes.length, image, size, named(request));
    using empty = new FileDescriptor(openSync(image, constants.O_RDONLY));
    if (!canFill(new ExtVolume(empty.fd, 0))) return false;
    copyInto(image, file, offset);
  } finally {
    rmSync(image, { force: true });
  }
  using target = new FileDescriptor(openSync(file, constants.O_RDWR));
  const standIns = new Map(devices.map(device => [device.path, device]));
  const real = (inode: SourceInode) => withDevices(inode, standIns);
  const settled = (end: number) => request.settled?.(offset + end);
  await fillExt(new ExtVolume(target.fd, offset), { tree, real, made: Math.max(1, made), settled, signal });
  return true;
}

async function makeByProgram(request: FileSystemRequest, tree: SourceTree): Promise<void> {
  const { tree: directory, file, offset, size, devices } = request;
  warnOfLabels(request);
  const words = ['-d', directory, ...named(request, [`offset=${offset}`])];
  await mke2fs(request, tree.inodes.length, file, size, words);
  finishExt(file, offset, tree, new Map(devices.map(device => [device.path, device])));
}

function named({ fileSystem, uuid }: FileSystemRequest, more: readonly string[] = []): readonly string[] {
  const ours = [`hash_seed=${uuid}`, ...more];
  return ['-U', uuid, '-L', fileSystem.label, ...extended(fileSystem, ours)];
}

interface Making extends Pick<FileSystemRequest, 'fileSystem' | 'scratch' | 'signal'> {
  readonly epoch: number;
}

async function mke2fs(
  { fileSystem, scratch, epoch, signal }: Making,
  inodes: number,
  file: string,
  size: number,
  args: readonly string[],
): Promise<void> {
  const { type, label } = fileSystem;
  if (Buffer.byteLength(label) > MOST_LABEL) {
    throw new AshlarError(
      `the label ${JSON.stringify(label)} is longer than the ${MOST_LABEL} bytes of ${type}`,
    );
  }
  const config = join(scratch, 'mke2fs.conf');
  writeFileSync(config, CONFIG);
  const words = ['-q', '-F', '-t', type, ...given(fileSystem), ...inodeCount(fileSystem, size, inodes)];
  // Zero would be the time of today for it.
  const time = String(Math.max(1, epoch));
  await runTool('mke2fs', [...words, ...args, file, `${Math.floor(size / 1024)}k`], {
    env: { MKE2FS_CONFIG: config, E2FSPROGS_FAKE_TIME: time, SOURCE_DATE_EPOCH: time },
    signal,
  });
}

/** The options of the description but `-E`, of which mke2fs takes only the last. */
function given({ createOptions }: FileSystemSpec): readonly string[] {
  const options = readOptions('mke2fs', createOptions, KNOWN);
  // A journal on another device would be one of this machine.
  const bad = options.find(([option, value]) => option === '-J' && /\bdevice\b/.test(value ?? ''));
  if (bad) throw new AshlarError(`the option ${bad.join(' ')} of mke2fs cannot be used here`);
  return asWords(options.filter(([option]) => option !== '-E'));
}

function extendedWords({ createOptions }: FileSystemSpec): readonly string[] {
  return readOptions('mke2fs', createOptions, KNOWN).flatMap(([option, value]) =>
    option === '-E' ? (value ?? '').split(',') : [],
  );
}

function extended(fileSystem: FileSystemSpec, ours: readonly string[]): readonly string[] {
  const theirs = extendedWords(fileSystem);
  const taken = theirs.find(word => /^(?:offset|hash_seed|root_\w+|test_fs|discard)\b/.test(word));
  if (taken !== undefined) throw new AshlarError(`the option -E ${taken} of mke2fs cannot be used here`);
  // The file reads as zeros: nothing needs to be written to make it so.
  const usual = ['nodiscard', 'lazy_itable_init=1', 'lazy_journal_init=1', 'root_owner=0:0'];
  return ['-E', [...usual, ...ours, ...theirs].join(',')];
}

/** What the description says of inodes: how many, which is what counts, or how many bytes there are for each. */
function chosenInodes({ createOptions }: FileSystemSpec) {
  const options = readOptions('mke2fs', createOptions, KNOWN);
  const last = (wanted: string) => options.findLast(([option]) => option === wanted)?.[1];
  return { count: last('-N'), ratio: last('-i') };
}

/** More inodes where a tree of many small files would not find enough. */
function inodeCount(fileSystem: FileSystemSpec, size: number, needed: number): readonly string[] {
  const { count, ratio } = chosenInodes(fileSystem);
  const wanted = Math.ceil(needed * 1.1) + 64;
  const suffice = size / INODE_RATIO >= wanted;
  return count !== undefined || ratio !== undefined || suffice ? [] : ['-N', String(wanted)];
}

/** Bytes by which a file system has to grow for so many more inodes. */
function growthFor(inodes: number, lacking: number, fileSystem: FileSystemSpec): number {
  const { count, ratio } = chosenInodes(fileSystem);
  if (lacking > 0 && count !== undefined) {
    throw new AshlarError(`${count} inodes are too few for ${inodes} files`, {
      hint: `the option -N ${count} of mke2fs says how many there are`,
    });
  }
  return lacking * (Number(ratio) || INODE_RATIO);
}

/**
 * The least size, in bytes, that holds a tree. What an empty file system has room for is asked of mke2fs itself,
 * whatever the options: its tables and its journal grow with the size.
 */
export async function leastExtSize(
  making: Pick<FileSystemRequest, 'fileSystem' | 'scratch' | 'signal'>,
  tree: SourceTree,
): Promise<number> {
  const inodes = tree.inodes.length;
  const stored = tree.inodes.reduce((sum, inode) => sum + inode.stored, 0);
  const trial = join(making.scratch, 'empty.img');
  try {
    for (let size = alignUp(stored, MIB) + 2 * MIB; ; ) {
      rmSync(trial, { force: true });
      createSparse(trial, size);
      try {
        await mke2fs({ ...making, epoch: 1 }, inodes, trial, size, extended(making.fileSystem, []));
      } catch (error) {
        if (size > LARGE || !isNoRoom(error)) throw error;
        // Of large blocks not even an empty one fits.
        size *= 2;
        continue;
      }
      using file = new FileDescriptor(openSync(trial, constants.O_RDONLY));
      const volume = new ExtVolume(file.fd, 0);
      const lackingBlocks = Math.max(0, measureExt(tree, volume) - volume.freeBlocks);
      const lackingInodes = Math.max(0, inodes - volume.freeInodes);
      if (lackingBlocks === 0 && lackingInodes === 0) return size;
      const growth = growthFor(inodes, lackingInodes, making.fileSystem);
      size += alignUp(Math.max(lackingBlocks * volume.blockSize, growth), MIB);
    }
  } finally {
    rmSync(trial, { force: true });
  }
}
