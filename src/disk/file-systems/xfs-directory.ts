/** Directories of xfs, in the smallest of their forms that holds the names. */
import type { ByteString } from '../../layers/index.ts';
import type { InodeType } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { FILE_TYPES } from './source-tree.ts';
import type { XfsImage } from './xfs-groups.ts';
import { XFS_BLOCK } from './xfs-trees.ts';

export interface XfsName {
  readonly name: ByteString;
  readonly inode: number;
  readonly type: InodeType;
}

/** A block of a directory and its place in the directory's own range of blocks. */
export interface DirectoryBlock {
  readonly offset: number;
  /** Written by the caller: the block must know where it is. */
  readonly sign: (block: number) => Buffer;
  /** Where its checksum is. */
  readonly checksum: number;
}

export type XfsDirectory =
  | { readonly form: 'local'; readonly bytes: Buffer }
  | { readonly form: 'blocks'; readonly blocks: readonly DirectoryBlock[]; readonly size: number };

const DATA = { header: 64, best: 48, tail: 8, checksum: 4 } as const;
const LEAF = { header: 64, checksum: 12 } as const;
const MAGIC = {
  block: 0x58444233,
  data: 0x58444433,
  free: 0x58444633,
  leaf1: 0x3df1,
  leafN: 0x3dff,
  node: 0x3ebe,
} as const;
/** In blocks: hashes of names begin at 32 GiB, the list of free room at 64 GiB. */
const LEAF_OFFSET = 2 ** 35 / XFS_BLOCK;
const FREE_OFFSET = 2 ** 36 / XFS_BLOCK;
const PER_LEAF = (XFS_BLOCK - LEAF.header) / 8;
const PER_FREE = (XFS_BLOCK - 64) / 2;

/** `room`: bytes that the inode has for a small directory. */
export function directoryOf(
  image: XfsImage,
  self: number,
  parent: number,
  names: readonly XfsName[],
  room: number,
): XfsDirectory {
  const local = 6 + names.reduce((sum, { name }) => sum + 3 + name.length + 1 + 4, 0);
  if (local <= room) return { form: 'local', bytes: shortForm(parent, names, local) };
  const all: readonly XfsName[] = [
    { name: '.', inode: self, type: 'directory' },
    { name: '..', inode: parent, type: 'directory' },
    ...names,
  ];
  const together =
    DATA.header + all.reduce((sum, { name }) => sum + entrySize(name), 0) + all.length * 8 + DATA.tail;
  const builder = new DirectoryBuilder(image, self);
  return together <= XFS_BLOCK ? builder.single(all) : builder.several(all);
}

function shortForm(parent: number, names: readonly XfsName[], length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt8(names.length, 0);
  bytes.writeUInt32BE(parent, 2);
  // Where the entry would be in a block: that is what positions in a listing are.
  let [at, offset] = [6, DATA.header + 2 * entrySize('.')];
  for (const { name, inode, type } of names) {
    bytes.writeUInt8(name.length, at);
    bytes.writeUInt16BE(offset, at + 1);
    bytes.write(name, at + 3, 'latin1');
    bytes.writeUInt8(FILE_TYPES[type], at + 3 + name.length);
    bytes.writeUInt32BE(inode, at + 4 + name.length);
    at += 8 + name.length;
    offset += entrySize(name);
  }
  return bytes;
}

/** Inode, length, name, type, and the entry's own place, in whole eights. */
function entrySize(name: ByteString): number {
  return Math.ceil((8 + 1 + name.length + 1 + 2) / 8) * 8;
}

/** A name by its hash. */
interface Hashed {
  readonly hash: number;
  /** In the range of data, in eights of bytes. */
  readonly address: number;
}

interface Names {
  readonly bytes: Buffer;
  /** Where free room begins. */
  end: number;
}

class DirectoryBuilder {
  readonly #image: XfsImage;
  readonly #owner: number;

  constructor(image: XfsImage, owner: number) {
    this.#image = image;
    this.#owner = owner;
  }

