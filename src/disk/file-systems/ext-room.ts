/** What a tree takes in an ext2, ext3 or ext4, whether mke2fs fills it or we do. */

import { alignUp } from '../pieces.ts';
import { nameBlocks } from './ext-directory.ts';
import { attributeRoom } from './ext-inode.ts';
import { type ExtVolume, INCOMPATIBLE } from './ext-volume.ts';
import type { SourceInode, SourceTree } from './source-tree.ts';

/** Blocks that a tree takes, those included that tell where others are. Never too few. */
export function measureExt(tree: SourceTree, volume: ExtVolume): number {
  const form = { blockSize: volume.blockSize, types: true, checksums: true };
  // Free room is cut by what groups say of themselves: each cut can make the tables of one file longer.
  let blocks = volume.descriptors.length * 4;
  for (const inode of tree.inodes) blocks += contentBlocks(inode, volume) + attributeBlocks(inode, volume);
  for (const entries of tree.directories.values()) {
    const own = nameBlocks(
      entries.map(({ name }) => name),
      form,
    );
    // mke2fs lets a directory grow by one block at a time, with those of its files between.
    blocks += own + tableBlocks(own, own, volume);
  }
  return blocks;
}

function contentBlocks({ type, size, data, link }: SourceInode, volume: ExtVolume): number {
  if (type === 'symlink') return link.length < 60 ? 0 : 1;
  if (type !== 'file') return 0;
  const { blockSize, blocksPerGroup } = volume;
  const stretches = data ?? [{ start: 0, end: size }];
  const blocks = stretches.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / blockSize), 0);
  const pieces = stretches.length + 2 * Math.ceil(blocks / Math.min(blocksPerGroup, 32768));
  return blocks + tableBlocks(hasExtents(volume) ? blocks : Math.ceil(size / blockSize), pieces, volume);
}

function hasExtents({ incompatible }: ExtVolume): boolean {
  return (incompatible & INCOMPATIBLE.extents) !== 0;
}

/** Blocks that say where so many blocks in so many pieces are. */
function tableBlocks(blocks: number, pieces: number, volume: ExtVolume): number {
  const { blockSize } = volume;
  if (hasExtents(volume)) {
    if (pieces <= 4) return 0;
    // Nodes are never less than half full.
    const least = Math.floor((blockSize - 16) / 12 / 2);
    return Math.ceil(pieces / least) + Math.ceil(pieces / least ** 2) + 1;
  }
  if (blocks <= 12) return 0;
  const perTable = blockSize / 4;
  const most = Math.ceil(blocks / perTable);
  // Of a file with holes only the tables of what is there.
  const tables = Math.min(most, pieces * 2 + most);
  return tables + Math.ceil(tables / perTable) + 2;
}

/** Attributes that the inode has no room for take a block. */
function attributeBlocks({ xattrs }: SourceInode, { inodeSize }: ExtVolume): number {
  let bytes = 8;
  for (const { name, value } of xattrs) bytes += 16 + alignUp(name.length, 4) + alignUp(value.length, 4);
  return xattrs.length > 0 && bytes > attributeRoom(inodeSize) ? 1 : 0;
}
