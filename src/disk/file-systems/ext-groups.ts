/**
 * The groups of an ext4 that mke2fs has made and that is empty: where room is in them, and what they say of it when it is
 * given out. Everything is given out from the beginning of the file system on. Format: the kernel's
 * Documentation/filesystems/ext4.
 */
import { AshlarError } from '../../support/errors.ts';
import { crc16 } from '../crc16.ts';
import { crc32cRaw } from '../crc32c.ts';
import { COMPATIBLE, type ExtVolume, GROUP, READ_ONLY, readWide, SB, writeWide } from './ext-volume.ts';

/** A stretch of blocks of the file system. */
export interface Extent {
  readonly block: number;
  readonly count: number;
}

/** Where the superblock of a group says what it says. */
const OF_GROUP = 0x5a;
const FLAGS = { inodesUnset: 1, blocksUnset: 2 } as const;

interface Group {
  readonly number: number;
  readonly descriptor: Buffer;
  /** Its first block, and how many it has. */
  readonly start: number;
  readonly blocks: number;
  freeBlocks: number;
  freeInodes: number;
  directories: number;
  /** Inodes up to the last that is taken. */
  usedInodes: number;
  /** What is taken, once it is asked for. */
  bitmaps?: { readonly blocks: Buffer; readonly inodes: Buffer };
}

/** No room for a tree. */
export class NoRoom extends Error {}

export class ExtGroups {
  readonly #volume: ExtVolume;
  readonly #groups: readonly Group[];
  /** Where the next blocks and the next inode are looked for. */
  readonly #next = { group: 0, block: 0, inodeGroup: 0, inode: 0 };

