/**
 * dm-verity: a tree of hashes behind the content of a file, whose root hash stands for all of it. The kernel checks
 * each block against it when it is read (Documentation/admin-guide/device-mapper/verity.rst; the superblock is that
 * of cryptsetup, https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity).
 *
 *     content, padded to 4096 | superblock (one block) | top level of the tree | ... | hashes of the content
 *
 * Ours and not veritysetup's work, since it is a part of making and reading layers: one pass over the file that also
 * gives its digest, no further program to install, and no randomness, so that equal layers stay equal.
 */
import { createHash, hash } from 'node:crypto';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { seekData } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';

/** Bytes of a block of content, and of one of hashes: the page size, which every kernel can map. */
export const VERITY_BLOCK = 4096;

const HASH = 32;
const HASHES_PER_BLOCK = VERITY_BLOCK / HASH;

const SIGNATURE = Buffer.from('verity\0\0', 'latin1');
const ALGORITHM = 'sha256';
const MOST_SALT = 256;

/** Where things are in the superblock. */
const AT = {
  version: 8,
  hashType: 12,
  uuid: 16,
  algorithm: 32,
  dataBlockSize: 64,
  hashBlockSize: 68,
  dataBlocks: 72,
  saltSize: 80,
  salt: 88,
  end: 512,
} as const;

/** How much is read at a time. */
const CHUNK = 1 << 20;

/** What is called for everything that passes, in the order of the file; may throw to stop. */
export type OnBytes = (bytes: Buffer) => void;

/**
 * Appends the hash area to a file, which is padded to whole blocks before, in one pass over it. Salt and UUID follow
 * from the first block and the size: a file system describes itself there, and equal files must stay equal.
 * @returns The root hash, 64 hexadecimal digits.
 */
export function appendVerity(fd: number, onBytes: OnBytes = () => {}): string {
  const size = fstatSync(fd).size;
  const dataBlocks = Math.ceil(size / VERITY_BLOCK);
  if (dataBlocks === 0) throw new AshlarError('an empty file has nothing that verity could protect');
  const end = dataBlocks * VERITY_BLOCK;
  if (end > size) writeFully(fd, Buffer.alloc(end - size), size);
  const area = { dataOffset: 0, dataSize: end, hashOffset: end, ...identify(fd, size) };
  const root = writeHashArea(fd, area, onBytes);
  forEachChunk(fd, end, end + hashAreaSize(end), onBytes);
  return root;
}

/** Where content and its hash area are in a file; all but the salt in bytes, which are whole blocks. */
export interface HashArea {
  readonly dataOffset: number;
  readonly dataSize: number;
  readonly hashOffset: number;
  /** Up to 256 bytes. */
  readonly salt: Uint8Array;
  readonly uuid: Uint8Array;
}

/**
 * Writes the superblock and the tree of hashes for a part of a file.
 * @returns The root hash, 64 hexadecimal digits.
 */
export function writeHashArea(
  fd: number,
  { dataOffset, dataSize, hashOffset, salt, uuid }: HashArea,
  onBytes: OnBytes = () => {},
): string {
  const dataBlocks = dataSize / VERITY_BLOCK;
  const salted = Buffer.from(salt);
  writeFully(fd, superblock(dataBlocks, salted, Buffer.from(uuid)), hashOffset);
  const write = (block: Buffer, at: number) => writeFully(fd, block, at);
  const tree = new HashTree(dataBlocks, hashOffset + VERITY_BLOCK, salted, write);
  return hashContent(fd, dataOffset, dataOffset + dataSize, tree, onBytes);
}

/** Bytes of the hash area of so many bytes of content: the superblock, and all levels of the tree. */
export function hashAreaSize(dataSize: number): number {
  let bytes = VERITY_BLOCK;
  for (let below = Math.ceil(dataSize / VERITY_BLOCK); below > 1; ) {
    below = Math.ceil(below / HASHES_PER_BLOCK);
    bytes += below * VERITY_BLOCK;
  }
  return bytes;
}

/**
 * Checks a file whose content ends at `contentSize` against a root hash.
 * Throws an AshlarError when there is no hash area, or anything in content or hashes is not what it was.
 */