  /** Names and hashes in one block. */
  single(names: readonly XfsName[]): XfsDirectory {
    const { blocks, hashes } = fill(names, XFS_BLOCK - names.length * 8 - DATA.tail);
    const block = blocks[0];
    if (block === undefined) throw new AshlarError('a directory has at least two names');
    const leaves = XFS_BLOCK - DATA.tail - hashes.length * 8;
    closeData(block, leaves);
    for (const [i, { hash, address }] of hashes.entries()) {
      block.bytes.writeUInt32BE(hash, leaves + i * 8);
      block.bytes.writeUInt32BE(address, leaves + i * 8 + 4);
    }
    block.bytes.writeUInt32BE(hashes.length, XFS_BLOCK - DATA.tail);
    return { form: 'blocks', blocks: [this.#data(block.bytes, MAGIC.block, 0)], size: XFS_BLOCK };
  }

  /** Blocks of names, blocks of hashes, and what free room there is. */
  several(names: readonly XfsName[]): XfsDirectory {
    const { blocks, hashes } = fill(names, XFS_BLOCK);
    const bests = blocks.map(block => closeData(block, XFS_BLOCK));
    const data = blocks.map(({ bytes }, i) => this.#data(bytes, MAGIC.data, i));
    const size = blocks.length * XFS_BLOCK;
    if (LEAF.header + hashes.length * 8 + bests.length * 2 + 4 <= XFS_BLOCK) {
      const leaf = leafBlock(MAGIC.leaf1, hashes);
      for (const [i, best] of bests.entries()) {
        leaf.writeUInt16BE(best, XFS_BLOCK - 4 - (bests.length - i) * 2);
      }
      leaf.writeUInt32BE(bests.length, XFS_BLOCK - 4);
      return { form: 'blocks', blocks: [...data, this.#leaf(leaf, LEAF_OFFSET)], size };
    }
    return { form: 'blocks', blocks: [...data, ...this.#tree(hashes), ...this.#free(bests)], size };
  }

  /** Leaves of hashes, and a node that tells the last hash of each. */
  #tree(hashes: readonly Hashed[]): readonly DirectoryBlock[] {
    const count = Math.ceil(hashes.length / PER_LEAF);
    if (count > PER_LEAF)
      throw new AshlarError(`a directory has too many names for an xfs: ${hashes.length}`);
    const node = Buffer.alloc(XFS_BLOCK);
    node.writeUInt16BE(MAGIC.node, 8);
    node.writeUInt16BE(count, 56);
    node.writeUInt16BE(1, 58);
    const leaves = Array.from({ length: count }, (_, i) => {
      const own = hashes.slice(i * PER_LEAF, (i + 1) * PER_LEAF);
      const leaf = leafBlock(MAGIC.leafN, own);
      if (i + 1 < count) leaf.writeUInt32BE(LEAF_OFFSET + 2 + i, 0);
      if (i > 0) leaf.writeUInt32BE(LEAF_OFFSET + i, 4);
      node.writeUInt32BE(own.at(-1)?.hash ?? 0, 64 + i * 8);
      node.writeUInt32BE(LEAF_OFFSET + 1 + i, 64 + i * 8 + 4);
      return this.#leaf(leaf, LEAF_OFFSET + 1 + i);
    });
    return [this.#leaf(node, LEAF_OFFSET), ...leaves];
  }

  #free(bests: readonly number[]): readonly DirectoryBlock[] {
    return Array.from({ length: Math.ceil(bests.length / PER_FREE) }, (_, i) => {
      const own = bests.slice(i * PER_FREE, (i + 1) * PER_FREE);
      const bytes = Buffer.alloc(XFS_BLOCK);
      bytes.writeUInt32BE(i * PER_FREE, 48);
      bytes.writeUInt32BE(own.length, 52);
      bytes.writeUInt32BE(own.length, 56);
      for (const [at, best] of own.entries()) bytes.writeUInt16BE(best, 64 + at * 2);
      return this.#data(bytes, MAGIC.free, FREE_OFFSET + i);
    });
  }

  #data(bytes: Buffer, magic: number, offset: number): DirectoryBlock {
    const sign = (block: number) => {
      bytes.writeUInt32BE(magic, 0);
      bytes.writeBigUInt64BE(this.#image.sectorOf(block), 8);
      this.#image.uuid.copy(bytes, 24);
      bytes.writeBigUInt64BE(BigInt(this.#owner), 40);
      return bytes;
    };
    return { offset, sign, checksum: DATA.checksum };
  }

  #leaf(bytes: Buffer, offset: number): DirectoryBlock {
    const sign = (block: number) => {
      bytes.writeBigUInt64BE(this.#image.sectorOf(block), 16);
      this.#image.uuid.copy(bytes, 32);
      bytes.writeBigUInt64BE(BigInt(this.#owner), 48);
      return bytes;
    };
    return { offset, sign, checksum: LEAF.checksum };
  }
}

function leafBlock(magic: number, hashes: readonly Hashed[]): Buffer {
  const bytes = Buffer.alloc(XFS_BLOCK);
  bytes.writeUInt16BE(magic, 8);
  bytes.writeUInt16BE(hashes.length, 56);
  for (const [i, { hash, address }] of hashes.entries()) {
    bytes.writeUInt32BE(hash, LEAF.header + i * 8);
    bytes.writeUInt32BE(address, LEAF.header + i * 8 + 4);
  }
  return bytes;
}

/** Puts names into blocks up to `end`, in their order. */
function fill(
  names: readonly XfsName[],
  end: number,
): { readonly blocks: readonly Names[]; readonly hashes: readonly Hashed[] } {
  const blocks: Names[] = [{ bytes: Buffer.alloc(XFS_BLOCK), end: DATA.header }];
  const hashes: Hashed[] = [];
  for (const { name, inode, type } of names) {
    const size = entrySize(name);
    let block = blocks.at(-1);
    if (block === undefined || block.end + size > end) {
      block = { bytes: Buffer.alloc(XFS_BLOCK), end: DATA.header };
      blocks.push(block);
    }
    const at = block.end;
    block.bytes.writeBigUInt64BE(BigInt(inode), at);
    block.bytes.writeUInt8(name.length, at + 8);
    block.bytes.write(name, at + 9, 'latin1');
    block.bytes.writeUInt8(FILE_TYPES[type], at + 9 + name.length);
    block.bytes.writeUInt16BE(at, at + size - 2);
    block.end += size;
    hashes.push({ hash: hashOf(name), address: ((blocks.length - 1) * XFS_BLOCK + at) / 8 });
  }
  hashes.sort((a, b) => a.hash - b.hash || a.address - b.address);
  return { blocks, hashes };
}

/** Marks what is free behind the names, and gives its length. */
function closeData({ bytes, end }: Names, until: number): number {
  const length = until - end;
  if (length === 0) return 0;
  bytes.writeUInt16BE(0xffff, end);
  bytes.writeUInt16BE(length, end + 2);
  bytes.writeUInt16BE(end, end + length - 2);
  bytes.writeUInt16BE(end, DATA.best);
  bytes.writeUInt16BE(length, DATA.best + 2);
  return length;
}

/** The hash of names of files and attributes. */
export function hashOf(name: ByteString): number {
  let hash = 0;
  const byte = (at: number) => name.charCodeAt(at);
  const rotate = (bits: number) => (hash << bits) | (hash >>> (32 - bits));
  let at = 0;
  for (; name.length - at >= 4; at += 4) {
    hash = (byte(at) << 21) ^ (byte(at + 1) << 14) ^ (byte(at + 2) << 7) ^ byte(at + 3) ^ rotate(28);
  }
  switch (name.length - at) {
    case 3:
      hash = (byte(at) << 14) ^ (byte(at + 1) << 7) ^ byte(at + 2) ^ rotate(21);
      break;
    case 2:
      hash = (byte(at) << 7) ^ byte(at + 1) ^ rotate(14);
      break;
    case 1:
      hash = byte(at) ^ rotate(7);
  }
  return hash >>> 0;
}
