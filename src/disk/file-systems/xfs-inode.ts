/** Inodes of xfs, version 3. */

import { TYPE_BITS } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { nameOf, type SourceInode } from './source-tree.ts';
import { MOST_LOCAL, type XfsAttributes } from './xfs-attributes.ts';
import type { Extent, XfsImage } from './xfs-groups.ts';
import { XFS_BLOCK } from './xfs-trees.ts';

/** A piece of a fork: where it is, and which blocks of the fork it has. */
export interface Mapping extends Extent {
  /** In blocks of the fork. */
  readonly offset: number;
}

export type XfsData =
  | { readonly kind: 'device' }
  | { readonly kind: 'local'; readonly bytes: Buffer }
  | { readonly kind: 'blocks'; readonly mappings: readonly Mapping[]; readonly size: number };

const CORE = 176;
const AT = {
  magic: 0,
  mode: 2,
  version: 4,
  format: 5,
  uid: 8,
  gid: 12,
  links: 16,
  atime: 32,
  mtime: 40,
  ctime: 48,
  size: 56,
  blocks: 64,
  extents: 76,
  attributeExtents: 80,
  forkOffset: 82,
  attributeFormat: 83,
  flags: 90,
  generation: 92,
  nextUnlinked: 96,
  crc: 100,
  flags2: 120,
  made: 144,
  number: 152,
  uuid: 160,
} as const;
const MAGIC = 0x494e;
const FORMAT = { device: 0, local: 1, extents: 2, tree: 3 } as const;
const BIG_TIME = 8n;
/** Of the inode of the realtime bitmap: its access time is something else. */
const NEW_BITMAP = 4;
const NOT_UNLINKED = 0xffff_ffff;

const MAPPING = 16;
/** Attributes in blocks of their own have these few pieces, since the blocks are taken together. */
const MOST_ATTRIBUTE_PIECES = 3;
const TREE = {
  magic: 0x424d4133,
  header: 72,
  crc: 64,
  perLeaf: Math.floor((XFS_BLOCK - 72) / MAPPING),
} as const;
const LINK = { magic: 0x58534c4d, header: 56, crc: 12, longest: 1024 } as const;
const SECOND = 1_000_000_000n;

/** A file may be cut where groups end, which is not foreseen. */
const CUTS = 3;

/** The most blocks that tell where the pieces of a file are. */
export function leavesOf(pieces: number, inodeSize: number, hasAttributes: boolean): number {
  const room = inodeSize - CORE - (hasAttributes ? MOST_LOCAL : 0);
  return pieces + CUTS <= Math.floor(room / MAPPING) ? 0 : Math.ceil((pieces + CUTS) / TREE.perLeaf);
}

export class InodeWriter {
  readonly #image: XfsImage;
  /** Nanoseconds since 1970: when all inodes were made. */
  readonly #made: bigint;

  constructor(image: XfsImage, made: bigint) {
    this.#image = image;
    this.#made = made;
  }

  /** Bytes of an inode for data, besides such attributes. */
  dataRoom(attributes: XfsAttributes): number {
    const literal = this.#image.inodeSize - CORE;
    switch (attributes.form) {
      case 'none':
        return literal;
      case 'local':
        return literal - Math.ceil(attributes.bytes.length / 8) * 8;
      case 'blocks':
        return literal - MOST_ATTRIBUTE_PIECES * MAPPING;
    }
  }

