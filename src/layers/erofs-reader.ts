/**
 * Reads the names and attributes of an erofs image (the kernel's fs/erofs/erofs_fs.h); they are never compressed.
 * Contents of files are not read here: fsck.erofs extracts them, and, up to 1.5, nothing else that counts (it loses
 * extended attributes, hard links and setuid bits). Images come from strangers: everything is checked before use.
 */
import { constants, copyFileSync, openSync, readSync, writeSync } from 'node:fs';
import { FileDescriptor } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import type { ByteString } from './bytes.ts';
import { BlobFile } from './decompress.ts';
import { EROFS_SUPERBLOCK, fileSystemSize } from './file-system.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { joinPath, splitLast } from './names.ts';
import type { EntryType, TarEntry, Xattr } from './tar-entry.ts';
import { isOverlayWhiteout } from './whiteouts.ts';

/** An inode, and what is in it if that is names. */
export interface ErofsNode extends Omit<TarEntry, 'path' | 'type'> {
  readonly type: Exclude<EntryType, 'hardlink'> | 'socket';
  readonly id: bigint;
  readonly links: number;
}

export interface ErofsName {
  readonly name: ByteString;
  readonly id: bigint;
  /** Where the byte is in the image that says what kind of file it is. */
  readonly typeAt: number;
}

/** How the data of an inode lie. */
const PLAIN = 0;
const INLINE = 2;

/** Features that change what is read here begin with this one: 48 bit addresses. */
const UNKNOWN_FEATURES = 0x80;

const DIRENT = 12;
const SLOT = 32;
const XATTR_HEADER = 12;
const XATTR_ENTRY = 4;
const LONG_PREFIX = 0x80;
const PREFIXES: Readonly<Record<number, string>> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
};

const TYPES: Readonly<Record<number, ErofsNode['type']>> = {
  4: 'directory',
  8: 'file',
  10: 'symlink',
  2: 'character',
  6: 'block',
  1: 'fifo',
  12: 'socket',
};

/** Bytes that are read at a time: inodes and directories lie close together. */
const WINDOW = 1 << 16;

interface Inode {
  readonly node: ErofsNode;
  readonly layout: number;
  /** Where plain data begins, or the number of a device. */
  readonly address: number;
  /** Where inline data begins. */
  readonly inline: number;
}

export class ErofsReader {
  readonly #fd: number;
  readonly #size: number;
  readonly #limits: Limits;
  readonly #blockSize: number;
  readonly #metadata: number;
  readonly #sharedXattrs: number;
  readonly #built: bigint;
  readonly root: bigint;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  #names = 0;

  constructor(file: BlobFile, limits: Limits) {
    this.#fd = file.fd;
    this.#size = fileSystemSize(file, 'erofs');
    this.#limits = limits;
    const superblock = this.#read(EROFS_SUPERBLOCK, 128);
    if (superblock.readUInt32LE(80) >= UNKNOWN_FEATURES)
      throw new AshlarError('the erofs image uses features that are not known here');
    this.#blockSize = 2 ** superblock.readUInt8(12);
    this.root = BigInt(superblock.readUInt16LE(14));
    this.#built = time(superblock.readBigUInt64LE(24), superblock.readUInt32LE(32));
    this.#metadata = superblock.readUInt32LE(40) * this.#blockSize;
    this.#sharedXattrs = superblock.readUInt32LE(44) * this.#blockSize;
  }

  node(id: bigint): ErofsNode {
    return this.#inode(id).node;
  }

