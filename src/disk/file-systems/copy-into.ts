/** Copies an image to its place in the file of a disk. */
import { constants, fstatSync, openSync, readSync } from 'node:fs';
import { FileDescriptor } from '../../linux/index.ts';
import { writeFully } from '../pieces.ts';
import { dataOf } from './source-tree.ts';

const PIECE = 1 << 16;

const ZEROS = Buffer.alloc(PIECE);

/** Holes and zeros of the image are left out: the file reads as zeros there. */
export function copyInto(image: string, file: string, offset: number): void {
  using source = new FileDescriptor(openSync(image, constants.O_RDONLY));
  using target = new FileDescriptor(openSync(file, constants.O_WRONLY));
  const buffer = Buffer.allocUnsafe(PIECE);
  for (const { start, end } of dataOf(source.fd, fstatSync(source.fd).size)) {
    for (let at = start; at < end; ) {
      const count = readSync(source.fd, buffer, 0, Math.min(PIECE, end - at), at);
      if (ZEROS.compare(buffer, 0, count, 0, count) !== 0)
        writeFully(target.fd, buffer.subarray(0, count), offset + at);
      at += count;
    }
  }
}
