import { constants } from 'node:os';
import type { Name } from './name.ts';

// Two names for one number: the last wins, so the one that Linux documents for these calls is put last.
const aliases = ['EAGAIN', 'EOPNOTSUPP'] as const;
const names = new Map(Object.entries(constants.errno).map(([name, errno]) => [errno, name]));
for (const name of aliases) names.set(constants.errno[name], name);

const meanings: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  EEXIST: 'file exists',
  EINVAL: 'invalid argument',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  ENODATA: 'no such attribute',
  ENODEV: 'no such device',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOSYS: 'function not implemented by this kernel',
  ENOTDIR: 'not a directory',
  EOPNOTSUPP: 'operation not supported',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  EXDEV: 'crosses a file system or leaves the root',
};

/** A system call that failed: `code` is the name of the errno, as in Node's own errors. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(errno: number, syscall: string, path?: Name) {
    const code = names.get(errno) ?? `errno ${errno}`;
    const shown =
      path === undefined ? undefined : typeof path === 'string' ? path : Buffer.from(path).toString();
    super(
      `${code}: ${meanings[code] ?? 'system call failed'}, ${syscall}${shown === undefined ? '' : ` '${shown}'`}`,
    );
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.path = shown;
  }
}