  constructor(volume: ExtVolume) {
    this.#volume = volume;
    this.#groups = volume.descriptors.map((descriptor, number) => {
      const start = volume.firstBlock + number * volume.blocksPerGroup;
      return {
        ...{ number, descriptor, start },
        blocks: Math.min(volume.blocksPerGroup, volume.blocks - start),
        freeBlocks: readWide(descriptor, GROUP.freeBlocks, 2),
        freeInodes: readWide(descriptor, GROUP.freeInodes, 2),
        directories: readWide(descriptor, GROUP.directories, 2),
        usedInodes: volume.inodesPerGroup - readWide(descriptor, GROUP.unusedInodes, 2),
      };
    });
  }

  /** Blocks in as few pieces as there can be. Throws NoRoom when there are not so many. */
  takeBlocks(count: number): readonly Extent[] {
    const taken: Extent[] = [];
    for (let left = count; left > 0; ) {
      const group = this.#groups[this.#next.group];
      if (group === undefined) throw new NoRoom('no block is left');
      const run = group.freeBlocks === 0 ? undefined : this.#takeRun(group, left);
      if (run === undefined) {
        this.#next.group += 1;
        this.#next.block = 0;
        continue;
      }
      const last = taken.at(-1);
      if (last !== undefined && last.block + last.count === run.block)
        taken.splice(-1, 1, { block: last.block, count: last.count + run.count });
      else taken.push(run);
      left -= run.count;
    }
    return taken;
  }

  /** The number of a new inode, higher than all before. Throws NoRoom when there is none. */
  takeInode(isDirectory: boolean): number {
    for (;;) {
      const group = this.#groups[this.#next.inodeGroup];
      if (group === undefined) throw new NoRoom('no inode is left');
      if (group.freeInodes > 0) {
        const { inodes } = this.#bitmapsOf(group);
        const index = findBit(inodes, this.#next.inode, this.#volume.inodesPerGroup, 0);
        if (index < this.#volume.inodesPerGroup) {
          setBits(inodes, index, 1);
          group.freeInodes -= 1;
          group.usedInodes = Math.max(group.usedInodes, index + 1);
          if (isDirectory) group.directories += 1;
          this.#next.inode = index + 1;
          return group.number * this.#volume.inodesPerGroup + index + 1;
        }
      }
      this.#next.inodeGroup += 1;
      this.#next.inode = 0;
    }
  }

  /** Writes what groups and superblocks say, once everything is given out. */
  finish(): void {
    for (const group of this.#groups) if (group.bitmaps) this.#writeGroup(group, group.bitmaps);
    const table = Buffer.concat(this.#volume.descriptors);
    const sum = (of: (group: Group) => number) => this.#groups.reduce((total, group) => total + of(group), 0);
    const freeBlocks = sum(group => group.freeBlocks);
    const freeInodes = sum(group => group.freeInodes);
    const { blockSize } = this.#volume;
    for (const { number, start } of this.#groups) {
      if (!this.#hasSuperblock(number)) continue;
      this.#volume.write(table, (start + 1) * blockSize);
      // The first is behind the room that all disks have for what starts them.
      const at = number === 0 ? 1024 : start * blockSize;
      const superblock = this.#volume.read(at, 1024);
      if (superblock.readUInt16LE(OF_GROUP) !== Math.min(number, 0xffff))
        throw new AshlarError('mke2fs has put a superblock into another place than expected');
      superblock.writeUInt32LE(freeBlocks % 2 ** 32, SB.freeBlocks);
      superblock.writeUInt32LE(Math.floor(freeBlocks / 2 ** 32), SB.freeBlocksHigh);
      superblock.writeUInt32LE(freeInodes, SB.freeInodes);
      if (this.#volume.seed !== undefined)
        superblock.writeUInt32LE(crc32cRaw(0xffffffff, superblock.subarray(0, SB.checksum)), SB.checksum);
      this.#volume.write(superblock, at);
    }
  }

  /** The next free blocks of a group that follow each other, so many at most. */
  #takeRun(group: Group, most: number): Extent | undefined {
    const { blocks } = this.#bitmapsOf(group);
    const start = findBit(blocks, this.#next.block, group.blocks, 0);
    if (start >= group.blocks) return undefined;
    const end = findBit(blocks, start, Math.min(group.blocks, start + most), 1);
    setBits(blocks, start, end - start);
    group.freeBlocks -= end - start;
    this.#next.block = end;
    return { block: group.start + start, count: end - start };
  }

  #bitmapsOf(group: Group): { readonly blocks: Buffer; readonly inodes: Buffer } {
    group.bitmaps ??= {
      blocks: this.#isUnset(group, FLAGS.blocksUnset)
        ? this.#firstBlocks(group)
        : this.#volume.readBlock(readWide(group.descriptor, GROUP.blockBitmap, 4)),
      inodes: this.#isUnset(group, FLAGS.inodesUnset)
        ? this.#emptyBitmap(this.#volume.inodesPerGroup)
        : this.#volume.readBlock(readWide(group.descriptor, GROUP.inodeBitmap, 4)),
    };
    return group.bitmaps;
  }

  /** Groups that nothing was taken of have no bitmaps where descriptors can say so. */
  #isUnset({ descriptor }: Group, flag: number): boolean {
    return this.#hasFlags() && (descriptor.readUInt16LE(GROUP.flags) & flag) !== 0;
  }

  #hasFlags(): boolean {
    return (this.#volume.readOnly & (READ_ONLY.groupChecksums | READ_ONLY.checksums)) !== 0;
  }

  #emptyBitmap(bits: number): Buffer {
    const bitmap = Buffer.alloc(this.#volume.blockSize);
    setBits(bitmap, bits, bitmap.length * 8 - bits);
    return bitmap;
  }

  /** What is taken of a group before anything else is: superblocks, descriptors, bitmaps, tables of inodes. */
  #firstBlocks(group: Group): Buffer {
    const { blockSize, inodeSize, inodesPerGroup, superblock, descriptors } = this.#volume;
    const bitmap = this.#emptyBitmap(group.blocks);
    const take = (block: number, count: number) => {
      const start = Math.max(0, block - group.start);
      const end = Math.min(group.blocks, block + count - group.start);
      if (end > start) setBits(bitmap, start, end - start);
    };
    if (this.#hasSuperblock(group.number)) {
      const table = Math.ceil((descriptors.length * group.descriptor.length) / blockSize);
      take(group.start, 1 + table + superblock.readUInt16LE(SB.reservedDescriptors));
    }
    for (const descriptor of descriptors) {
      take(readWide(descriptor, GROUP.blockBitmap, 4), 1);
      take(readWide(descriptor, GROUP.inodeBitmap, 4), 1);
      take(readWide(descriptor, GROUP.inodeTable, 4), Math.ceil((inodesPerGroup * inodeSize) / blockSize));
    }
    if (countClear(bitmap, group.blocks) !== group.freeBlocks)
      throw new AshlarError('mke2fs has used blocks of a group in a way that is not known');
    return bitmap;
  }

  /** All groups had one once; now those of numbers that are powers of 3, 5 and 7, or just two that are named. */
  #hasSuperblock(group: number): boolean {
    const { compatible, readOnly, superblock } = this.#volume;
    if (group === 0) return true;
    if (compatible & COMPATIBLE.sparse2)
      return [0, 4].some(at => superblock.readUInt32LE(SB.backups + at) === group);
    if ((readOnly & READ_ONLY.sparse) === 0 || group === 1) return true;
    return [3, 5, 7].some(base => {
      let power = base;
      while (power < group) power *= base;
      return power === group;
    });
  }

  #writeGroup(group: Group, { blocks, inodes }: { readonly blocks: Buffer; readonly inodes: Buffer }): void {
    const { descriptor } = group;
    const { seed, blockSize, blocksPerGroup, inodesPerGroup } = this.#volume;
    writeWide(descriptor, GROUP.freeBlocks, group.freeBlocks);
    writeWide(descriptor, GROUP.freeInodes, group.freeInodes);
    writeWide(descriptor, GROUP.directories, group.directories);
    if (this.#hasFlags()) {
      const flags = descriptor.readUInt16LE(GROUP.flags);
      descriptor.writeUInt16LE(flags & ~(FLAGS.blocksUnset | FLAGS.inodesUnset), GROUP.flags);
      writeWide(descriptor, GROUP.unusedInodes, inodesPerGroup - group.usedInodes);
    }
    if (seed !== undefined) {
      const sum = (bitmap: Buffer, bits: number) => crc32cRaw(seed, bitmap.subarray(0, bits / 8));
      writeWide(descriptor, GROUP.blockChecksum, sum(blocks, blocksPerGroup));
      writeWide(descriptor, GROUP.inodeChecksum, sum(inodes, inodesPerGroup));
    }
    this.#signDescriptor(group);
    this.#volume.write(blocks, readWide(descriptor, GROUP.blockBitmap, 4) * blockSize);
    this.#volume.write(inodes, readWide(descriptor, GROUP.inodeBitmap, 4) * blockSize);
  }

  #signDescriptor({ number, descriptor }: Group): void {
    const { seed, superblock } = this.#volume;
    if (!this.#hasFlags()) return;
    const index = Buffer.alloc(4);
    index.writeUInt32LE(number, 0);
    descriptor.writeUInt16LE(0, GROUP.checksum);
    if (seed !== undefined) {
      const sum = crc32cRaw(crc32cRaw(seed, index), descriptor);
      descriptor.writeUInt16LE(sum & 0xffff, GROUP.checksum);
      return;
    }
    const uuid = superblock.subarray(SB.uuid, SB.uuid + 16);
    const parts = [
      uuid,
      index,
      descriptor.subarray(0, GROUP.checksum),
      descriptor.subarray(GROUP.checksum + 2),
    ];
    descriptor.writeUInt16LE(crc16(Buffer.concat(parts)), GROUP.checksum);
  }
}

/** The first bit of this value from `from` on and before `end`, which it gives where there is none. */
export function findBit(bitmap: Buffer, from: number, end: number, value: 0 | 1): number {
  const skipped = value === 0 ? 0xff : 0;
  let at = from;
  while (at < end) {
    if (at % 8 === 0 && bitmap[at >> 3] === skipped) at += 8;
    else if ((((bitmap[at >> 3] ?? 0) >> (at % 8)) & 1) === value) return at;
    else at += 1;
  }
  return end;
}

export function setBits(bitmap: Buffer, start: number, count: number): void {
  const end = start + count;
  let at = start;
  const one = () => {
    bitmap[at >> 3] = (bitmap[at >> 3] ?? 0) | (1 << (at % 8));
    at += 1;
  };
  while (at < end && at % 8 !== 0) one();
  const whole = Math.floor((end - at) / 8);
  bitmap.fill(0xff, at >> 3, (at >> 3) + whole);
  at += whole * 8;
  while (at < end) one();
}

function countClear(bitmap: Buffer, bits: number): number {
  let clear = 0;
  for (let at = 0; at < bits; at++) clear += 1 - (((bitmap[at >> 3] ?? 0) >> (at % 8)) & 1);
  return clear;
}
