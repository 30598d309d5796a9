/**
 * Finishes a btrfs that mkfs.btrfs has filled from a tree: times that it takes as they are on this machine, and FIFOs that
 * stand for devices. Format: https://btrfs.readthedocs.io/en/latest/dev/On-disk-format.html.
 */
import { constants, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteString } from '../../layers/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { crc32c } from '../crc32c.ts';
import { idsOf } from '../ids.ts';
import { writeFully } from '../pieces.ts';
import type { TreeDevice } from './devices.ts';
import { dataOf, nameOf, type SourceInode, type SourceTree } from './source-tree.ts';

const SUPERBLOCK = 0x10000;
const AT = {
  fileSystem: 0x20,
  magic: 0x40,
  root: 0x50,
  chunkRoot: 0x58,
  nodeSize: 0x94,
  arraySize: 0xa0,
  checksum: 0xc4,
  device: 0x10b,
  array: 0x32b,
};
/** Copies of the superblock, where the file system reaches so far. */
const SUPERBLOCKS = [SUPERBLOCK, 2 ** 26, 2 ** 38];
const HEADER = 101;
const NODE = { generation: 0x50, items: 0x60, level: 0x64 } as const;
const KEY = 17;
const TYPE = { inode: 1, attribute: 24, name: 84, index: 96, root: 132, chunk: 228, treeId: 251 } as const;
/** The first tree of files, and the first number of subvolumes and of inodes. */
const FILES = 5n;
const TOP = 256n;
/** Numbers from here on are those of trees that hold no files. */
const LAST = 2n ** 64n - 256n;
const NAMED = { character: 3, block: 4 } as const;

/** What the ids and times are that mkfs.btrfs makes up. */
export interface BtrfsIdentity {
  /** Of the file system; others are derived from it. */
  readonly uuid: string;
  /** Seconds since 1970. */
  readonly epoch: number;
}

interface Item {
  readonly id: bigint;
  readonly type: number;
  readonly offset: bigint;
  /** Of its data, in the leaf. */
  readonly at: number;
  readonly size: number;
}

/** Gives inodes the times of their content, and makes devices of what stands for them. */
export function finishBtrfs(
  path: string,
  tree: SourceTree,
  devices: readonly TreeDevice[],
  identity: BtrfsIdentity,
): void {
  using file = new FileDescriptor(openSync(path, constants.O_RDWR));
  const image = new BtrfsImage(file.fd);
  const inodes = findInodes(image, tree);
  const standIns = new Map(devices.map(device => [device.path, device]));
  const deviceOf = (inode: SourceInode | undefined) =>
    inode?.type === 'fifo' ? standIns.get(inode.path) : undefined;
  for (const [subvolume, root] of image.subvolumes) {
    for (const leaf of image.leaves(root)) {
      let changed = false;
      for (const { id, type, at, size } of leaf.items) {
        if (type === TYPE.attribute || type === TYPE.name || type === TYPE.index) {
          setTransactions(leaf.bytes, at, at + size);
          changed = true;
        }
        if (type === TYPE.inode) {
          const inode = inodes.get(placeOf({ subvolume, id }));
          if (inode === undefined) continue;
          setInode(leaf.bytes.subarray(at), inode, deviceOf(inode));
          changed = true;
        } else if (type === TYPE.name || type === TYPE.index) {
          const named = namedBy(leaf.bytes, at, subvolume);
          const device = deviceOf(inodes.get(placeOf(named)));
          if (device === undefined) continue;
          leaf.bytes.writeUInt8(NAMED[device.type], at + 29);
          changed = true;
        }
      }
      if (changed) image.write(leaf);
    }
  }
  image.settle(identity);
}

/** Which transaction has written an entry: mkfs.btrfs leaves there what was in its memory. */
function setTransactions(leaf: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at += 30 + leaf.readUInt16LE(at + 25) + leaf.readUInt16LE(at + 27))
    leaf.copy(leaf, at + 17, NODE.generation, NODE.generation + 8);
}

/** Numbers of inodes are those of one subvolume. */
interface Numbered {
  readonly subvolume: bigint;
  readonly id: bigint;
}

function placeOf({ subvolume, id }: Numbered): string {
  return `${subvolume}:${id}`;
}

