/** Layers that are file systems: what a blob is, judged by its superblock, and what checks it. */
import { readSync } from 'node:fs';
import { AshlarError } from '../support/errors.ts';
import { BlobFile } from './decompress.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { hasVerity, verifyVerity } from './verity.ts';

export type FileSystemKind = 'squashfs' | 'erofs';

/** A layer that is a file system. */
export interface FileSystemBlob {
  /** The blob's file. */
  readonly blob: string;
  readonly kind: FileSystemKind;
  /** Of its hash area, 64 hexadecimal digits; undefined when nobody vouches for one. */
  readonly rootHash?: string | undefined;
}

export interface CheckedFileSystem {
  /** A hash area is there, and nobody vouches for it. */
  readonly unverified: boolean;
}

/** Bytes from the start in which both file systems describe themselves. */
const HEAD = 2048;

const SQUASHFS_MAGIC = 0x7371_7368;
const EROFS_MAGIC = 0xe0f5_e1e2;
export const EROFS_SUPERBLOCK = 1024;
/** Between a page of the smallest machine and the largest that erofs knows. */
const EROFS_BLOCK_BITS = { least: 9, most: 16 } as const;

/**
 * Checks that a blob is what its label says, and against its root hash if there is one.
 * Throws an AshlarError when it is not.
 */
export function checkFileSystem(
  { blob, kind, rootHash }: FileSystemBlob,
  checkpoint: () => void,
): CheckedFileSystem {
  using file = new BlobFile(blob);
  const size = fileSystemSize(file, kind);
  if (rootHash !== undefined) verifyVerity(file.fd, size, rootHash, () => checkpoint());
  return { unverified: rootHash === undefined && hasVerity(file.fd, size) };
}

/** Bytes of the file system in a blob; a hash area comes after them. Throws an AshlarError for anything else. */
export function fileSystemSize(file: BlobFile, kind: FileSystemKind): number {
  const head = Buffer.alloc(HEAD);
  readSync(file.fd, head, 0, HEAD, 0);
  const size = kind === 'squashfs' ? squashfsSize(head) : erofsSize(head);
  if (size === undefined) {
    throw new AshlarError(`the layer is labelled ${kind} but contains something else`, {
      hint: 'the image was written by a faulty tool, or was tampered with',
    });
  }
  if (size > file.size)
    throw new AshlarError(`the ${kind} layer is cut short: ${file.size} of ${size} bytes are there`);
  return size;
}

/** squashfs 4.0 (the kernel's fs/squashfs/squashfs_fs.h). */
function squashfsSize(head: Buffer): number | undefined {
  if (head.readUInt32LE(0) !== SQUASHFS_MAGIC || head.readUInt16LE(28) !== 4) return undefined;
  const inodes = head.readUInt32LE(4);
  if (inodes > DEFAULT_LIMITS.entries)
    throw new AshlarError(`the squashfs layer has ${inodes} files, more than ${DEFAULT_LIMITS.entries}`);
  return Number(head.readBigUInt64LE(40));
}

/** erofs (the kernel's fs/erofs/erofs_fs.h). */
function erofsSize(head: Buffer): number | undefined {
  const at = EROFS_SUPERBLOCK;
  const bits = head.readUInt8(at + 12);
  const fits = bits >= EROFS_BLOCK_BITS.least && bits <= EROFS_BLOCK_BITS.most;
  if (head.readUInt32LE(at) !== EROFS_MAGIC || !fits) return undefined;
  return head.readUInt32LE(at + 36) * 2 ** bits;
}
