/** Reads directories of ext2, ext3 and ext4. */
import type { ByteString } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { EXTENT_ENTRY, EXTENT_MAGIC, LONGEST, MAP } from './ext-extents.ts';
import { type ExtVolume, HAS_EXTENTS, INODE } from './ext-volume.ts';

/** A name, and where its entry is. */
export interface Found {
  readonly inode: number;
  /** Of the block, in the file system. */
  readonly block: number;
  /** In the block. */
  readonly at: number;
}

/** The names in a directory. */
export function namesIn(volume: ExtVolume, number: number): ReadonlyMap<ByteString, Found> {
  const names = new Map<ByteString, Found>();
  for (const block of blocksOf(volume, number)) {
    const bytes = volume.readBlock(block);
    for (let at = 0; at + 8 <= bytes.length; ) {
      const inode = bytes.readUInt32LE(at);
      const length = bytes.readUInt16LE(at + 4);
      if (length < 8) throw damaged();
      const end = at + 8 + bytes.readUInt8(at + 6);
      if (inode !== 0) names.set(bytes.toString('latin1', at + 8, end), { inode, block, at });
      at += length;
    }
  }
  return names;
}

/** The blocks of a directory, in order. */
export function* blocksOf(volume: ExtVolume, number: number): Generator<number> {
  const inode = volume.readInode(number);
  const map = inode.subarray(INODE.map, INODE.map + MAP);
  if (inode.readUInt32LE(INODE.flags) & HAS_EXTENTS) {
    yield* extents(volume, map);
    return;
  }
  for (let i = 0; i < 15; i++) yield* pointers(volume, map.readUInt32LE(i * 4), Math.max(0, i - 11));
}

function* extents(volume: ExtVolume, node: Buffer): Generator<number> {
  if (node.readUInt16LE(0) !== EXTENT_MAGIC) throw damaged();
  const isLeaf = node.readUInt16LE(6) === 0;
  for (let i = 1; i <= node.readUInt16LE(2); i++) {
    const at = i * EXTENT_ENTRY;
    if (!isLeaf) {
      const below = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
      yield* extents(volume, volume.readBlock(below));
      continue;
    }
    const length = node.readUInt16LE(at + 4);
    const start = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
    if (length <= LONGEST) for (let block = 0; block < length; block++) yield start + block;
  }
}

/** Blocks of a directory of ext2 and ext3, behind so many levels of tables. */
function* pointers(volume: ExtVolume, block: number, level: number): Generator<number> {
  if (block === 0) return;
  if (level === 0) {
    yield block;
    return;
  }
  const table = volume.readBlock(block);
  for (let at = 0; at < table.length; at += 4) yield* pointers(volume, table.readUInt32LE(at), level - 1);
}

function damaged(): AshlarError {
  return new AshlarError('mke2fs has written a damaged directory');
}
