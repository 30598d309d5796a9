/** Where the content of an inode of ext4 is: a tree of extents, whose root is in the inode. */
import { crc32cRaw } from '../crc32c.ts';
import type { Extent } from './ext-groups.ts';

/** A piece of content: which of its blocks, and where they are. */
export interface Mapping extends Extent {
  /** In blocks of the content. */
  readonly offset: number;
}

/** At the beginning of a node. */
export const EXTENT_MAGIC = 0xf30a;
/** Bytes of the header of a node, and of each of its entries. */
export const EXTENT_ENTRY = 12;
/** A header and four entries. */
export const MAP = 60;
const IN_INODE = 4;
/** Blocks of an extent; more mark one that was not written. */
export const LONGEST = 32768;

/** Goes on with the last piece where both ends meet. */
export function addMapping(mappings: Mapping[], offset: number, extent: Extent): void {
  let [at, { block, count }] = [offset, extent];
  const last = mappings.at(-1);
  if (last !== undefined && last.offset + last.count === at && last.block + last.count === block) {
    const more = Math.min(count, LONGEST - last.count);
    mappings.splice(-1, 1, { ...last, count: last.count + more });
    [at, block, count] = [at + more, block + more, count - more];
  }
  for (; count > 0; count -= LONGEST, at += LONGEST, block += LONGEST)
    mappings.push({ offset: at, block, count: Math.min(count, LONGEST) });
}

function perBlock(blockSize: number): number {
  return Math.floor((blockSize - EXTENT_ENTRY) / EXTENT_ENTRY);
}

/** Blocks that tell of so many pieces, besides what the inode does. */
export function extentBlocks(pieces: number, blockSize: number): number {
  let [level, blocks] = [pieces, 0];
  while (level > IN_INODE) {
    level = Math.ceil(level / perBlock(blockSize));
    blocks += level;
  }
  return blocks;
}

/** What the inode says, and blocks of the tree in the places that are given for them. */
export interface ExtentTree {
  readonly map: Buffer;
  readonly blocks: readonly { readonly block: number; readonly bytes: Buffer }[];
}

/**
 * @param places As many blocks as `extentBlocks` says.
 * @param seed What checksums begin with.
 */
export function extentTree(
  mappings: readonly Mapping[],
  places: readonly number[],
  blockSize: number,
  seed: number | undefined,
): ExtentTree {
  const blocks: { block: number; bytes: Buffer }[] = [];
  const most = perBlock(blockSize);
  let nodes: readonly Mapping[] = mappings;
  let depth = 0;
  while (nodes.length > IN_INODE) {
    const above: Mapping[] = [];
    for (let i = 0; i < nodes.length; i += most) {
      const block = places[blocks.length] ?? 0;
      const bytes = Buffer.alloc(blockSize);
      writeNode(bytes, nodes.slice(i, i + most), most, depth);
      const end = EXTENT_ENTRY * (most + 1);
      if (seed !== undefined) bytes.writeUInt32LE(crc32cRaw(seed, bytes.subarray(0, end)), end);
      blocks.push({ block, bytes });
      above.push({ offset: nodes[i]?.offset ?? 0, block, count: 1 });
    }
    nodes = above;
    depth += 1;
  }
  const map = Buffer.alloc(MAP);
  writeNode(map, nodes, IN_INODE, depth);
  return { map, blocks };
}

function writeNode(bytes: Buffer, nodes: readonly Mapping[], most: number, depth: number): void {
  bytes.writeUInt16LE(EXTENT_MAGIC, 0);
  bytes.writeUInt16LE(nodes.length, 2);
  bytes.writeUInt16LE(most, 4);
  bytes.writeUInt16LE(depth, 6);
  for (const [i, { offset, block, count }] of nodes.entries()) {
    const at = EXTENT_ENTRY * (i + 1);
    const [low, high] = [block % 2 ** 32, Math.floor(block / 2 ** 32)];
    bytes.writeUInt32LE(offset, at);
    if (depth === 0) {
      bytes.writeUInt16LE(count, at + 4);
      bytes.writeUInt16LE(high, at + 6);
      bytes.writeUInt32LE(low, at + 8);
    } else {
      bytes.writeUInt32LE(low, at + 4);
      bytes.writeUInt16LE(high, at + 8);
    }
  }
}
