/** Extended attributes of the entry itself: a symbolic link is never followed. */

import { SystemCallError } from './errors.ts';
import type { Name } from './name.ts';
import { cString, declare } from './native.ts';

const llistxattr = declare('ssize_t llistxattr(const void *path, void *list, size_t size)');
const lgetxattr = declare('ssize_t lgetxattr(const void *path, const char *name, void *value, size_t size)');
const lsetxattr = declare(
  'int lsetxattr(const void *path, const char *name, const void *value, size_t size, int flags)',
);
const lremovexattr = declare('int lremovexattr(const void *path, const char *name)');

/** The kernel's limits (XATTR_LIST_MAX, XATTR_SIZE_MAX), so one call always does. */
const LIMIT = 65_536;
const buffer = Buffer.alloc(LIMIT);

/** The names, sorted; empty where the file system has no extended attributes. */
export function listXattrs(path: Name): string[] {
  let length: number;
  try {
    length = llistxattr(path, cString(path), buffer, LIMIT);
  } catch (error) {
    if (error instanceof SystemCallError && error.code === 'EOPNOTSUPP') return [];
    throw error;
  }
  return length === 0
    ? []
    : buffer
        .toString('utf8', 0, length - 1)
        .split('\0')
        .sort();
}

/** The value, or undefined when the entry has no attribute of that name. */
export function getXattr(path: Name, name: string): Uint8Array | undefined {
  try {
    const length = lgetxattr(path, cString(path), name, buffer, LIMIT);
    return new Uint8Array(buffer.subarray(0, length));
  } catch (error) {
    if (error instanceof SystemCallError && (error.code === 'ENODATA' || error.code === 'EOPNOTSUPP'))
      return undefined;
    throw error;
  }
}

export function setXattr(path: Name, name: string, value: Uint8Array): void {
  lsetxattr(path, cString(path), name, value, value.length, 0);
}

export function removeXattr(path: Name, name: string): void {
  lremovexattr(path, cString(path), name);
}
