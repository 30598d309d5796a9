/** ext2, ext3 and ext4, by mke2fs straight into the file of a disk, finished by our own hand. */
import { closeSync, ftruncateSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { MIB } from '../pieces.ts';
import type { FileSystemRequest } from '../request.ts';
import type { FileSystemSpec } from '../types.ts';
import { finishExt, readExtRoom } from './ext-image.ts';
import { asWords, readOptions } from './options.ts';
import { runTool } from './program.ts';
import { BLOCK, roundUp, type SourceInode, type SourceTree, warnOfLabels } from './source-tree.ts';

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
/** Bytes of content for one inode, where nothing else is said. */
const INODE_RATIO = 16384;

export async function makeExt(request: FileSystemRequest, tree: SourceTree): Promise<void> {
  const { fileSystem, tree: directory, file, offset, size, uuid, devices } = request;
  warnOfLabels(request);
  try {
    await mke2fs(request, tree.inodes.length, file, size, [
      ...['-U', uuid, '-L', fileSystem.label, '-d', directory],
      ...extended(fileSystem, [`offset=${offset}`, `hash_seed=${uuid}`]),
    ]);
  } catch (error) {
    if (error instanceof AshlarError && /allocate|space/i.test(error.message)) {
      throw new AshlarError(`the content does not fit into an ${fileSystem.type} of ${size} bytes`, {
        cause: error,
      });
    }
    throw error;
  }
  finishExt(file, offset, tree, new Map(devices.map(device => [device.path, device])));
  request.say(`${fileSystem.type} by mke2fs -d`);
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

function extended({ createOptions }: FileSystemSpec, ours: readonly string[]): readonly string[] {
  const theirs = readOptions('mke2fs', createOptions, KNOWN).flatMap(([option, value]) =>
    option === '-E' ? (value ?? '').split(',') : [],
  );
  const taken = theirs.find(word => /^(?:offset|hash_seed|root_owner|test_fs|discard)\b/.test(word));
  if (taken !== undefined) throw new AshlarError(`the option -E ${taken} of mke2fs cannot be used here`);
  // The file reads as zeros: nothing needs to be written to make it so.
  const usual = ['nodiscard', 'lazy_itable_init=1', 'lazy_journal_init=1', 'root_owner=0:0'];
  return ['-E', [...usual, ...ours, ...theirs].join(',')];
}

/** More inodes where a tree of many small files would not find enough. */
function inodeCount({ createOptions }: FileSystemSpec, size: number, needed: number): readonly string[] {
  const chosen = readOptions('mke2fs', createOptions, KNOWN).some(
    ([option]) => option === '-N' || option === '-i',
  );
  const wanted = Math.ceil(needed * 1.1) + 64;
  return chosen || size / INODE_RATIO >= wanted ? [] : ['-N', String(wanted)];
}

/**
 * The least size, in bytes, that holds a tree. What an empty file system has room for is asked of mke2fs itself,
 * whatever the options: its tables and its journal grow with the size.
 */
export async function leastExtSize(
  making: Pick<FileSystemRequest, 'fileSystem' | 'scratch' | 'signal'>,
  tree: SourceTree,
): Promise<number> {
  const { blocks, inodes } = measureExt(tree, making.fileSystem.type === 'ext4');
  const trial = join(making.scratch, 'empty.img');
  try {
    for (let size = roundUp(blocks * BLOCK, MIB) + MIB; ; ) {
      closeSync(openSync(trial, 'w'));
      const fd = openSync(trial, 'r+');
      ftruncateSync(fd, size);
      closeSync(fd);
      await mke2fs({ ...making, epoch: 1 }, inodes, trial, size, extended(making.fileSystem, []));
      const room = readExtRoom(trial);
      const lackingBytes = Math.max(0, blocks * BLOCK - room.freeBlocks * room.blockSize);
      const lackingInodes = Math.max(0, inodes - room.freeInodes);
      if (lackingBytes === 0 && lackingInodes === 0) return size;
      size += roundUp(Math.max(lackingBytes, lackingInodes * INODE_RATIO), MIB);
    }
  } finally {
    rmSync(trial, { force: true });
  }
}

/** Blocks of 4096 bytes that a tree takes, its tables of blocks included, and inodes. Never too few. */
export function measureExt(
  tree: SourceTree,
  extents: boolean,
): { readonly blocks: number; readonly inodes: number } {
  let blocks = 0;
  for (const inode of tree.inodes) blocks += blocksOf(inode, extents) + attributeBlocks(inode);
  for (const entries of tree.directories.values()) {
    const own = directoryBlocks(entries.map(({ name }) => name.length));
    // A directory grows by one block at a time, with those of its files between.
    blocks += own + tableBlocks(own, own, extents);
  }
  return { blocks, inodes: tree.inodes.length };
}

function blocksOf({ type, size, stored, stretches, link }: SourceInode, extents: boolean): number {
  if (type === 'symlink') return link.length < 60 ? 0 : 1;
  if (type !== 'file' || stored === 0) return 0;
  const data = stored / BLOCK;
  // What lies between data is cut by the tables of groups, too.
  const pieces = stretches + 2 * Math.ceil(data / (8 * BLOCK));
  return data + tableBlocks(extents ? data : Math.ceil(size / BLOCK), pieces, extents);
}

/** Blocks that say where so many blocks in so many pieces are. */
function tableBlocks(blocks: number, pieces: number, extents: boolean): number {
  if (extents) {
    if (pieces <= 4) return 0;
    // Nodes hold 340 extents, and are never less than half full.
    return Math.ceil(pieces / 160) + Math.ceil(pieces / 160 ** 2) + 1;
  }
  if (blocks <= 12) return 0;
  const perTable = BLOCK / 4;
  const most = Math.ceil(blocks / perTable);
  // Of a file with holes only the tables of what is there.
  const tables = Math.min(most, pieces * 2 + most);
  return tables + Math.ceil(tables / perTable) + 2;
}

const IN_INODE = 256 - 128 - 32 - 4;

/** Attributes that the inode has no room for take a block. */
function attributeBlocks({ xattrs }: SourceInode): number {
  let bytes = 4;
  for (const { name, value } of xattrs) bytes += 16 + roundUp(name.length, 4) + roundUp(value.length, 4);
  return bytes > IN_INODE ? 1 : 0;
}

/** Blocks of a directory that holds names of these lengths. */
function directoryBlocks(lengths: readonly number[]): number {
  const tail = 12;
  let [blocks, left] = [1, BLOCK - tail - 24];
  for (const length of lengths) {
    const bytes = 8 + roundUp(length, 4);
    if (bytes > left) {
      blocks += 1;
      left = BLOCK - tail;
    }
    left -= bytes;
  }
  return blocks;
}
