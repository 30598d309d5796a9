/** Directories of ext4 as one list of names: what all kernels and loaders read, and the kernel goes on with. */
import type { ByteString } from '../../layers/index.ts';
import type { InodeType } from '../../linux/index.ts';
import { crc32cRaw } from '../crc32c.ts';
import { alignUp } from '../pieces.ts';
import { FILE_TYPES } from './source-tree.ts';

export interface ExtName {
  readonly name: ByteString;
  readonly inode: number;
  readonly type: InodeType;
}

/** How blocks of names look in a file system. */
export interface NameForm {
  readonly blockSize: number;
  /** Whether entries say the type of what they name. */
  readonly types: boolean;
  /** Whether blocks end with a checksum. */
  readonly checksums: boolean;
}

const ENTRY = 8;
const TAIL = 12;
/** Type of file of the entry that holds the checksum of a block of names. */
const TAIL_TYPE = 0xde;
const DOTS = 12;

/** How many blocks names of these lengths take, besides those of the directory itself and its parent. */
export function nameBlocks(names: Iterable<ByteString>, { blockSize, checksums }: NameForm): number {
  const room = blockSize - (checksums ? TAIL : 0);
  let [blocks, left] = [1, room - 2 * DOTS];
  for (const name of names) {
    const size = entrySize(name);
    if (size > left) {
      blocks += 1;
      left = room;
    }
    left -= size;
  }
  return blocks;
}

/**
 * The blocks of a directory, at least so many. `names` begin with those of itself and its parent.
 * @param seed What checksums begin with.
 */
export function* directoryBlocks(
  names: readonly ExtName[],
  form: NameForm,
  least: number,
  seed: number | undefined,
): Generator<Buffer> {
  const room = form.blockSize - (form.checksums ? TAIL : 0);
  let [bytes, at, last] = [Buffer.alloc(form.blockSize), 0, 0];
  let made = 0;
  const finish = () => {
    // The last entry has the rest of the block, also one that names nothing.
    writeLength(bytes, last, room - last);
    if (form.checksums && seed !== undefined) writeTail(bytes, seed);
    made += 1;
    return bytes;
  };
  const begin = () => {
    [bytes, at, last] = [Buffer.alloc(form.blockSize), 0, 0];
  };
  for (const { name, inode, type } of names) {
    const size = entrySize(name);
    if (at + size > room) {
      yield finish();
      begin();
    }
    bytes.writeUInt32LE(inode, at);
    bytes.writeUInt16LE(size, at + 4);
    bytes.writeUInt8(name.length, at + 6);
    if (form.types) bytes.writeUInt8(FILE_TYPES[type], at + 7);
    bytes.write(name, at + ENTRY, 'latin1');
    last = at;
    at += size;
  }
  yield finish();
  while (made < least) {
    begin();
    yield finish();
  }
}

function entrySize(name: ByteString): number {
  return ENTRY + alignUp(name.length, 4);
}

/** 64 KiB do not fit into the number. */
function writeLength(bytes: Buffer, at: number, length: number): void {
  bytes.writeUInt16LE(Math.min(length, 0xffff), at + 4);
}

/** Whether a block of names ends with a checksum. */
export function hasTail(bytes: Buffer): boolean {
  return bytes.readUInt8(bytes.length - TAIL + 7) === TAIL_TYPE;
}

/** Ends a block of names with its checksum. */
export function writeTail(bytes: Buffer, seed: number): void {
  const at = bytes.length - TAIL;
  bytes.writeUInt16LE(TAIL, at + 4);
  bytes.writeUInt8(TAIL_TYPE, at + 7);
  bytes.writeUInt32LE(crc32cRaw(seed, bytes.subarray(0, at)), at + 8);
}