  write(number: number, source: SourceInode, links: number, attributes: XfsAttributes, data: XfsData): void {
    const inode = this.#blank(number);
    inode.writeUInt16BE(TYPE_BITS[source.type] | source.mode, AT.mode);
    inode.writeUInt32BE(source.uid, AT.uid);
    inode.writeUInt32BE(source.gid, AT.gid);
    inode.writeUInt32BE(links, AT.links);
    if (this.#image.bigTime) inode.writeBigUInt64BE(BIG_TIME, AT.flags2);
    for (const at of [AT.atime, AT.mtime, AT.ctime]) this.#setTime(inode, at, source.mtime);
    this.#setTime(inode, AT.made, this.#made);
    const dataRoom = data.kind === 'device' ? 8 : this.dataRoom(attributes);
    const attributeBlocks = this.#setAttributes(inode, source, attributes, dataRoom);
    const dataBlocks = this.#setData(inode, number, source, data, dataRoom);
    inode.writeBigUInt64BE(BigInt(attributeBlocks + dataBlocks), AT.blocks);
    this.#sign(inode, number);
  }

  writeFree(number: number): void {
    this.#sign(this.#blank(number), number);
  }

  /** An inode that mkfs.xfs has made gets the times of all others. */
  writeTimes(number: number): void {
    const inode = this.#image.read(this.#image.placeOfInode(number), this.#image.inodeSize);
    inode.writeUInt32BE(1, AT.generation);
    const isBitmap = (inode.readUInt16BE(AT.flags) & NEW_BITMAP) !== 0;
    for (const at of [AT.mtime, AT.ctime, AT.made]) this.#setTime(inode, at, this.#made);
    if (!isBitmap) this.#setTime(inode, AT.atime, this.#made);
    this.#sign(inode, number);
  }

  /** The target of a link that the inode has no room for; the block. */
  writeLongLink(number: number, target: Buffer, path: string): number {
    if (target.length > LINK.longest)
      throw new AshlarError(`the target of the link ${path} is too long for an xfs`);
    const block = this.#image.takeBlock();
    const bytes = Buffer.alloc(XFS_BLOCK);
    bytes.writeUInt32BE(LINK.magic, 0);
    bytes.writeUInt32BE(target.length, 8);
    this.#image.uuid.copy(bytes, 16);
    bytes.writeBigUInt64BE(BigInt(number), 32);
    bytes.writeBigUInt64BE(this.#image.sectorOf(block), 40);
    target.copy(bytes, LINK.header);
    this.#image.writeSigned(bytes, this.#image.placeOf(block), LINK.crc);
    return block;
  }

  #blank(number: number): Buffer {
    const inode = Buffer.alloc(this.#image.inodeSize);
    inode.writeUInt16BE(MAGIC, AT.magic);
    inode.writeUInt8(3, AT.version);
    inode.writeUInt32BE(1, AT.generation);
    inode.writeUInt32BE(NOT_UNLINKED, AT.nextUnlinked);
    inode.writeBigUInt64BE(BigInt(number), AT.number);
    this.#image.uuid.copy(inode, AT.uuid);
    return inode;
  }

  #sign(inode: Buffer, number: number): void {
    this.#image.writeSigned(inode, this.#image.placeOfInode(number), AT.crc);
  }

  /** Times that the form has no room for become the nearest. */
  #setTime(inode: Buffer, at: number, time: bigint): void {
    if (this.#image.bigTime) {
      const shifted = time + 2n ** 31n * SECOND;
      const latest = 2n ** 34n * SECOND;
      inode.writeBigUInt64BE(shifted < 0n ? 0n : shifted > latest ? latest : shifted, at);
      return;
    }
    const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
    const seconds = (time - nanoseconds) / SECOND;
    const [earliest, latest] = [-(2n ** 31n), 2n ** 31n - 1n];
    inode.writeInt32BE(Number(seconds < earliest ? earliest : seconds > latest ? latest : seconds), at);
    inode.writeUInt32BE(Number(nanoseconds), at + 4);
  }

