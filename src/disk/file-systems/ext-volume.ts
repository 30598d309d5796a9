/**
 * What an ext2/3/4 file system says of itself: its superblock, the descriptors of its groups, and the checksums that
 * everything in it has. Format: the kernel's Documentation/filesystems/ext4.
 */
import { readSync } from 'node:fs';
import { AshlarError } from '../../support/errors.ts';
import { crc32cRaw } from '../crc32c.ts';
import { writeFully } from '../pieces.ts';

export const ROOT = 2;

const SUPERBLOCK = { at: 1024, length: 1024 } as const;
export const SB = {
  blocks: 0x04,
  freeBlocks: 0x0c,
  freeInodes: 0x10,
  firstBlock: 0x14,
  blockSizeLog: 0x18,
  blocksPerGroup: 0x20,
  inodesPerGroup: 0x28,
  magic: 0x38,
  firstInode: 0x54,
  inodeSize: 0x58,
  compatible: 0x5c,
  incompatible: 0x60,
  readOnly: 0x64,
  uuid: 0x68,
  reservedDescriptors: 0xce,
  descriptorSize: 0xfe,
  blocksHigh: 0x150,
  freeBlocksHigh: 0x158,
  extraSize: 0x15e,
  backups: 0x24c,
  seed: 0x270,
  checksum: 0x3fc,
} as const;
const MAGIC = 0xef53;

/** Places in an inode; those from `extra` on are in large ones only. */
export const INODE = {
  mode: 0x00,
  uid: 0x02,
  size: 0x04,
  times: [0x08, 0x0c, 0x10],
  gid: 0x18,
  links: 0x1a,
  blocks: 0x1c,
  flags: 0x20,
  map: 0x28,
  generation: 0x64,
  attributes: 0x68,
  sizeHigh: 0x6c,
  blocksHigh: 0x74,
  attributesHigh: 0x76,
  uidHigh: 0x78,
  gidHigh: 0x7a,
  checksum: 0x7c,
  extra: 0x80,
  checksumHigh: 0x82,
  timesExtra: [0x84, 0x88, 0x8c],
  made: 0x90,
  madeExtra: 0x94,
} as const;
/** What all inodes have, and where more begins in larger ones. */
export const CORE = 128;
/** Flag of an inode whose map is a tree of extents. */
export const HAS_EXTENTS = 0x80000;

export const COMPATIBLE = {
  ...{ preallocation: 0x1, journal: 0x4, attributes: 0x8, resize: 0x10, hashedNames: 0x20 },
  sparse2: 0x200,
} as const;
export const INCOMPATIBLE = {
  ...{ types: 0x2, metaGroups: 0x10, extents: 0x40, wide: 0x80, flexibleGroups: 0x200 },
  ...{ seed: 0x2000, inlineData: 0x8000 },
} as const;
export const READ_ONLY = {
  ...{ sparse: 0x1, largeFiles: 0x2, hugeFiles: 0x8, groupChecksums: 0x10, manyLinks: 0x20, extraSize: 0x40 },
  checksums: 0x400,
} as const;

/** Places in the descriptor of a group; those of 64 bytes have the upper half of most numbers, too. */
export const GROUP = {
  blockBitmap: [0x00, 0x20],
  inodeBitmap: [0x04, 0x24],
  inodeTable: [0x08, 0x28],
  freeBlocks: [0x0c, 0x2c],
  freeInodes: [0x0e, 0x2e],
  directories: [0x10, 0x30],
  flags: 0x12,
  blockChecksum: [0x18, 0x38],
  inodeChecksum: [0x1a, 0x3a],
  unusedInodes: [0x1c, 0x32],
  checksum: 0x1e,
} as const;
const WIDE_DESCRIPTOR = 64;

export class ExtVolume {
  readonly #fd: number;
  readonly #offset: number;
  readonly superblock: Buffer;
  readonly blockSize: number;
  readonly inodeSize: number;
  readonly blocks: number;
  readonly firstBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly compatible: number;
  readonly incompatible: number;
  readonly readOnly: number;
  /** Of all checksums, where there are any. */
  readonly seed: number | undefined;
  /** Of each group. */
  readonly descriptors: readonly Buffer[];

