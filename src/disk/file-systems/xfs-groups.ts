/**
 * The allocation groups of an xfs that mkfs.xfs has made and that is empty: where room is in them, and what they say of it
 * when it is given out. Format: "XFS Algorithms & Data Structures" (kernel.org), version 5 of the superblock.
 */
import { readSync } from 'node:fs';
import { AshlarError } from '../../support/errors.ts';
import { crc32c } from '../crc32c.ts';
import { writeFully } from '../pieces.ts';
import {
  chunkTree,
  countBits,
  freeRoomTree,
  type InodeChunk,
  PER_CHUNK,
  readChunks,
  readFreeRoom,
  type Stretch,
  TREE_CHECKSUM,
  type TreeBlock,
  type TreeFrame,
  XFS_BLOCK,
} from './xfs-trees.ts';

/** Blocks of an extent: 21 bits. */
const LONGEST = 2 ** 21 - 1;
/** Left free in each group, so that its lists can always grow. */
const RESERVE = 64;
/** The fewest records that blocks of the kernel's trees hold: leaves of the tree, and the nodes above them. */
const SHARED_PER_LEAF = 168;
const CHUNKS_PER_LEAF = 126;
const PER_NODE = 252;

const SB = {
  blockSize: 4,
  uuid: 32,
  rootInode: 56,
  bitmapInode: 64,
  summaryInode: 72,
  groupBlocks: 84,
  groups: 88,
  version: 100,
  sectorSize: 102,
  inodeSize: 104,
  inodesPerBlockLog: 123,
  groupBlocksLog: 124,
  inodes: 128,
  freeInodes: 136,
  freeBlocks: 144,
  inodeAlignment: 180,
  directoryBlockLog: 192,
  readOnlyFeatures: 212,
  features: 216,
  crc: 224,
  metaUuid: 248,
} as const;
const READ_ONLY_FEATURES = { freeInodes: 1, reverse: 2, reflink: 4, inodeCounts: 8 } as const;
const FEATURES = { types: 1, sparse: 2, metaUuid: 4, bigTime: 8 } as const;
const HAS_ATTRIBUTES = 0x10;

const AGF = { length: 12, roots: 16, levels: 28, freeBlocks: 52, longest: 56, crc: 216 } as const;
const AGI = {
  count: 16,
  root: 20,
  level: 24,
  free: 28,
  newest: 32,
  crc: 312,
  freeRoot: 328,
  freeLevel: 332,
  blocks: 336,
  freeTreeBlocks: 340,
} as const;
/** A stretch of blocks of the file system, with the group in the upper bits. */
export interface Extent {
  readonly block: number;
  readonly count: number;
}

interface Group {
  readonly number: number;
  /** Blocks that are not given out. */
  readonly reserve: number;
  readonly free: Stretch[];
  readonly chunks: InodeChunk[];
}

export class XfsImage {
  readonly #fd: number;
  readonly #sector: number;
  readonly #superblock: Buffer;
  readonly #groups: readonly Group[];
  readonly #groupBlocks: number;
  readonly #groupBlocksLog: number;
  readonly #inodesLog: number;
  readonly uuid: Buffer;
  readonly inodeSize: number;
  readonly bigTime: boolean;
  readonly root: number;
  /** Inodes that mkfs.xfs has made for realtime devices. */
  readonly realtime: readonly number[];

