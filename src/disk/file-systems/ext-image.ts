/**
 * Finishes an ext2/3/4 file system that mke2fs has filled from a tree. mke2fs keeps seconds of times only, takes atime
 * and ctime as the tree has them on this machine, and leaves the root directory as it likes; and FIFOs stand for
 * devices. Format: the kernel's Documentation/filesystems/ext4.
 */
import { constants, openSync, readSync, writeSync } from 'node:fs';
import type { ByteString } from '../../layers/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { crc32cRaw } from '../crc32c.ts';
import type { TreeDevice } from './devices.ts';
import { nameOf, type SourceInode, type SourceTree } from './source-tree.ts';

const SUPERBLOCK = 1024;
const ROOT = 2;

const INCOMPATIBLE = {
  fileType: 0x2,
  metaGroups: 0x10,
  wide: 0x80,
  seed: 0x2000,
  inlineData: 0x8000,
} as const;
const CHECKSUMS = 0x400;
const EXTENTS = 0x80000;
const EXTENT_MAGIC = 0xf30a;
/** Numbers of blocks from here on mark an extent that was not written. */
const UNWRITTEN = 0x8000;
/** Type of file of the entry that holds the checksum of a block of names. */
const TAIL = 0xde;

/** What the finished file system says of its room. */
export interface ExtRoom {
  readonly blockSize: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
}

export function readExtRoom(path: string): ExtRoom {
  using file = new FileDescriptor(openSync(path, constants.O_RDONLY));
  const superblock = new Reader(file.fd, 0).bytes(SUPERBLOCK, 1024);
  return {
    blockSize: 1024 << superblock.readUInt32LE(0x18),
    freeBlocks: superblock.readUInt32LE(0x0c) + superblock.readUInt32LE(0x158) * 2 ** 32,
    freeInodes: superblock.readUInt32LE(0x10),
  };
}

/** Gives every inode the attributes of the tree that mke2fs does not. */
export function finishExt(
  path: string,
  offset: number,
  tree: SourceTree,
  devices: ReadonlyMap<ByteString, TreeDevice>,
): void {
  using file = new FileDescriptor(openSync(path, constants.O_RDWR));
  const image = new ExtImage(new Reader(file.fd, offset));
  const done = new Set<SourceInode>();
  image.change(ROOT, inode => setRoot(inode, tree.root));
  image.setTimes(ROOT, tree.root.mtime);
  const numbers = new Map<ByteString, number>([['', ROOT]]);
  for (const [directory, entries] of tree.directories) {
    if (entries.length === 0) continue;
    const number = numbers.get(directory);
    if (number === undefined) throw missing(directory);
    const names = image.names(number);
    for (const { path: at, name, inode } of entries) {
      const found = names.get(name);
      if (found === undefined) throw missing(at);
      if (inode.type === 'directory') numbers.set(at, found.inode);
      const device = inode.type === 'fifo' ? devices.get(inode.path) : undefined;
      if (device) image.setEntryType(number, found, device);
      if (done.has(inode)) continue;
      done.add(inode);
      if (device) image.change(found.inode, bytes => setDevice(bytes, device));
      image.setTimes(found.inode, inode.mtime);
    }
  }
}

function missing(path: ByteString): AshlarError {
  return new AshlarError(`mke2fs has left out ${nameOf(path)}`);
}

function setRoot(bytes: Buffer, { mode, uid, gid }: SourceInode): void {
  bytes.writeUInt16LE(0x4000 | mode, 0);
  bytes.writeUInt16LE(uid & 0xffff, 0x02);
  bytes.writeUInt16LE(gid & 0xffff, 0x18);
  bytes.writeUInt16LE(uid >>> 16, 0x78);
  bytes.writeUInt16LE(gid >>> 16, 0x7a);
}

function setDevice(bytes: Buffer, { type, major, minor }: TreeDevice): void {
  bytes.writeUInt16LE((type === 'block' ? 0x6000 : 0x2000) | (bytes.readUInt16LE(0) & 0o7777), 0);
  bytes.fill(0, 0x28, 0x64);
  // Numbers of two bytes in the old place and form, all others in the next one.
  if (major < 256 && minor < 256) bytes.writeUInt32LE((major << 8) | minor, 0x28);
  else bytes.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 0x2c);
}