/** What a name stands for: a key comes first, of an inode or of the root of another subvolume. */
function namedBy(bytes: Buffer, at: number, subvolume: bigint): Numbered {
  const id = bytes.readBigUInt64LE(at);
  return bytes.readUInt8(at + 8) === TYPE.root ? { subvolume: id, id: TOP } : { subvolume, id };
}

/** The inodes of the tree by their places in the image. */
function findInodes(image: BtrfsImage, tree: SourceTree): ReadonlyMap<string, SourceInode> {
  const names = new Map<string, string>();
  for (const [subvolume, root] of image.subvolumes) {
    for (const { items, bytes } of image.leaves(root)) {
      for (const { id, type, at } of items) {
        if (type !== TYPE.index) continue;
        const length = bytes.readUInt16LE(at + 27);
        const name = bytes.toString('latin1', at + 30, at + 30 + length);
        names.set(`${placeOf({ subvolume, id })}/${name}`, placeOf(namedBy(bytes, at, subvolume)));
      }
    }
  }
  const top = placeOf({ subvolume: FILES, id: TOP });
  const inodes = new Map([[top, tree.root]]);
  const directories = new Map<ByteString, string>([['', top]]);
  for (const [directory, entries] of tree.directories) {
    for (const { path, name, inode } of entries) {
      const place = names.get(`${directories.get(directory)}/${name}`);
      if (place === undefined) throw new AshlarError(`mkfs.btrfs has left out ${nameOf(path)}`);
      if (inode.type === 'directory') directories.set(path, place);
      inodes.set(place, inode);
    }
  }
  return inodes;
}

function setInode(item: Buffer, inode: SourceInode, device: TreeDevice | undefined): void {
  const { mode, uid, gid, mtime } = inode;
  item.writeUInt32LE(uid, 44);
  item.writeUInt32LE(gid, 48);
  const type =
    device === undefined ? item.readUInt32LE(52) & 0o170000 : device.type === 'block' ? 0o060000 : 0o020000;
  item.writeUInt32LE(type | mode, 52);
  if (device) item.writeBigUInt64LE((BigInt(device.major) << 20n) | BigInt(device.minor), 56);
  const nanoseconds = ((mtime % SECOND) + SECOND) % SECOND;
  for (const at of INODE_TIMES) {
    item.writeBigInt64LE((mtime - nanoseconds) / SECOND, at);
    item.writeUInt32LE(Number(nanoseconds), at + 8);
  }
}

const SECOND = 1_000_000_000n;
/** Of access, change, content and making. */
const INODE_TIMES = [112, 124, 136, 148];
/** Of roots: an inode comes first. */
const ROOT = { place: 176, uuid: 247, times: [...INODE_TIMES, 327, 339] } as const;

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Times of trees other than that of files, and of the inodes in them, which are of no file. */
function setTimes({ bytes, items }: Leaf, epoch: number): void {
  for (const { type, at } of items) {
    const places = type === TYPE.inode ? INODE_TIMES : type === TYPE.root ? ROOT.times : [];
    for (const place of places) {
      if (bytes.readBigUInt64LE(at + place) !== 0n) bytes.writeBigUInt64LE(BigInt(epoch), at + place);
      bytes.writeUInt32LE(0, at + place + 8);
    }
  }
}

/** In the tree of UUIDs they are the keys, in two halves, and give the order. */
function setTreeKeys({ bytes, items }: Leaf, made: ReadonlyMap<string, Buffer>): void {
  if (!items.some(({ type }) => type === TYPE.treeId)) return;
  const entries = items.map(({ at, size }, i) => {
    // All are numbers of trees, so that they can change places.
    if (size !== 8) throw unexpected();
    const key = Buffer.from(bytes.subarray(HEADER + i * 25, HEADER + i * 25 + KEY));
    const id = made.get(Buffer.concat([key.subarray(0, 8), key.subarray(9, KEY)]).toString('hex'));
    id?.copy(key, 0, 0, 8);
    id?.copy(key, 9, 8, 16);
    const order =
      (key.readBigUInt64LE(0) << 72n) | (BigInt(key.readUInt8(8)) << 64n) | key.readBigUInt64LE(9);
    return { key, order, tree: bytes.readBigUInt64LE(at) };
  });
  entries.sort((one, other) => (one.order < other.order ? -1 : 1));
  for (const [i, { key, tree }] of entries.entries()) {
    key.copy(bytes, HEADER + i * 25);
    bytes.writeBigUInt64LE(tree, items[i]?.at ?? 0);
  }
}