  /** Throws an AshlarError where there is no such file system at `offset` of the file. */
  constructor(fd: number, offset: number) {
    this.#fd = fd;
    this.#offset = offset;
    const superblock = this.read(SUPERBLOCK.at, SUPERBLOCK.length);
    if (superblock.readUInt16LE(SB.magic) !== MAGIC)
      throw new AshlarError('mke2fs has written no file system');
    this.superblock = superblock;
    this.compatible = superblock.readUInt32LE(SB.compatible);
    this.incompatible = superblock.readUInt32LE(SB.incompatible);
    this.readOnly = superblock.readUInt32LE(SB.readOnly);
    this.blockSize = 1024 << superblock.readUInt32LE(SB.blockSizeLog);
    this.inodeSize = superblock.readUInt16LE(SB.inodeSize);
    this.firstBlock = superblock.readUInt32LE(SB.firstBlock);
    this.blocksPerGroup = superblock.readUInt32LE(SB.blocksPerGroup);
    this.inodesPerGroup = superblock.readUInt32LE(SB.inodesPerGroup);
    const wide = (this.incompatible & INCOMPATIBLE.wide) !== 0;
    this.blocks =
      superblock.readUInt32LE(SB.blocks) + (wide ? superblock.readUInt32LE(SB.blocksHigh) * 2 ** 32 : 0);
    this.seed = seedOf(superblock, this.incompatible, this.readOnly);
    const size = wide ? superblock.readUInt16LE(SB.descriptorSize) : 32;
    const groups = Math.ceil((this.blocks - this.firstBlock) / this.blocksPerGroup);
    const metaGroups = (this.incompatible & INCOMPATIBLE.metaGroups) !== 0;
    const table = metaGroups
      ? Buffer.alloc(0)
      : this.read((this.firstBlock + 1) * this.blockSize, groups * size);
    this.descriptors = Array.from({ length: metaGroups ? 0 : groups }, (_, i) =>
      table.subarray(i * size, (i + 1) * size),
    );
  }

  get freeBlocks(): number {
    return (
      this.superblock.readUInt32LE(SB.freeBlocks) + this.superblock.readUInt32LE(SB.freeBlocksHigh) * 2 ** 32
    );
  }

  get freeInodes(): number {
    return this.superblock.readUInt32LE(SB.freeInodes);
  }

  read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (readSync(this.#fd, bytes, 0, length, this.#offset + at) !== length)
      throw new AshlarError('the file system is cut short');
    return bytes;
  }

  readBlock(block: number): Buffer {
    return this.read(block * this.blockSize, this.blockSize);
  }

  write(bytes: Uint8Array, at: number): void {
    writeFully(this.#fd, bytes, this.#offset + at);
  }

  placeOfInode(number: number): number {
    const descriptor = this.descriptors[Math.floor((number - 1) / this.inodesPerGroup)];
    if (descriptor === undefined) throw new AshlarError('mke2fs has written a damaged directory');
    const table = readWide(descriptor, GROUP.inodeTable, 4);
    return table * this.blockSize + ((number - 1) % this.inodesPerGroup) * this.inodeSize;
  }

  readInode(number: number): Buffer {
    return this.read(this.placeOfInode(number), this.inodeSize);
  }

  /** What checksums of an inode, and of blocks that belong to it, begin with. */
  seedOfInode(number: number, generation: number): number | undefined {
    if (this.seed === undefined) return undefined;
    const identity = Buffer.alloc(8);
    identity.writeUInt32LE(number, 0);
    identity.writeUInt32LE(generation, 4);
    return crc32cRaw(this.seed, identity);
  }

  /** Puts the checksum of an inode into it. */
  signInode(number: number, inode: Buffer): void {
    const seed = this.seedOfInode(number, inode.readUInt32LE(INODE.generation));
    if (seed === undefined) return;
    const hasHigh = this.inodeSize > CORE && inode.readUInt16LE(INODE.extra) >= 4;
    inode.writeUInt16LE(0, INODE.checksum);
    if (hasHigh) inode.writeUInt16LE(0, INODE.checksumHigh);
    const sum = crc32cRaw(seed, inode);
    inode.writeUInt16LE(sum & 0xffff, INODE.checksum);
    if (hasHigh) inode.writeUInt16LE(sum >>> 16, INODE.checksumHigh);
  }
}

function seedOf(superblock: Buffer, incompatible: number, readOnly: number): number | undefined {
  if ((readOnly & READ_ONLY.checksums) === 0) return undefined;
  return incompatible & INCOMPATIBLE.seed
    ? superblock.readUInt32LE(SB.seed)
    : crc32cRaw(0xffffffff, superblock.subarray(SB.uuid, SB.uuid + 16));
}

type Halves = readonly [low: number, high: number];

/** A number of twice `bytes` bytes, or of as many in a short descriptor. */
export function readWide(descriptor: Buffer, [low, high]: Halves, bytes: 2 | 4): number {
  const upper = descriptor.length >= WIDE_DESCRIPTOR ? descriptor.readUIntLE(high, bytes) : 0;
  return descriptor.readUIntLE(low, bytes) + upper * 2 ** (8 * bytes);
}

export function writeWide(descriptor: Buffer, [low, high]: Halves, value: number): void {
  descriptor.writeUInt16LE(value & 0xffff, low);
  if (descriptor.length >= WIDE_DESCRIPTOR) descriptor.writeUInt16LE(value >>> 16, high);
}