/** A name, and where its entry is. */
interface Found {
  readonly inode: number;
  /** Of the block, in the file system. */
  readonly block: number;
  /** In the block. */
  readonly at: number;
}

class ExtImage {
  readonly #reader: Reader;
  readonly #blockSize: number;
  readonly #inodeSize: number;
  readonly #perGroup: number;
  readonly #seed: number | undefined;
  readonly #hasTypes: boolean;
  readonly #tables: readonly number[];

  constructor(reader: Reader) {
    this.#reader = reader;
    const superblock = reader.bytes(SUPERBLOCK, 1024);
    if (superblock.readUInt16LE(0x38) !== 0xef53) throw new AshlarError('mke2fs has written no file system');
    const incompatible = superblock.readUInt32LE(0x60);
    if (incompatible & (INCOMPATIBLE.metaGroups | INCOMPATIBLE.inlineData)) {
      throw new AshlarError('the features meta_bg and inline_data of ext4 cannot be used here');
    }
    this.#hasTypes = (incompatible & INCOMPATIBLE.fileType) !== 0;
    this.#blockSize = 1024 << superblock.readUInt32LE(0x18);
    this.#inodeSize = superblock.readUInt16LE(0x58);
    this.#perGroup = superblock.readUInt32LE(0x28);
    if (superblock.readUInt32LE(0x64) & CHECKSUMS) {
      this.#seed =
        incompatible & INCOMPATIBLE.seed
          ? superblock.readUInt32LE(0x270)
          : crc32cRaw(0xffffffff, superblock.subarray(0x68, 0x78));
    }
    const groups = Math.ceil(superblock.readUInt32LE(0) / this.#perGroup);
    const wide = (incompatible & INCOMPATIBLE.wide) !== 0;
    const length = wide ? superblock.readUInt16LE(0xfe) : 32;
    const descriptors = reader.bytes((superblock.readUInt32LE(0x14) + 1) * this.#blockSize, groups * length);
    this.#tables = Array.from({ length: groups }, (_, group) => {
      const low = descriptors.readUInt32LE(group * length + 0x08);
      return low + (wide ? descriptors.readUInt32LE(group * length + 0x28) * 2 ** 32 : 0);
    });
  }

  /** Changes an inode, and its checksum with it. */
  change(number: number, alter: (inode: Buffer) => void): void {
    const at = this.#placeOf(number);
    const bytes = this.#reader.bytes(at, this.#inodeSize);
    alter(bytes);
    if (this.#seed !== undefined) this.#sign(number, bytes, this.#seed);
    this.#reader.write(bytes, at);
  }

  /** All times but that of the inode's making become that of its content; before 1901 and after 2446 the nearest. */
  setTimes(number: number, nanoseconds: bigint): void {
    this.change(number, bytes => {
      const extra = this.#inodeSize > 128 ? bytes.readUInt16LE(0x80) : 0;
      const { low, high } = splitTime(nanoseconds, extra >= 16);
      for (const place of [0x08, 0x0c, 0x10]) bytes.writeInt32LE(low, place);
      if (extra >= 16) for (const place of [0x84, 0x88, 0x8c]) bytes.writeUInt32LE(high, place);
    });
  }

  /** The names in a directory. */
  names(number: number): ReadonlyMap<ByteString, Found> {
    const names = new Map<ByteString, Found>();
    for (const block of this.#blocksOf(number)) {
      const bytes = this.#reader.bytes(block * this.#blockSize, this.#blockSize);
      for (let at = 0; at + 8 <= bytes.length; ) {
        const inode = bytes.readUInt32LE(at);
        const length = bytes.readUInt16LE(at + 4);
        if (length < 8) throw new AshlarError('mke2fs has written a damaged directory');
        const end = at + 8 + bytes.readUInt8(at + 6);
        if (inode !== 0) names.set(bytes.toString('latin1', at + 8, end), { inode, block, at });
        at += length;
      }
    }
    return names;
  }

  setEntryType(directory: number, { block, at }: Found, { type }: TreeDevice): void {
    if (!this.#hasTypes) return;
    const bytes = this.#reader.bytes(block * this.#blockSize, this.#blockSize);
    bytes.writeUInt8(type === 'block' ? 4 : 3, at + 7);
    const tail = bytes.length - 12;
    if (this.#seed !== undefined && bytes.readUInt8(tail + 7) === TAIL) {
      const inode = this.#reader.bytes(this.#placeOf(directory), this.#inodeSize);
      const seed = seedOf(directory, inode, this.#seed);
      bytes.writeUInt32LE(crc32cRaw(seed, bytes.subarray(0, tail)), tail + 8);
    }
    this.#reader.write(bytes, block * this.#blockSize);
  }

  #sign(number: number, bytes: Buffer, fileSystem: number): void {
    const hasHigh = this.#inodeSize > 128 && bytes.readUInt16LE(0x80) >= 4;
    bytes.writeUInt16LE(0, 0x7c);
    if (hasHigh) bytes.writeUInt16LE(0, 0x82);
    const sum = crc32cRaw(seedOf(number, bytes, fileSystem), bytes);
    bytes.writeUInt16LE(sum & 0xffff, 0x7c);
    if (hasHigh) bytes.writeUInt16LE(sum >>> 16, 0x82);
  }

  #placeOf(number: number): number {
    const table = this.#tables[Math.floor((number - 1) / this.#perGroup)];
    if (table === undefined) throw new AshlarError('mke2fs has written a damaged directory');
    return table * this.#blockSize + ((number - 1) % this.#perGroup) * this.#inodeSize;
  }

  *#blocksOf(number: number): Generator<number> {
    const inode = this.#reader.bytes(this.#placeOf(number), this.#inodeSize);
    const map = inode.subarray(0x28, 0x64);
    if (inode.readUInt32LE(0x20) & EXTENTS) {
      yield* this.#extents(map);
      return;
    }
    for (let i = 0; i < 15; i++) yield* this.#pointers(map.readUInt32LE(i * 4), Math.max(0, i - 11));
  }