  /** Throws an AshlarError for what is not written here: other sizes of blocks, reverse mappings, wide counters. */
  constructor(fd: number) {
    this.#fd = fd;
    const superblock = this.read(0, 512);
    this.#superblock = superblock;
    const features = superblock.readUInt32BE(SB.features);
    const readOnly = superblock.readUInt32BE(SB.readOnlyFeatures);
    const isKnown =
      superblock.toString('latin1', 0, 4) === 'XFSB' &&
      (superblock.readUInt16BE(SB.version) & 0xf) === 5 &&
      superblock.readUInt32BE(SB.blockSize) === XFS_BLOCK &&
      superblock.readUInt8(SB.directoryBlockLog) === 0 &&
      (features & ~(FEATURES.types | FEATURES.sparse | FEATURES.metaUuid | FEATURES.bigTime)) === 0 &&
      (features & FEATURES.types) !== 0 &&
      (readOnly &
        ~(READ_ONLY_FEATURES.freeInodes | READ_ONLY_FEATURES.reflink | READ_ONLY_FEATURES.inodeCounts)) ===
        0;
    if (!isKnown) {
      throw new AshlarError('this form of xfs cannot be filled without mounting it', {
        hint: 'leave blocks at 4096 bytes, and the features crc, ftype, rmapbt and nrext64 as they are',
      });
    }
    this.#sector = superblock.readUInt16BE(SB.sectorSize);
    this.bigTime = (features & FEATURES.bigTime) !== 0;
    this.uuid = Buffer.from(
      features & FEATURES.metaUuid
        ? superblock.subarray(SB.metaUuid, SB.metaUuid + 16)
        : superblock.subarray(SB.uuid, SB.uuid + 16),
    );
    this.inodeSize = superblock.readUInt16BE(SB.inodeSize);
    this.#groupBlocks = superblock.readUInt32BE(SB.groupBlocks);
    this.#groupBlocksLog = superblock.readUInt8(SB.groupBlocksLog);
    this.#inodesLog = superblock.readUInt8(SB.inodesPerBlockLog);
    this.root = Number(superblock.readBigUInt64BE(SB.rootInode));
    this.realtime = [SB.bitmapInode, SB.summaryInode].map(at => Number(superblock.readBigUInt64BE(at)));
    this.#groups = Array.from({ length: superblock.readUInt32BE(SB.groups) }, (_, i) => this.#readGroup(i));
  }

  /** Blocks that can be given out. */
  room(): number {
    return this.#groups.reduce((sum, group) => sum + Math.max(0, room(group)), 0);
  }

