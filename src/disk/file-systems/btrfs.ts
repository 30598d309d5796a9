/** btrfs, by mkfs.btrfs from a directory. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { alignUp, createSparse, MIB } from '../pieces.ts';
import type { FileSystemRequest, SizeRequest } from '../request.ts';
import { finishBtrfs } from './btrfs-image.ts';
import { copyInto } from './copy-into.ts';
import { asWords, readOptions } from './options.ts';
import { runTool } from './program.ts';
import { BLOCK, roundUp, type SourceTree, warnOfLabels } from './source-tree.ts';

/** Checksums other than crc32c, and sizes of nodes, are not offered: what is set afterwards depends on them. */
const KNOWN = { withValue: 'dmOR', alone: 'KMf' };
const MOST_LABEL = 255;

export async function makeBtrfs(request: FileSystemRequest, tree: SourceTree): Promise<void> {
  const { fileSystem, tree: directory, file, offset, size, scratch, devices, signal } = request;
  if (Buffer.byteLength(fileSystem.label) > MOST_LABEL) {
    throw new AshlarError(`the label of the btrfs is longer than ${MOST_LABEL} bytes`);
  }
  const subvolumes = await subvolumeOptions(request);
  warnOfLabels(request);
  const image = join(scratch, 'btrfs.img');
  rmSync(image, { force: true });
  createSparse(image, size);
  try {
    const given = asWords(readOptions('mkfs.btrfs', fileSystem.createOptions, KNOWN));
    await runTool(
      'mkfs.btrfs',
      // It refuses a UUID that some disk of this machine has, as an earlier one of the same tree may: ours comes later.
      ['-q', '-L', fileSystem.label, ...given, ...subvolumes, '--rootdir', directory, image],
      { signal },
    );
    const { size: made } = statSync(image);
    // It takes what it thinks the tree could need, and makes the file longer for that.
    if (made > size) {
      throw new AshlarError(
        `the content does not fit into a btrfs of ${size} bytes: mkfs.btrfs takes ${made}`,
      );
    }
    finishBtrfs(image, tree, devices, request);
    copyInto(image, file, offset);
  } catch (error) {
    if (error instanceof AshlarError && /space|ENOSPC|too small/i.test(error.message)) {
      throw new AshlarError(`the content does not fit into a btrfs of ${size} bytes`, { cause: error });
    }
    throw error;
  } finally {
    rmSync(image, { force: true });
  }
  request.say('btrfs by mkfs.btrfs --rootdir');
}

/** Newer versions make subvolumes of directories (6.12). */
async function subvolumeOptions({
  subvolumes = [],
  signal,
}: Pick<FileSystemRequest, 'subvolumes' | 'signal'>): Promise<readonly string[]> {
  if (subvolumes.length === 0) return [];
  const program = findProgram('mkfs.btrfs');
  const help =
    program === undefined ? '' : Object.values(await runProgram(program, ['--help'], { signal })).join('\n');
  if (!/--subvol\b/.test(help)) {
    throw new AshlarError('the mkfs.btrfs of this machine makes no subvolumes', {
      hint: 'install btrfs-progs 6.12 or newer, or describe the disk without them',
    });
  }
  return subvolumes.flatMap(({ path, copyOnWrite }) => {
    const relative = path.replace(/^\/+/, '');
    const flags =
      copyOnWrite || !/--inode-flags\b/.test(help) ? [] : ['--inode-flags', `nodatacow:${relative}`];
    return ['--subvol', relative, ...flags];
  });
}

/** Bytes that btrfs keeps for itself, whatever is in it, in its usual profile. */
const FIXED = 160 * MIB;
/** Of an inode: its item, names in both directions and of the directory, and one piece of content. */
const ITEM = 700;
/** Content up to this size lies among the metadata. */
const INLINE = 2048;

/** What mkfs.btrfs 6 takes at least, whatever the tree; and for an inode, for which it knows no less. */
const EMPTY = 109 * MIB;
const ESTIMATED_INODE = 16384;

/** Never too small: metadata are there twice, nodes may be half full, and room is given out in large pieces. */
export async function leastBtrfsSize(
  _: Pick<SizeRequest, 'fileSystem' | 'tree' | 'scratch' | 'signal' | 'without'>,
  tree: SourceTree,
): Promise<number> {
  let [data, metadata] = [0, 0];
  let estimated = 0;
  for (const { type, size, xattrs, link, names } of tree.inodes) {
    metadata += ITEM + (names - 1) * 400 + link.length + Math.ceil(size / MIB) * 160;
    for (const { name, value } of xattrs) metadata += 100 + name.length + value.length;
    if (type !== 'file') continue;
    estimated += roundUp(size) * names;
    if (size <= INLINE) metadata += size;
    // mkfs.btrfs writes holes as zeros.
    else data += roundUp(size);
    // Checksums of content.
    metadata += (size / BLOCK) * 4;
  }
  const names = tree.inodes.reduce((sum, inode) => sum + inode.names, 0);
  const estimate = EMPTY + alignUp(estimated, 8 * MIB) + 2 * alignUp(names * ESTIMATED_INODE, 32 * MIB);
  return Math.max(estimate, alignUp(FIXED + data * 1.05 + metadata * 2 * 2, MIB));
}
