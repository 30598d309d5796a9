/**
 * Typed bindings to the Linux system calls that Node.js lacks or gives in a form that is too loose for us: mounts,
 * extended attributes, device nodes, locks, files named relative to an open directory. Everything is synchronous
 * (koffi's asynchronous calls cost ten times as much) and throws `SystemCallError`. Nothing above this folder calls
 * foreign functions.
 */
export {
  closeOthersOnExec,
  copyFileRange,
  makeBlocking,
  pipe,
  reflink,
  seekData,
  seekHole,
  setPipeSize,
} from './bytes.ts';
export { reap } from './children.ts';
export { SystemCallError } from './errors.ts';
export {
  AT_FDCWD,
  chmodFd,
  chownAt,
  chownFd,
  type DeviceNumber,
  FileDescriptor,
  type FileStatus,
  type FileTimes,
  type InodeType,
  linkAt,
  mkdirAt,
  mknodAt,
  O_PATH,
  openAt,
  openBeneath,
  openIn,
  setTimesAt,
  setTimesFd,
  statusAt,
  symlinkAt,
  TYPE_BITS,
  unlinkAt,
  unpackDevice,
} from './files.ts';
export { FileLock, lockFile, lockOwner, processesThatOpened } from './locks.ts';
export {
  MS,
  makeHarmless,
  makeReadOnly,
  mount,
  mountOverlay,
  type OverlayOptions,
  unmount,
  unmountIdle,
} from './mount.ts';
export type { Name } from './name.ts';
export { enterNewNetwork } from './network.ts';
export { lendTerminal } from './terminal.ts';
export { getXattr, listXattrs, removeXattr, setXattr } from './xattrs.ts';
