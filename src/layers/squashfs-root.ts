/**
 * Sets what a squashfs image says of its root directory. mksquashfs takes that neither from a tar nor, up to 4.5.1,
 * from its options: the root belongs to uid 0 and has the time of the run, so that no two runs gave the same image.
 * The table of inodes must be uncompressed (`-noI`, 0.1 % more bytes); format: the kernel's fs/squashfs/squashfs_fs.h.
 */
import { readSync, writeSync } from 'node:fs';
import { AshlarError } from '../support/errors.ts';

export interface SquashfsRoot {
  /** 0-0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Places in the superblock. */
const AT = { idCount: 26, rootInode: 32, idTable: 48, inodeTable: 64, end: 96 } as const;

/** Bytes of a block of metadata behind its header. */
const METADATA = 8192;
const HEADER = 2;
const UNCOMPRESSED = 0x8000;

/** @returns Whether the owner could be set: only ids that something else in the image has, too, are in its table. */
export function setSquashfsRoot(fd: number, { mode, uid, gid, mtime }: SquashfsRoot): boolean {
  const superblock = read(fd, 0, AT.end);
  const reference = superblock.readBigUInt64LE(AT.rootInode);
  const inode = place(
    fd,
    Number(superblock.readBigUInt64LE(AT.inodeTable)) + Number(reference >> 16n),
    Number(reference & 0xffffn),
  );
  const ids = readIds(fd, superblock);
  const [owner, group] = [ids.indexOf(uid), ids.indexOf(gid)];
  const fields = Buffer.alloc(12);
  for (let i = 0; i < fields.length; i++) fields[i] = read(fd, inode(i), 1)[0] ?? 0;
  fields.writeUInt16LE(mode, 2);
  if (owner >= 0) fields.writeUInt16LE(owner, 4);
  if (group >= 0) fields.writeUInt16LE(group, 6);
  fields.writeUInt32LE(mtime, 8);
  for (const [i, byte] of fields.entries()) writeSync(fd, Buffer.of(byte), 0, 1, inode(i));
  return owner >= 0 && group >= 0;
}

/** Where the bytes of a piece of metadata are that may go on in the next block. */
function place(fd: number, block: number, offset: number): (index: number) => number {
  if ((read(fd, block, HEADER).readUInt16LE() & UNCOMPRESSED) === 0)
    throw new AshlarError('mksquashfs has compressed what it was told not to compress');
  return index => {
    const at = offset + index;
    return at < METADATA ? block + HEADER + at : block + HEADER + METADATA + HEADER + (at - METADATA);
  };
}

function readIds(fd: number, superblock: Buffer): readonly number[] {
  const count = superblock.readUInt16LE(AT.idCount);
  const table = Number(superblock.readBigUInt64LE(AT.idTable));
  const perBlock = METADATA / 4;
  return Array.from({ length: count }, (_, i) => {
    const block = Number(read(fd, table + Math.floor(i / perBlock) * 8, 8).readBigUInt64LE());
    return read(fd, place(fd, block, (i % perBlock) * 4)(0), 4).readUInt32LE();
  });
}

function read(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(fd, bytes, 0, length, position) !== length)
    throw new AshlarError('mksquashfs has written an incomplete image');
  return bytes;
}
