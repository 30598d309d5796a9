import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { SystemCallError } from './errors.ts';
import { declare } from './native.ts';

const flock = declare('int flock(int fd, int operation)');
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** A held BSD lock; gone when disposed or when the process ends, however it ends. */
export class FileLock implements Disposable {
  readonly path: string;
  readonly fd: number;
  constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }
  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/**
 * Takes a flock(2) lock, which is what `flock(1)` in scripts uses too, on `path` (created when missing).
 * Returns undefined when it is taken and `wait` is false.
 */
export function lockFile(
  path: string,
  options: { readonly mode: 'exclusive' | 'shared'; readonly wait: boolean },
): FileLock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    flock(path, fd, (options.mode === 'exclusive' ? LOCK_EX : LOCK_SH) | (options.wait ? 0 : LOCK_NB));
    return new FileLock(path, fd);
  } catch (error) {
    closeSync(fd);
    if (error instanceof SystemCallError && error.code === 'EAGAIN') return undefined;
    throw error;
  }
}

/**
 * The process that took the flock(2) lock on the file, as /proc/locks knows it: undefined when nobody did, or somebody
 * whom we cannot see from our process namespace. It may have ended and left the lock to those it shared the file with.
 */
export function lockOwner(path: string): number | undefined {
  const { ino } = statSync(path);
  for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
    // "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF"; waiting ones have "->" after the number. Devices are not
    // compared: btrfs gives stat(2) another one than its locks.
    const [, kind, , , pid, file] = line.split(/\s+/);
    if (kind === 'FLOCK' && Number(pid) > 0 && file?.split(':')[2] === String(ino)) return Number(pid);
  }
  return undefined;
}

/** The processes that have the file open, as far as we may look at them. */
export function processesThatOpened(path: string): readonly number[] {
  const file = realpathSync(path);
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && hasOpen(`/proc/${name}/fd`, file))
    .map(Number);
}

function hasOpen(descriptors: string, file: string): boolean {
  try {
    return readdirSync(descriptors).some(fd => readlinkSync(join(descriptors, fd)) === file);
  } catch {
    // The process has ended meanwhile, or is none of our business.
    return false;
  }
}