  *#extents(node: Buffer): Generator<number> {
    if (node.readUInt16LE(0) !== EXTENT_MAGIC)
      throw new AshlarError('mke2fs has written a damaged directory');
    const isLeaf = node.readUInt16LE(6) === 0;
    for (let i = 1; i <= node.readUInt16LE(2); i++) {
      const at = i * 12;
      if (!isLeaf) {
        const below = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
        yield* this.#extents(this.#reader.bytes(below * this.#blockSize, this.#blockSize));
        continue;
      }
      const length = node.readUInt16LE(at + 4);
      const start = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
      if (length < UNWRITTEN) for (let block = 0; block < length; block++) yield start + block;
    }
  }

  /** Blocks of a directory of ext2 and ext3, behind so many levels of tables. */
  *#pointers(block: number, level: number): Generator<number> {
    if (block === 0) return;
    if (level === 0) {
      yield block;
      return;
    }
    const table = this.#reader.bytes(block * this.#blockSize, this.#blockSize);
    for (let at = 0; at < table.length; at += 4) yield* this.#pointers(table.readUInt32LE(at), level - 1);
  }
}

function seedOf(number: number, inode: Buffer, fileSystem: number): number {
  const identity = Buffer.alloc(8);
  identity.writeUInt32LE(number, 0);
  inode.copy(identity, 4, 0x64, 0x68);
  return crc32cRaw(fileSystem, identity);
}

const SECOND = 1_000_000_000n;

/** As ext4 stores it: 32 bits of seconds with a sign, then 2 bits above them and 30 of nanoseconds. */
function splitTime(time: bigint, wide: boolean): { readonly low: number; readonly high: number } {
  const [earliest, latest] = [-(2n ** 31n), wide ? 2n ** 31n + 3n * 2n ** 32n - 1n : 2n ** 31n - 1n];
  const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
  const exact = (time - nanoseconds) / SECOND;
  const seconds = exact < earliest ? earliest : exact > latest ? latest : exact;
  const low = BigInt.asIntN(32, seconds);
  const epoch = Number((seconds - low) >> 32n) & 3;
  return { low: Number(low), high: ((Number(nanoseconds) << 2) | epoch) >>> 0 };
}

/** A file system in a file. */
class Reader {
  readonly #fd: number;
  readonly #offset: number;

  constructor(fd: number, offset: number) {
    this.#fd = fd;
    this.#offset = offset;
  }

  bytes(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (readSync(this.#fd, bytes, 0, length, this.#offset + at) !== length) {
      throw new AshlarError('the file system is cut short');
    }
    return bytes;
  }

  write(bytes: Buffer, at: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#offset + at + done);
    }
  }
}