  /** How many blocks they take. */
  #setAttributes(inode: Buffer, source: SourceInode, attributes: XfsAttributes, dataRoom: number): number {
    inode.writeUInt8(FORMAT.extents, AT.attributeFormat);
    if (attributes.form === 'none') return 0;
    inode.writeUInt8(dataRoom / 8, AT.forkOffset);
    if (attributes.form === 'local') {
      inode.writeUInt8(FORMAT.local, AT.attributeFormat);
      attributes.bytes.copy(inode, CORE + dataRoom);
      return 0;
    }
    const extents = this.#image.takeBlocks(attributes.blocks.length);
    if (extents.length > MOST_ATTRIBUTE_PIECES) {
      throw new AshlarError(`there is no room in one piece for the attributes of ${nameOf(source.path)}`);
    }
    const places = extents.flatMap(({ block, count }) => Array.from({ length: count }, (_, i) => block + i));
    for (const [i, { sign, checksum }] of attributes.blocks.entries()) {
      const block = places[i] ?? 0;
      this.#image.writeSigned(sign(block), this.#image.placeOf(block), checksum);
    }
    let offset = 0;
    for (const [i, extent] of extents.entries()) {
      writeMapping(inode, CORE + dataRoom + i * MAPPING, { ...extent, offset });
      offset += extent.count;
    }
    inode.writeUInt16BE(extents.length, AT.attributeExtents);
    return offset;
  }

  #setData(inode: Buffer, number: number, source: SourceInode, data: XfsData, room: number): number {
    switch (data.kind) {
      case 'device':
        inode.writeUInt8(FORMAT.device, AT.format);
        // 14 bits of major and 18 of minor.
        if (source.major >= 2 ** 14 || source.minor >= 2 ** 18) {
          throw new AshlarError(`xfs cannot hold the numbers of the device ${nameOf(source.path)}`);
        }
        inode.writeUInt32BE(source.major * 2 ** 18 + source.minor, CORE);
        return 0;
      case 'local':
        inode.writeUInt8(FORMAT.local, AT.format);
        inode.writeBigUInt64BE(BigInt(data.bytes.length), AT.size);
        data.bytes.copy(inode, CORE);
        return 0;
      case 'blocks':
        inode.writeBigUInt64BE(BigInt(data.size), AT.size);
        return this.#setMappings(inode, number, source, data.mappings, room);
    }
  }

  #setMappings(
    inode: Buffer,
    number: number,
    source: SourceInode,
    mappings: readonly Mapping[],
    room: number,
  ): number {
    const blocks = mappings.reduce((sum, { count }) => sum + count, 0);
    inode.writeUInt32BE(mappings.length, AT.extents);
    if (mappings.length * MAPPING <= room) {
      inode.writeUInt8(FORMAT.extents, AT.format);
      for (const [i, mapping] of mappings.entries()) writeMapping(inode, CORE + i * MAPPING, mapping);
      return blocks;
    }
    const most = Math.floor((room - 4) / MAPPING);
    const count = Math.ceil(mappings.length / TREE.perLeaf);
    if (count > most) throw new AshlarError(`${nameOf(source.path)} has too many holes for an xfs`);
    const perLeaf = Math.ceil(mappings.length / count);
    const leaves = Array.from({ length: count }, (_, i) => mappings.slice(i * perLeaf, (i + 1) * perLeaf));
    const places = leaves.map(() => this.#image.takeBlock());
    inode.writeUInt8(FORMAT.tree, AT.format);
    inode.writeUInt16BE(1, CORE);
    inode.writeUInt16BE(count, CORE + 2);
    for (const [i, leaf] of leaves.entries()) {
      inode.writeBigUInt64BE(BigInt(leaf[0]?.offset ?? 0), CORE + 4 + i * 8);
      inode.writeBigUInt64BE(BigInt(places[i] ?? 0), CORE + 4 + most * 8 + i * 8);
      this.#writeLeaf(number, leaf, places[i] ?? 0, places[i - 1], places[i + 1]);
    }
    return blocks + count;
  }

  #writeLeaf(
    owner: number,
    mappings: readonly Mapping[],
    block: number,
    left: number | undefined,
    right: number | undefined,
  ): void {
    const none = (1n << 64n) - 1n;
    const bytes = Buffer.alloc(XFS_BLOCK);
    bytes.writeUInt32BE(TREE.magic, 0);
    bytes.writeUInt16BE(mappings.length, 6);
    bytes.writeBigUInt64BE(left === undefined ? none : BigInt(left), 8);
    bytes.writeBigUInt64BE(right === undefined ? none : BigInt(right), 16);
    bytes.writeBigUInt64BE(this.#image.sectorOf(block), 24);
    this.#image.uuid.copy(bytes, 40);
    bytes.writeBigUInt64BE(BigInt(owner), 56);
    for (const [i, mapping] of mappings.entries()) writeMapping(bytes, TREE.header + i * MAPPING, mapping);
    this.#image.writeSigned(bytes, this.#image.placeOf(block), TREE.crc);
  }
}

/** 1 bit of state, 54 of the offset, 52 of the block, 21 of the count. */
function writeMapping(into: Buffer, at: number, { offset, block, count }: Mapping): void {
  const bits = (BigInt(offset) << 73n) | (BigInt(block) << 21n) | BigInt(count);
  into.writeBigUInt64BE(bits >> 64n, at);
  into.writeBigUInt64BE(bits & ((1n << 64n) - 1n), at + 8);
}
