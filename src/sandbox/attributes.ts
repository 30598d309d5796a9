import { closeSync, constants, lstatSync } from 'node:fs';
import {
  AT_FDCWD,
  chmodFd,
  chownFd,
  getXattr,
  listXattrs,
  openAt,
  setTimesFd,
  setXattr,
} from '../linux/index.ts';

/** Gives the directory `target` the owner, mode, extended attributes and times of `source`. */
export function copyDirectoryAttributes(source: string, target: string): void {
  const { mode, uid, gid, atimeNs, mtimeNs } = lstatSync(source, { bigint: true });
  for (const name of listXattrs(source).filter(isOwn))
    setXattr(target, name, getXattr(source, name) ?? Buffer.alloc(0));
  const fd = openAt(AT_FDCWD, target, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    chownFd(fd, Number(uid), Number(gid));
    chmodFd(fd, Number(mode) & 0o7777);
    setTimesFd(fd, { atime: atimeNs, mtime: mtimeNs });
  } finally {
    closeSync(fd);
  }
}

/** Not overlayfs's marks, which belong to a layer, and not labels that only a security module may write. */
function isOwn(name: string): boolean {
  return !name.startsWith('user.overlay.') && !name.startsWith('trusted.') && name !== 'security.selinux';
}
