import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
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
 * The process that holds a flock(2) lock on the file, as /proc/locks knows it: undefined when nobody does, or somebody
 * whom we cannot see from our process namespace.
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