  /** Numbers of so many new inodes, in chunks of 64; the rest of the last chunk stays free. */
  takeInodes(count: number): readonly number[] {
    const align = Math.max(1, this.#superblock.readUInt32BE(SB.inodeAlignment));
    const blocks = PER_CHUNK >> this.#inodesLog;
    const taken: number[] = [];
    while (taken.length < count) {
      const { group, block } = this.#takeAligned(blocks, align);
      const first = block * 2 ** this.#inodesLog;
      const used = Math.min(PER_CHUNK, count - taken.length);
      const free = used === PER_CHUNK ? 0n : (1n << 64n) - (1n << BigInt(used));
      group.chunks.push({ first, free });
      const start = group.number * 2 ** (this.#groupBlocksLog + this.#inodesLog) + first;
      for (let i = 0; i < used; i++) taken.push(start + i);
    }
    return taken;
  }

  /** All inodes that are there and free: they say so themselves. */
  *freeInodes(): Generator<number> {
    const bits = this.#groupBlocksLog + this.#inodesLog;
    for (const { number, chunks } of this.#groups) {
      for (const { first, free } of chunks) {
        for (let i = 0; i < PER_CHUNK; i++)
          if ((free >> BigInt(i)) & 1n) yield number * 2 ** bits + first + i;
      }
    }
  }

  /** Blocks of content, in as few pieces as there can be. Throws an AshlarError when there are not so many. */
  takeBlocks(count: number): readonly Extent[] {
    const taken: Extent[] = [];
    for (let left = count; left > 0; ) {
      const group = this.#groups.find(other => room(other) > 0);
      const stretch = group?.free.find(({ count }) => count > 0);
      if (group === undefined || stretch === undefined) throw full();
      const length = Math.min(left, stretch.count, room(group), LONGEST);
      taken.push({ block: this.#blockIn(group, stretch.start), count: length });
      stretch.start += length;
      stretch.count -= length;
      left -= length;
    }
    return taken;
  }

  /** A block of metadata. */
  takeBlock(): number {
    return this.takeBlocks(1)[0]?.block ?? 0;
  }

  /** Where a block begins in the file. */
  placeOf(block: number): number {
    const group = Math.floor(block / 2 ** this.#groupBlocksLog);
    return (group * this.#groupBlocks + (block % 2 ** this.#groupBlocksLog)) * XFS_BLOCK;
  }

  /** The same in sectors of 512 bytes, as blocks of metadata say it of themselves. */
  sectorOf(block: number): bigint {
    return BigInt(this.placeOf(block) / 512);
  }

  placeOfInode(number: number): number {
    const perBlock = 2 ** this.#inodesLog;
    return this.placeOf(Math.floor(number / perBlock)) + (number % perBlock) * this.inodeSize;
  }

  read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (readSync(this.#fd, bytes, 0, length, at) !== length) throw new AshlarError('the xfs is cut short');
    return bytes;
  }

  write(bytes: Uint8Array, at: number): void {
    writeFully(this.#fd, bytes, at);
  }

  /** Writes a block with its checksum. */
  writeSigned(bytes: Buffer, at: number, checksum: number): void {
    bytes.writeUInt32LE(0, checksum);
    bytes.writeUInt32LE(crc32c(bytes), checksum);
    this.write(bytes, at);
  }

  /** Writes what the groups and the superblock say, once everything is given out. */
  finish(): void {
    let [inodes, freeInodes, freeBlocks, before] = [0, 0, 0, 0];
    for (const group of this.#groups) {
      before += this.#header(group, 1).readUInt32BE(AGF.freeBlocks);
      const counted = this.#writeInodeTrees(group);
      inodes += counted.inodes;
      freeInodes += counted.free;
    }
    for (const group of this.#groups) freeBlocks += this.#writeFreeTrees(group);
    const superblock = this.read(0, this.#sector);
    superblock.writeBigUInt64BE(BigInt(inodes), SB.inodes);
    superblock.writeBigUInt64BE(BigInt(freeInodes), SB.freeInodes);
    const free = superblock.readBigUInt64BE(SB.freeBlocks) - BigInt(before - freeBlocks);
    superblock.writeBigUInt64BE(free, SB.freeBlocks);
    superblock.writeUInt16BE(superblock.readUInt16BE(SB.version) | HAS_ATTRIBUTES, SB.version);
    this.writeSigned(superblock, 0, SB.crc);
  }

  #readGroup(number: number): Group {
    const header = this.#header({ number }, 1);
    const reserve = RESERVE + this.#keptByKernel(header.readUInt32BE(AGF.length));
    const tree = (root: number) => this.read(this.placeOf(this.#blockIn({ number }, root)), XFS_BLOCK);
    return {
      number,
      reserve,
      free: readFreeRoom(tree(header.readUInt32BE(AGF.roots))),
      chunks: readChunks(tree(this.#header({ number }, 2).readUInt32BE(AGI.root))),
    };
  }

  /**
   * Blocks that the kernel sets aside in a group of this length when it mounts (fs/xfs/libxfs/xfs_ag_resv.c): what the
   * trees of shared blocks and of free inodes could at most become. Where they are not free it complains.
   */
  #keptByKernel(length: number): number {
    const readOnly = this.#superblock.readUInt32BE(SB.readOnlyFeatures);
    const chunks = Math.floor((length * 2 ** this.#inodesLog) / PER_CHUNK);
    return (
      (readOnly & READ_ONLY_FEATURES.reflink ? treeSize(length, SHARED_PER_LEAF) : 0) +
      (readOnly & READ_ONLY_FEATURES.freeInodes ? treeSize(chunks, CHUNKS_PER_LEAF) : 0)
    );
  }

  /** Sector 1 of a group tells of its free room, sector 2 of its inodes. */
  #header({ number }: Pick<Group, 'number'>, sector: 1 | 2): Buffer {
    return this.read(number * this.#groupBlocks * XFS_BLOCK + sector * this.#sector, this.#sector);
  }

  #writeHeader({ number }: Group, sector: 1 | 2, bytes: Buffer): void {
    const at = number * this.#groupBlocks * XFS_BLOCK + sector * this.#sector;
    this.writeSigned(bytes, at, sector === 1 ? AGF.crc : AGI.crc);
  }

  #blockIn(group: Pick<Group, 'number'>, block: number): number {
    return group.number * 2 ** this.#groupBlocksLog + block;
  }

  #takeAligned(blocks: number, align: number): { readonly group: Group; readonly block: number } {
    for (const group of this.#groups) {
      for (const [i, { start, count }] of group.free.entries()) {
        const block = Math.ceil(start / align) * align;
        if (block + blocks > start + count || room(group) < blocks) continue;
        const parts = [
          { start, count: block - start },
          { start: block + blocks, count: start + count - block - blocks },
        ];
        group.free.splice(i, 1, ...parts.filter(part => part.count > 0));
        return { group, block };
      }
    }
    throw full();
  }

  /** A block of the group itself, from its end, where no content is. */
  #takeFromEnd(group: Group): number {
    const last = group.free.findLast(({ count }) => count > 0);
    if (last === undefined) throw full();
    last.count -= 1;
    return last.start + last.count;
  }

  #writeInodeTrees(group: Group): { readonly inodes: number; readonly free: number } {
    const header = this.#header(group, 2);
    const before = group.chunks.length;
    const chunks = group.chunks.toSorted((a, b) => a.first - b.first);
    const withFree = chunks.filter(({ free }) => free !== 0n);
    const free = chunks.reduce((sum, chunk) => sum + countBits(chunk.free), 0);
    const inodes = this.#writeChunks(group, 'inodes', header.readUInt32BE(AGI.root), chunks);
    header.writeUInt32BE(inodes.root, AGI.root);
    header.writeUInt32BE(inodes.levels, AGI.level);
    const readOnly = this.#superblock.readUInt32BE(SB.readOnlyFeatures);
    if (readOnly & READ_ONLY_FEATURES.freeInodes) {
      const freed = this.#writeChunks(group, 'freeInodes', header.readUInt32BE(AGI.freeRoot), withFree);
      header.writeUInt32BE(freed.root, AGI.freeRoot);
      header.writeUInt32BE(freed.levels, AGI.freeLevel);
      if (readOnly & READ_ONLY_FEATURES.inodeCounts) header.writeUInt32BE(freed.blocks, AGI.freeTreeBlocks);
    }
    if (readOnly & READ_ONLY_FEATURES.inodeCounts) header.writeUInt32BE(inodes.blocks, AGI.blocks);
    header.writeUInt32BE(chunks.length * PER_CHUNK, AGI.count);
    header.writeUInt32BE(free, AGI.free);
    const newest = group.chunks[before - 1];
    if (newest) header.writeUInt32BE(newest.first, AGI.newest);
    this.#writeHeader(group, 2, header);
    return { inodes: chunks.length * PER_CHUNK, free };
  }

  #writeChunks(group: Group, kind: 'inodes' | 'freeInodes', first: number, chunks: readonly InodeChunk[]) {
    const sparse = (this.#superblock.readUInt32BE(SB.features) & FEATURES.sparse) !== 0;
    const take = () => this.#takeFromEnd(group);
    const blocks = chunkTree(kind, chunks, { first, sparse, take }, this.#frame(group));
    this.#writeTree(group, blocks);
    return {
      root: blocks.at(-1)?.block ?? first,
      levels: blocks.length === 1 ? 1 : 2,
      blocks: blocks.length,
    };
  }

  #writeFreeTrees(group: Group): number {
    const free = group.free.filter(({ count }) => count > 0).toSorted((a, b) => a.start - b.start);
    const header = this.#header(group, 1);
    const bySize = free.toSorted((a, b) => a.count - b.count || a.start - b.start);
    const frame = this.#frame(group);
    this.#writeTree(group, [
      freeRoomTree('byPlace', free, header.readUInt32BE(AGF.roots), frame),
      freeRoomTree('bySize', bySize, header.readUInt32BE(AGF.roots + 4), frame),
    ]);
    const total = free.reduce((sum, { count }) => sum + count, 0);
    header.writeUInt32BE(total, AGF.freeBlocks);
    header.writeUInt32BE(bySize.at(-1)?.count ?? 0, AGF.longest);
    this.#writeHeader(group, 1, header);
    return total;
  }

  #frame(group: Group): TreeFrame {
    const sectorOf = (block: number) => this.sectorOf(this.#blockIn(group, block));
    return { uuid: this.uuid, group: group.number, sectorOf };
  }

  #writeTree(group: Group, blocks: readonly TreeBlock[]): void {
    for (const { block, bytes } of blocks)
      this.writeSigned(bytes, this.placeOf(this.#blockIn(group, block)), TREE_CHECKSUM);
  }
}

function room({ free, reserve }: Group): number {
  return free.reduce((sum, { count }) => sum + count, 0) - reserve;
}

/** Blocks of a tree of so many records whose blocks hold as few as they may. */
function treeSize(records: number, perLeaf: number): number {
  let level = Math.ceil(records / perLeaf);
  let blocks = level;
  while (level > 1) {
    level = Math.ceil(level / PER_NODE);
    blocks += level;
  }
  return blocks;
}

function full(): AshlarError {
  return new AshlarError('the content does not fit into the xfs');
}