/** Items that have moved leave their bytes behind, with times of this machine. */
function clearGap({ bytes, items }: Leaf): void {
  const count = bytes.readUInt32LE(NODE.items);
  const isLeaf = bytes.readUInt8(NODE.level) === 0;
  const end = Math.min(bytes.length, ...(isLeaf ? items.map(({ at }) => at) : []));
  bytes.fill(0, HEADER + count * (isLeaf ? 25 : 33), end);
}

function replaceIds(bytes: Buffer, made: ReadonlyMap<string, Buffer>): void {
  for (const [known, id] of made) {
    const pattern = Buffer.from(known, 'hex');
    for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 16)) id.copy(bytes, at);
  }
}

interface Leaf {
  readonly logical: bigint;
  readonly bytes: Buffer;
  readonly items: readonly Item[];
}

class BtrfsImage {
  readonly #fd: number;
  readonly #nodeSize: number;
  readonly #chunks: {
    readonly start: bigint;
    readonly length: bigint;
    readonly copies: readonly bigint[];
    readonly isData: boolean;
  }[] = [];
  /** Where the trees of files begin, by their numbers. */
  readonly subvolumes: ReadonlyMap<bigint, bigint>;

  constructor(fd: number) {
    this.#fd = fd;
    const superblock = this.#read(SUPERBLOCK, 4096);
    if (superblock.toString('latin1', AT.magic, AT.magic + 8) !== '_BHRfS_M') throw unexpected();
    if (superblock.readUInt16LE(AT.checksum) !== 0) throw unexpected();
    this.#nodeSize = superblock.readUInt32LE(AT.nodeSize);
    const array = superblock.subarray(AT.array, AT.array + superblock.readUInt32LE(AT.arraySize));
    for (let at = 0; at < array.length; )
      at += KEY + this.#addChunk(array.readBigUInt64LE(at + 9), array.subarray(at + KEY));
    for (const { items, bytes } of this.leaves(superblock.readBigUInt64LE(AT.chunkRoot))) {
      for (const { type, offset, at } of items)
        if (type === TYPE.chunk) this.#addChunk(offset, bytes.subarray(at));
    }
    this.subvolumes = this.#findSubvolumes(superblock.readBigUInt64LE(AT.root));
  }

  *leaves(logical: bigint): Generator<Leaf> {
    for (const node of this.#nodes(logical)) if (node.bytes.readUInt8(NODE.level) === 0) yield node;
  }

  /** Nodes of a tree; only leaves have items. */
  *#nodes(logical: bigint): Generator<Leaf> {
    const bytes = this.#read(this.#placesOf(logical)[0] ?? 0, this.#nodeSize);
    const count = bytes.readUInt32LE(NODE.items);
    if (bytes.readUInt8(NODE.level) > 0) {
      const below = Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(HEADER + i * 33 + KEY));
      yield { logical, bytes, items: [] };
      for (const child of below) yield* this.#nodes(child);
      return;
    }
    const items = Array.from({ length: count }, (_, i): Item => {
      const at = HEADER + i * 25;
      return {
        id: bytes.readBigUInt64LE(at),
        type: bytes.readUInt8(at + 8),
        offset: bytes.readBigUInt64LE(at + 9),
        at: HEADER + bytes.readUInt32LE(at + KEY),
        size: bytes.readUInt32LE(at + KEY + 4),
      };
    });
    yield { logical, bytes, items };
  }

  write({ logical, bytes }: Leaf): void {
    bytes.writeUInt32LE(crc32c(bytes.subarray(32)), 0);
    for (const place of this.#placesOf(logical)) writeFully(this.#fd, bytes, place);
  }

  /**
   * Gives everything that was made up the value that follows from the identity, and forgets what is not referred to
   * any more: earlier versions of nodes.
   */
  settle({ uuid, epoch }: BtrfsIdentity): void {
    const ids = idsOf(uuid);
    const files = new Set(this.subvolumes.values());
    const superblock = this.#read(SUPERBLOCK, 4096);
    const [chunks, roots] = [superblock.readBigUInt64LE(AT.chunkRoot), superblock.readBigUInt64LE(AT.root)];
    const items = [...this.leaves(roots)].flatMap(leaf =>
      leaf.items.map(item => ({ ...item, bytes: leaf.bytes })),
    );
    const rootItems = items.filter(({ type }) => type === TYPE.root);
    const device = superblock.subarray(AT.device, AT.device + 16);
    const chunkTree = this.#read(this.#placesOf(chunks)[0] ?? 0, HEADER).subarray(0x40, 0x50);
    const made = new Map([
      [
        superblock.toString('hex', AT.fileSystem, AT.fileSystem + 16),
        Buffer.from(uuid.replaceAll('-', ''), 'hex'),
      ],
      [device.toString('hex'), ids('btrfs device').subarray(0, 16)],
      [chunkTree.toString('hex'), ids('btrfs chunks').subarray(0, 16)],
      ...rootItems.map(({ id, bytes, at }) => {
        const own = bytes.toString('hex', at + ROOT.uuid, at + ROOT.uuid + 16);
        return [own, ids(`btrfs tree ${id}`).subarray(0, 16)] as const;
      }),
    ]);
    made.delete('0'.repeat(32));
    const kept: Stretch[] = this.#chunks.flatMap(({ isData, length, copies }) =>
      isData ? copies.map(place => ({ start: Number(place), end: Number(place + length) })) : [],
    );
    for (const root of [
      chunks,
      roots,
      ...rootItems.map(({ bytes, at }) => bytes.readBigUInt64LE(at + ROOT.place)),
    ]) {
      for (const node of this.#nodes(root)) {
        if (!files.has(root)) setTimes(node, epoch);
        setTreeKeys(node, made);
        replaceIds(node.bytes, made);
        clearGap(node);
        this.write(node);
        for (const start of this.#placesOf(node.logical)) kept.push({ start, end: start + this.#nodeSize });
      }
    }
    for (const start of SUPERBLOCKS) {
      const copy = Buffer.alloc(4096);
      if (readSync(this.#fd, copy, 0, 4096, start) < 4096) continue;
      if (copy.toString('latin1', AT.magic, AT.magic + 8) !== '_BHRfS_M') continue;
      replaceIds(copy, made);
      copy.writeUInt32LE(crc32c(copy.subarray(32)), 0);
      writeFully(this.#fd, copy, start);
      kept.push({ start, end: start + copy.length });
    }
    this.#clearBut(kept);
  }

  #clearBut(kept: Stretch[]): void {
    kept.sort((a, b) => a.start - b.start);
    const { size } = fstatSync(this.#fd);
    let at = 0;
    for (const { start, end } of [...kept, { start: size, end: size }]) {
      for (const data of at < start ? dataOf(this.#fd, start) : []) {
        const from = Math.max(at, data.start);
        if (from < data.end) writeFully(this.#fd, Buffer.alloc(data.end - from), from);
      }
      at = Math.max(at, end);
    }
  }

  #findSubvolumes(roots: bigint): ReadonlyMap<bigint, bigint> {
    const found = new Map<bigint, bigint>();
    for (const { items, bytes } of this.leaves(roots)) {
      for (const { id, type, at } of items) {
        const holdsFiles = id === FILES || (id >= TOP && id < LAST);
        if (type === TYPE.root && holdsFiles) found.set(id, bytes.readBigUInt64LE(at + ROOT.place));
      }
    }
    if (!found.has(FILES)) throw unexpected();
    return found;
  }

  /** The length of the item. */
  #addChunk(start: bigint, item: Buffer): number {
    const stripes = item.readUInt16LE(44);
    const copies = Array.from({ length: stripes }, (_, i) => item.readBigUInt64LE(48 + i * 32 + 8));
    const isData = (item.readBigUInt64LE(24) & 1n) !== 0n;
    this.#chunks.push({ start, length: item.readBigUInt64LE(0), copies, isData });
    return 48 + stripes * 32;
  }

  /** Where the copies of a node are in the file. */
  #placesOf(logical: bigint): readonly number[] {
    const chunk = this.#chunks.find(({ start, length }) => logical >= start && logical < start + length);
    if (chunk === undefined) throw unexpected();
    return chunk.copies.map(place => Number(place + logical - chunk.start));
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (readSync(this.#fd, bytes, 0, length, at) !== length) throw unexpected();
    return bytes;
  }
}

function unexpected(): AshlarError {
  return new AshlarError('mkfs.btrfs has written a file system of an unknown form');
}