  /** The names in a directory but `.` and `..`, in the order of their bytes. */
  list(id: bigint): readonly ErofsName[] {
    const inode = this.#inode(id);
    const { size } = inode.node;
    const names: ErofsName[] = [];
    for (let at = 0; at < size; at += this.#blockSize)
      names.push(
        ...parseDirents(this.#data(inode, at, Math.min(this.#blockSize, size - at)), this.#place(inode, at)),
      );
    this.#names += names.length;
    if (this.#names > this.#limits.entries)
      throw new AshlarError(`the erofs image has more than ${this.#limits.entries} names`);
    return names
      .filter(({ name }) => name !== '.' && name !== '..')
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Where an inode begins in the file. */
  placeOf(id: bigint): number {
    return this.#metadata + Number(id) * SLOT;
  }

  #inode(id: bigint): Inode {
    const at = this.placeOf(id);
    const format = this.#read(at, 2).readUInt16LE();
    const extended = (format & 1) === 1;
    const length = extended ? 64 : 32;
    const bytes = this.#read(at, length);
    const mode = bytes.readUInt16LE(4);
    const type = TYPES[mode >> 12];
    if (type === undefined) throw new AshlarError('an inode of the erofs image has an unknown type');
    const xattrCount = bytes.readUInt16LE(2);
    const xattrLength = xattrCount === 0 ? 0 : XATTR_HEADER + (xattrCount - 1) * XATTR_ENTRY;
    const layout = (format >> 1) & 7;
    const address = bytes.readUInt32LE(16);
    const isDevice = type === 'character' || type === 'block';
    const size = extended ? Number(bytes.readBigUInt64LE(8)) : bytes.readUInt32LE(8);
    if (size > this.#limits.expandedBytes) throw new AshlarError('a file of the erofs image is too large');
    const described = {
      id,
      type,
      mode: mode & 0o7777,
      uid: extended ? bytes.readUInt32LE(24) : bytes.readUInt16LE(24),
      gid: extended ? bytes.readUInt32LE(28) : bytes.readUInt16LE(26),
      links: extended ? bytes.readUInt32LE(44) : bytes.readUInt16LE(6),
      mtime: extended ? time(bytes.readBigUInt64LE(32), bytes.readUInt32LE(40)) : this.#built,
      size: type === 'file' || type === 'directory' ? size : 0,
      major: isDevice ? (address >>> 8) & 0xfff : 0,
      minor: isDevice ? (address & 0xff) | ((address >>> 12) & 0xfff00) : 0,
      xattrs: this.#xattrs(at + length, xattrLength),
      link: '',
    };
    const inode = { node: described, layout, address, inline: at + length + xattrLength };
    if (type !== 'symlink') return inode;
    if (size >= this.#limits.nameLength)
      throw new AshlarError('a link target of the erofs image is too long');
    return { ...inode, node: { ...described, link: this.#data(inode, 0, size, size).toString('latin1') } };
  }

  /** A part of uncompressed data, which begins at a whole block. */
  #data(inode: Inode, at: number, length: number, size = inode.node.size): Buffer {
    return this.#read(this.#place(inode, at, size), length);
  }

  /** Where uncompressed data are in the image. */
  #place({ node, layout, address, inline }: Inode, at: number, size = node.size): number {
    if (layout !== PLAIN && layout !== INLINE)
      throw new AshlarError('names in the erofs image are stored in a form that is not known here');
    const tail = size - (size % this.#blockSize);
    return layout === INLINE && at >= tail ? inline + at - tail : address * this.#blockSize + at;
  }

  #xattrs(at: number, length: number): readonly Xattr[] {
    if (length === 0) return [];
    const bytes = this.#read(at, length);
    const shared = bytes.readUInt8(4);
    const found: Xattr[] = [];
    for (let i = 0; i < shared; i++) {
      const id = this.#read(at + XATTR_HEADER + i * XATTR_ENTRY, XATTR_ENTRY).readUInt32LE();
      found.push(this.#xattr(this.#sharedXattrs + id * XATTR_ENTRY).xattr);
    }
    for (let next = at + XATTR_HEADER + shared * XATTR_ENTRY; next + XATTR_ENTRY <= at + length; ) {
      const { xattr, end } = this.#xattr(next);
      found.push(xattr);
      next = end;
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #xattr(at: number): { readonly xattr: Xattr; readonly end: number } {
    const head = this.#read(at, XATTR_ENTRY);
    const nameLength = head.readUInt8(0);
    const index = head.readUInt8(1);
    const valueLength = head.readUInt16LE(2);
    const prefix = PREFIXES[index];
    if (prefix === undefined || (index & LONG_PREFIX) !== 0)
      throw new AshlarError('an attribute of the erofs image has a name of a kind that is not known here');
    const bytes = this.#read(at + XATTR_ENTRY, nameLength + valueLength);
    const end = at + XATTR_ENTRY + Math.ceil(bytes.length / XATTR_ENTRY) * XATTR_ENTRY;
    const name = prefix + bytes.toString('latin1', 0, nameLength);
    return { xattr: { name, value: Buffer.from(bytes.subarray(nameLength)) }, end };
  }

  #read(at: number, length: number): Buffer {
    if (at < 0 || at + length > this.#size) throw new AshlarError('the erofs image is damaged');
    const start = at - this.#windowAt;
    if (start >= 0 && start + length <= this.#window.length)
      return this.#window.subarray(start, start + length);
    const window = Buffer.allocUnsafe(Math.max(WINDOW, length));
    const count = readSync(this.#fd, window, 0, Math.min(window.length, this.#size - at), at);
    if (count < length) throw new AshlarError('the erofs image is damaged');
    this.#window = window.subarray(0, count);
    this.#windowAt = at;
    return this.#window.subarray(0, length);
  }
}

function time(seconds: bigint, nanoseconds: number): bigint {
  return BigInt.asIntN(64, seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

/** One block of a directory: places of names first, then the names one after the other. */
function parseDirents(block: Buffer, place: number): readonly ErofsName[] {
  const damaged = () => new AshlarError('a directory of the erofs image is damaged');
  if (block.length < DIRENT) throw damaged();
  const count = block.readUInt16LE(8) / DIRENT;
  if (!Number.isInteger(count) || count < 1 || count * DIRENT > block.length) throw damaged();
  return Array.from({ length: count }, (_, i) => {
    const start = block.readUInt16LE(i * DIRENT + 8);
    const end = i + 1 < count ? block.readUInt16LE((i + 1) * DIRENT + 8) : block.length;
    if (start < count * DIRENT || end < start || end > block.length) throw damaged();
    const name = block.toString('latin1', start, end).replace(/\0+$/, '');
    if (name === '' || name.includes('/') || name.includes('\0')) throw damaged();
    return { name, id: block.readBigUInt64LE(i * DIRENT), typeAt: place + i * DIRENT + 10 };
  });
}

/** Every name with its path: directories before what they hold, whiteouts before what they stand beside. */
export function* walkErofs(
  reader: Pick<ErofsReader, 'root' | 'node' | 'list'>,
  limits: Limits,
): Generator<{ readonly path: ByteString; readonly node: ErofsNode }> {
  const seen = new Set<bigint>([reader.root]);
  const pending: { readonly path: ByteString; readonly id: bigint }[] = [{ path: '', id: reader.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, id } = next;
    const node = reader.node(id);
    yield { path, node };
    if (node.type !== 'directory') continue;
    const whiteouts: { readonly path: ByteString; readonly id: bigint }[] = [];
    for (const child of reader.list(id).toReversed()) {
      const at = joinPath(path, child.name);
      if (at.length > limits.nameLength) throw new AshlarError('a path in the erofs image is too long');
      const { type, major, minor } = reader.node(child.id);
      if (type === 'directory') {
        if (seen.has(child.id)) throw new AshlarError('a directory of the erofs image has two names');
        seen.add(child.id);
      }
      const into = type !== 'socket' && isOverlayWhiteout({ type, major, minor }) ? whiteouts : pending;
      into.push({ path: at, id: child.id });
    }
    // The last ones come first.
    for (const whiteout of whiteouts) pending.push(whiteout);
  }
}

/** The bits of a mode that say what an inode is, and those of a FIFO. */
const TYPE_BITS = 0xf000;
const FIFO = 0x1000;
/** Of the superblock: that it has a checksum, which may cover inodes, too. */
const CHECKSUM = 1;

/**
 * Makes a copy of an image in which devices are FIFOs, for fsck.erofs, which gives up where it may not make a device.
 * @returns Whether there are any; there is no copy otherwise.
 * @throws AshlarError for an image that is damaged, or whose files are too large.
 */
export function disguiseDevices(image: string, copy: string): boolean {
  using file = new BlobFile(image);
  const reader = new ErofsReader(file, DEFAULT_LIMITS);
  const guard = new ExpansionGuard(DEFAULT_LIMITS, file.size);
  const devices: number[] = [];
  for (const { node } of walkErofs(reader, DEFAULT_LIMITS)) {
    const { id, type, size, major, minor } = node;
    if (type === 'file') guard.add(size);
    if ((type === 'character' || type === 'block') && !isOverlayWhiteout({ type, major, minor }))
      devices.push(reader.placeOf(id));
  }
  if (devices.length === 0) return false;
  copyFileSync(image, copy, constants.COPYFILE_FICLONE);
  using copied = new FileDescriptor(openSync(copy, constants.O_RDWR | constants.O_NOFOLLOW));
  const change = (at: number, alter: (word: number) => number) => {
    const word = Buffer.alloc(2);
    readSync(copied.fd, word, 0, 2, at);
    word.writeUInt16LE(alter(word.readUInt16LE()));
    writeSync(copied.fd, word, 0, 2, at);
  };
  change(EROFS_SUPERBLOCK + 8, features => features & ~CHECKSUM);
  for (const place of devices) change(place + 4, mode => (mode & ~TYPE_BITS) | FIFO);
  return true;
}

/** A device, and its place in the image; the path is canonical. */
export interface ErofsDevice {
  readonly path: ByteString;
  readonly type: 'character' | 'block';
  readonly major: number;
  readonly minor: number;
}

/** Bytes of the label of an image. */
const LABEL = 16;

/** What names say of the kinds of devices. */
const NAMED_TYPES = { character: 3, block: 4 } as const;

/**
 * Makes devices of the FIFOs of an image that stand for them, and gives it a label, which mkfs.erofs cannot before 1.8.
 * Throws an AshlarError when the label is too long.
 */
export function finishErofs(image: string, label: string, devices: readonly ErofsDevice[]): void {
  if (Buffer.byteLength(label) > LABEL)
    throw new AshlarError(`the label ${JSON.stringify(label)} is longer than the ${LABEL} bytes of erofs`);
  using file = new FileDescriptor(openSync(image, constants.O_RDWR | constants.O_NOFOLLOW));
  const wanted = new Map(devices.map(device => [device.path, device]));
  const places = findDevices(image, wanted);
  for (const { node, typeAt, device } of places) {
    const mode = Buffer.alloc(2);
    readSync(file.fd, mode, 0, 2, node + 4);
    const { major, minor } = device;
    const isBlock = device.type === 'block';
    mode.writeUInt16LE((mode.readUInt16LE() & ~TYPE_BITS) | (isBlock ? 0x6000 : 0x2000));
    writeSync(file.fd, mode, 0, 2, node + 4);
    const number = Buffer.alloc(4);
    number.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0);
    writeSync(file.fd, number, 0, 4, node + 16);
    writeSync(file.fd, Buffer.of(NAMED_TYPES[device.type]), 0, 1, typeAt);
  }
  const superblock = Buffer.alloc(128);
  readSync(file.fd, superblock, 0, superblock.length, EROFS_SUPERBLOCK);
  // The checksum may cover inodes, too; the kernel does without one.
  superblock.writeUInt32LE(superblock.readUInt32LE(8) & ~CHECKSUM, 8);
  superblock.writeUInt32LE(0, 4);
  superblock.fill(0, 64, 64 + LABEL);
  superblock.write(label, 64, 'utf8');
  writeSync(file.fd, superblock, 0, superblock.length, EROFS_SUPERBLOCK);
}

function findDevices(
  image: string,
  wanted: ReadonlyMap<ByteString, ErofsDevice>,
): readonly { readonly node: number; readonly typeAt: number; readonly device: ErofsDevice }[] {
  using file = new BlobFile(image);
  const reader = new ErofsReader(file, DEFAULT_LIMITS);
  const parents = new Set([...wanted.keys()].map(path => splitLast(path).parent));
  const found: { node: number; typeAt: number; device: ErofsDevice }[] = [];
  const look = (directory: ByteString, id: bigint) => {
    for (const { name, id: child, typeAt } of reader.list(id)) {
      const device = wanted.get(joinPath(directory, name));
      if (device) found.push({ node: reader.placeOf(child), typeAt, device });
    }
  };
  if (parents.has('')) look('', reader.root);
  for (const { path, node } of walkErofs(reader, DEFAULT_LIMITS))
    if (path !== '' && node.type === 'directory' && parents.has(path)) look(path, node.id);
  return found;
}
