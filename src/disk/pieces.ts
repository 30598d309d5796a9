/** Places and sizes on disks, and how bytes come there. */
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { FileDescriptor } from '../linux/index.ts';

export interface Piece {
  /** From the start of the disk. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export function writePieces(fd: number, pieces: readonly Piece[]): void {
  for (const { bytes, offset } of pieces) writeFully(fd, bytes, offset);
}

export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** Makes a file of this size that reads as zeros. */
export function createSparse(path: string, size: number): void {
  using file = new FileDescriptor(openSync(path, 'wx'));
  ftruncateSync(file.fd, size);
}

export const MIB = 1024 * 1024;

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

export function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}

/** For messages: `60 MiB`, `1.5 MiB`. */
export function mebibytes(bytes: number): string {
  return `${Number((bytes / MIB).toFixed(1))} MiB`;
}
