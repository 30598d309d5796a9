/** Moving bytes: copies that stay in the kernel, holes in sparse files, pipes. */
import { constants, copyFileSync } from 'node:fs';
import { SystemCallError } from './errors.ts';
import { declare } from './native.ts';

const copy_file_range = declare(
  'ssize_t copy_file_range(int in, void *inOffset, int out, void *outOffset, size_t length, uint flags)',
);
const lseek = declare('int64_t lseek(int fd, int64_t offset, int whence)');
const pipe2 = declare('int pipe2(void *fds, int flags)');
const fcntl = declare('int fcntl(int fd, int command, ...)');

const close_range = declare('int close_range(uint first, uint last, int flags)');

const CLOSE_RANGE_CLOEXEC = 4;
const O_CLOEXEC = 0o2000000;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;

/** Copies bytes from `offset` of one file to the same place of another; returns how many were copied. */
export function copyFileRange(source: number, target: number, offset: number, length: number): number {
  const [from, to] = [BigInt64Array.of(BigInt(offset)), BigInt64Array.of(BigInt(offset))];
  return copy_file_range(undefined, source, from, target, to, length, 0);
}

/** Shares the blocks of `source` as a new file; false where the file system cannot. */
export function reflink(source: string, target: string): boolean {
  try {
    copyFileSync(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (
      code === 'ENOTSUP' ||
      code === 'EOPNOTSUPP' ||
      code === 'EXDEV' ||
      code === 'EINVAL' ||
      code === 'ENOTTY' ||
      code === 'ENOSYS'
    )
      return false;
    throw error;
  }
}

/** The first offset at or after `offset` that holds data; undefined when only a hole is left. */
export function seekData(fd: number, offset: number): number | undefined {
  try {
    return lseek(undefined, fd, offset, SEEK_DATA);
  } catch (error) {
    if (error instanceof SystemCallError && error.code === 'ENXIO') return undefined;
    throw error;
  }
}

/** The first offset at or after `offset` that is in a hole (the end of the file counts as one). */
export function seekHole(fd: number, offset: number): number {
  return lseek(undefined, fd, offset, SEEK_HOLE);
}

/** Raw descriptors of a new pipe, both close-on-exec. */
export function pipe(): { readonly read: number; readonly write: number } {
  const fds = new Int32Array(2);
  pipe2(undefined, Buffer.from(fds.buffer), O_CLOEXEC);
  return { read: fds[0] ?? -1, write: fds[1] ?? -1 };
}

/** Marks every open file but standard input, output and error as not to be inherited by programs that we start. */
export function closeOthersOnExec(): void {
  close_range(undefined, 3, 0xffffffff, CLOSE_RANGE_CLOEXEC);
}

/**
 * Makes writing to an open file wait again. Node.js makes its own standard output not wait where that is a pipe, for
 * everybody who has it open; other programs take that for an error.
 */
export function makeBlocking(fd: number): void {
  const flags = fcntl(undefined, fd, F_GETFL, 'int', 0);
  fcntl(undefined, fd, F_SETFL, 'int', flags & ~constants.O_NONBLOCK);
}

/** Asks for a larger pipe buffer; a refusal (the user's limit is reached) only costs speed. */
export function setPipeSize(fd: number, bytes: number): void {
  try {
    fcntl(undefined, fd, F_SETPIPE_SZ, 'int', bytes);
  } catch (error) {
    if (!(error instanceof SystemCallError && (error.code === 'EPERM' || error.code === 'EBUSY')))
      throw error;
  }
}
