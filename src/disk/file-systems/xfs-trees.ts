/**
 * The trees of an allocation group of an xfs, as blocks: free room by place and by size, chunks of inodes. Format: "XFS
 * Algorithms & Data Structures" (kernel.org), version 5 of the superblock.
 */
import { AshlarError } from '../../support/errors.ts';

export const XFS_BLOCK = 4096;
const NO_BLOCK = 0xffff_ffff;
/** Inodes of a chunk. */
export const PER_CHUNK = 64;
/** Where a block of a tree has its checksum. */
export const TREE_CHECKSUM = 52;

const AT = { level: 4, records: 6, left: 8, right: 12, place: 16, uuid: 32, owner: 48 } as const;
const HEADER = 56;
const MAGIC = {
  byPlace: 0x41423342,
  bySize: 0x41423343,
  inodes: 0x49414233,
  freeInodes: 0x46494233,
} as const;

export interface Stretch {
  start: number;
  count: number;
}

/** The first of its inodes, and which of them are free. */
export interface InodeChunk {
  readonly first: number;
  free: bigint;
}

/** What each block of a tree says of itself. */
export interface TreeFrame {
  readonly uuid: Buffer;
  readonly group: number;
  /** Of a block of the group, in the whole file system. */
  readonly sectorOf: (block: number) => bigint;
}

export interface TreeBlock {
  readonly block: number;
  /** Without its checksum. */
  readonly bytes: Buffer;
}

/** The records of a tree of free room that mkfs.xfs has made. */
export function readFreeRoom(bytes: Buffer): Stretch[] {
  return recordsOf(bytes, MAGIC.byPlace, 8).map(at => ({
    start: bytes.readUInt32BE(at),
    count: bytes.readUInt32BE(at + 4),
  }));
}

/** The records of a tree of inodes that mkfs.xfs has made. */
export function readChunks(bytes: Buffer): InodeChunk[] {
  return recordsOf(bytes, MAGIC.inodes, 16).map(at => ({
    first: bytes.readUInt32BE(at),
    free: bytes.readBigUInt64BE(at + 8),
  }));
}

function recordsOf(bytes: Buffer, magic: number, size: number): number[] {
  if (bytes.readUInt32BE(0) !== magic || bytes.readUInt16BE(AT.level) !== 0) {
    throw new AshlarError('mkfs.xfs has written an xfs of an unknown form');
  }
  return Array.from({ length: bytes.readUInt16BE(AT.records) }, (_, i) => HEADER + i * size);
}

/** A tree of free room in one block. */
export function freeRoomTree(
  order: 'byPlace' | 'bySize',
  records: readonly Stretch[],
  block: number,
  frame: TreeFrame,
): TreeBlock {
  const bytes = treeBlock({ magic: MAGIC[order], level: 0, block, records: records.length }, frame);
  for (const [i, { start, count }] of records.entries()) {
    bytes.writeUInt32BE(start, HEADER + i * 8);
    bytes.writeUInt32BE(count, HEADER + i * 8 + 4);
  }
  return { block, bytes };
}

/**
 * A tree over chunks of inodes: leaves, and a node above them when they are several; the last block is the root. `sparse`:
 * whether records have the form that knows holes; `take` gives further blocks.
 */
export function chunkTree(
  kind: 'inodes' | 'freeInodes',
  chunks: readonly InodeChunk[],
  { first, sparse, take }: { readonly first: number; readonly sparse: boolean; readonly take: () => number },
  frame: TreeFrame,
): readonly TreeBlock[] {
  const magic = MAGIC[kind];
  const perLeaf = Math.floor((XFS_BLOCK - HEADER) / 16);
  const perNode = Math.floor((XFS_BLOCK - HEADER) / 8);
  const count = Math.max(1, Math.ceil(chunks.length / perLeaf));
  if (count > perNode) throw new AshlarError('there are too many files for one group of the xfs');
  // Leaves are filled alike: none may be less than half full.
  const even = Math.ceil(chunks.length / count);
  const places = Array.from({ length: count }, (_, i) => (i === 0 ? first : take()));
  const leaves = places.map((block, i) => {
    const records = chunks.slice(i * even, (i + 1) * even);
    const neighbours = { left: places[i - 1], right: places[i + 1] };
    const bytes = treeBlock({ magic, level: 0, block, records: records.length, ...neighbours }, frame);
    for (const [at, chunk] of records.entries()) writeChunk(bytes, HEADER + at * 16, chunk, sparse);
    return { block, bytes };
  });
  if (leaves.length === 1) return leaves;
  const block = take();
  const bytes = treeBlock({ magic, level: 1, block, records: leaves.length }, frame);
  for (const [i, leaf] of leaves.entries()) {
    bytes.writeUInt32BE(chunks[i * even]?.first ?? 0, HEADER + i * 4);
    bytes.writeUInt32BE(leaf.block, HEADER + perNode * 4 + i * 4);
  }
  return [...leaves, { block, bytes }];
}

function writeChunk(bytes: Buffer, at: number, { first, free }: InodeChunk, sparse: boolean): void {
  bytes.writeUInt32BE(first, at);
  if (sparse) {
    bytes.writeUInt8(PER_CHUNK, at + 6);
    bytes.writeUInt8(countBits(free), at + 7);
  } else {
    bytes.writeUInt32BE(countBits(free), at + 4);
  }
  bytes.writeBigUInt64BE(free, at + 8);
}

interface TreeHeader {
  readonly magic: number;
  readonly level: number;
  readonly block: number;
  readonly records: number;
  readonly left?: number | undefined;
  readonly right?: number | undefined;
}

function treeBlock(header: TreeHeader, { uuid, group, sectorOf }: TreeFrame): Buffer {
  const { magic, level, block, records, left = NO_BLOCK, right = NO_BLOCK } = header;
  const bytes = Buffer.alloc(XFS_BLOCK);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt16BE(level, AT.level);
  bytes.writeUInt16BE(records, AT.records);
  bytes.writeUInt32BE(left, AT.left);
  bytes.writeUInt32BE(right, AT.right);
  bytes.writeBigUInt64BE(sectorOf(block), AT.place);
  uuid.copy(bytes, AT.uuid);
  bytes.writeUInt32BE(group, AT.owner);
  return bytes;
}

export function countBits(bits: bigint): number {
  let count = 0;
  for (let left = bits; left !== 0n; left &= left - 1n) count += 1;
  return count;
}