export function verifyVerity(
  fd: number,
  contentSize: number,
  rootHash: string,
  onBytes: OnBytes = () => {},
): void {
  const end = Math.ceil(contentSize / VERITY_BLOCK) * VERITY_BLOCK;
  const dataBlocks = end / VERITY_BLOCK;
  const salt = readSuperblock(fd, end, dataBlocks);
  const stored = Buffer.alloc(VERITY_BLOCK);
  const tree = new HashTree(dataBlocks, end + VERITY_BLOCK, salt, (block, at) => {
    const read = readSync(fd, stored, 0, VERITY_BLOCK, at);
    if (read !== VERITY_BLOCK || !stored.equals(block)) throw damaged('a hash does not fit its block');
  });
  if (fstatSync(fd).size < tree.end) throw damaged('the hash area is cut short');
  if (hashContent(fd, 0, end, tree, onBytes) !== rootHash.toLowerCase()) throw damaged('invalid root hash');
}

/** Whether a hash area stands where the content of a file ends. */
export function hasVerity(fd: number, contentSize: number): boolean {
  const found = Buffer.alloc(SIGNATURE.length);
  const at = Math.ceil(contentSize / VERITY_BLOCK) * VERITY_BLOCK;
  return readSync(fd, found, 0, found.length, at) === found.length && found.equals(SIGNATURE);
}

/** Hashes in blocks, those blocks again in blocks, up to one hash. Keeps one block of each level. */
class HashTree {
  /** Where the tree ends in the file. */
  readonly end: number;
  readonly #salt: Buffer;
  readonly #write: (block: Buffer, at: number) => void;
  /** From the hashes of the content up to the top. */
  readonly #levels: { readonly block: Buffer; filled: number; at: number }[] = [];
  /** Salt and one block, to be hashed in one call. */
  readonly #salted: Buffer;
  #root = '';

  constructor(dataBlocks: number, start: number, salt: Buffer, write: (block: Buffer, at: number) => void) {
    this.#salt = salt;
    this.#write = write;
    this.#salted = Buffer.concat([salt, Buffer.alloc(VERITY_BLOCK)]);
    const blocks: number[] = [];
    for (let below = dataBlocks; below > 1; ) {
      below = Math.ceil(below / HASHES_PER_BLOCK);
      blocks.push(below);
    }
    // The top comes first in the file.
    let at = start;
    for (const count of blocks.toReversed()) {
      this.#levels.unshift({ block: Buffer.alloc(VERITY_BLOCK), filled: 0, at });
      at += count * VERITY_BLOCK;
    }
    this.end = at;
  }

  add(block: Buffer): void {
    this.#put(0, block);
  }

  /** Completes all levels; the root hash. */
  finish(): string {
    for (const [i, { filled }] of this.#levels.entries()) if (filled > 0) this.#flush(i);
    return this.#root;
  }

  /** Puts the hash of a block into a level; above the top it is the root hash. */
  #put(level: number, block: Buffer): void {
    block.copy(this.#salted, this.#salt.length);
    const digest = hash(ALGORITHM, this.#salted, 'buffer');
    const into = this.#levels[level];
    if (into === undefined) {
      this.#root = digest.toString('hex');
      return;
    }
    digest.copy(into.block, into.filled);
    into.filled += HASH;
    if (into.filled === VERITY_BLOCK) this.#flush(level);
  }

  #flush(level: number): void {
    const full = this.#levels[level];
    if (full === undefined) return;
    this.#write(full.block, full.at);
    full.at += VERITY_BLOCK;
    this.#put(level + 1, full.block);
    full.block.fill(0);
    full.filled = 0;
  }
}

function hashContent(fd: number, start: number, end: number, tree: HashTree, onBytes: OnBytes): string {
  forEachChunk(fd, start, end, chunk => {
    onBytes(chunk);
    for (let at = 0; at < chunk.length; at += VERITY_BLOCK) tree.add(chunk.subarray(at, at + VERITY_BLOCK));
  });
  return tree.finish();
}

/**
 * Reads a part of a file in large pieces, each after `ready` has let its end pass. Throws an AshlarError when the file
 * ends before the part does.
 */
export function forEachChunk(
  fd: number,
  start: number,
  end: number,
  use: OnBytes,
  ready: (end: number) => void = () => {},
): void {
  if (fstatSync(fd).size < end) throw new AshlarError('the file is cut short');
  const buffer = Buffer.allocUnsafe(CHUNK);
  const zeros = Buffer.alloc(CHUNK);
  for (let at = start; at < end; ) {
    const wanted = Math.min(CHUNK, end - at);
    ready(at + wanted);
    // New disks are holes for a good part, which need no reading.
    const isHole = (seekData(fd, at) ?? end) >= at + wanted;
    // Behind the end of a file that has become shorter is no data either.
    const read = isHole ? fstatSync(fd).size - at : readFully(fd, buffer, wanted, at);
    if (read < wanted) throw new AshlarError('the file is cut short');
    use((isHole ? zeros : buffer).subarray(0, wanted));
    at += wanted;
  }
}

function identify(fd: number, size: number): { readonly salt: Buffer; readonly uuid: Buffer } {
  const first = Buffer.alloc(VERITY_BLOCK);
  readFully(fd, first, VERITY_BLOCK, 0);
  const derive = (purpose: string) =>
    createHash(ALGORITHM).update(`ashlar verity ${purpose} ${size}\n`).update(first).digest();
  return { salt: derive('salt'), uuid: asUuid(derive('uuid')) };
}

/** The first 16 bytes with the marks of a UUID that is made as its maker likes (RFC 9562, version 8). */
export function asUuid(bytes: Uint8Array): Buffer {
  const uuid = Buffer.from(bytes.subarray(0, 16));
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}

function superblock(dataBlocks: number, salt: Buffer, uuid: Buffer): Buffer {
  const bytes = Buffer.alloc(VERITY_BLOCK);
  SIGNATURE.copy(bytes);
  bytes.writeUInt32LE(1, AT.version);
  bytes.writeUInt32LE(1, AT.hashType);
  uuid.copy(bytes, AT.uuid);
  bytes.write(ALGORITHM, AT.algorithm, 'latin1');
  bytes.writeUInt32LE(VERITY_BLOCK, AT.dataBlockSize);
  bytes.writeUInt32LE(VERITY_BLOCK, AT.hashBlockSize);
  bytes.writeBigUInt64LE(BigInt(dataBlocks), AT.dataBlocks);
  bytes.writeUInt16LE(salt.length, AT.saltSize);
  salt.copy(bytes, AT.salt);
  return bytes;
}

/** The salt of the superblock, which must describe a tree of our form over exactly the content. */
function readSuperblock(fd: number, at: number, dataBlocks: number): Buffer {
  const bytes = Buffer.alloc(AT.end);
  const read = readFully(fd, bytes, AT.end, at);
  if (read < AT.end || !bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE))
    throw damaged('there is no hash area behind the content');
  const version = bytes.readUInt32LE(AT.version);
  const hashType = bytes.readUInt32LE(AT.hashType);
  const algorithm = bytes.toString('latin1', AT.algorithm, AT.dataBlockSize).replace(/\0+$/, '');
  if (version !== 1 || hashType !== 1 || algorithm !== ALGORITHM)
    throw damaged(`the hash area is of an unknown form (version ${version}, type ${hashType})`);
  const sizes = [bytes.readUInt32LE(AT.dataBlockSize), bytes.readUInt32LE(AT.hashBlockSize)];
  if (sizes.some(size => size !== VERITY_BLOCK))
    throw damaged(`the hash area has blocks of ${sizes.join(' and ')} bytes instead of ${VERITY_BLOCK}`);
  if (bytes.readBigUInt64LE(AT.dataBlocks) !== BigInt(dataBlocks))
    throw damaged('the hash area does not belong to content of this size');
  const saltSize = bytes.readUInt16LE(AT.saltSize);
  if (saltSize > MOST_SALT) throw damaged(`the hash area has a salt of ${saltSize} bytes`);
  if (bytes.subarray(AT.salt + saltSize).some(byte => byte !== 0))
    throw damaged('the superblock of the hash area is damaged');
  return bytes.subarray(AT.salt, AT.salt + saltSize);
}

function damaged(why: string): AshlarError {
  return new AshlarError(`the verity data is wrong: ${why}`, {
    hint: 'the layer is damaged or was tampered with',
  });
}

/** How many bytes there were, up to `length`. */
function readFully(fd: number, buffer: Buffer, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const count = readSync(fd, buffer, done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function writeFully(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
