/** Files named relative to an open directory, so that nobody can swap a path component under our feet. */
import { type BigIntStats, closeSync, constants } from 'node:fs';
import type { Name } from './name.ts';
import { cString, declare } from './native.ts';

export const AT_FDCWD = -100;
export const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const AT_REMOVEDIR = 0x200;

const SYS_openat2 = 437n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
const RESOLVE_IN_ROOT = 0x10n;

const openat = declare('int openat(int dirfd, const void *path, int flags, ...)');
const openat2 = declare('long syscall(long number, ...)');
const mkdirat = declare('int mkdirat(int dirfd, const void *path, mode_t mode)');
const symlinkat = declare('int symlinkat(const void *target, int dirfd, const void *path)');
const linkat = declare(
  'int linkat(int olddirfd, const void *oldpath, int newdirfd, const void *newpath, int flags)',
);
const unlinkat = declare('int unlinkat(int dirfd, const void *path, int flags)');
const mknodat = declare('int mknodat(int dirfd, const void *path, mode_t mode, uint64_t device)');
const fchownat = declare('int fchownat(int dirfd, const void *path, uint32_t uid, uint32_t gid, int flags)');
const fchmod = declare('int fchmod(int fd, mode_t mode)');
const futimens = declare('int futimens(int fd, const void *times)');
const statx = declare('int statx(int dirfd, const void *path, int flags, uint32_t mask, void *status)');
const utimensat = declare('int utimensat(int dirfd, const void *path, const void *times, int flags)');

export type InodeType = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';

/** What the mode of an inode says of its type, above its permissions (inode(7)). */
export const TYPE_BITS: Readonly<Record<InodeType, number>> = {
  file: constants.S_IFREG,
  directory: constants.S_IFDIR,
  symlink: constants.S_IFLNK,
  character: constants.S_IFCHR,
  block: constants.S_IFBLK,
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
};

/** Opens a file and closes it when it goes out of scope. */
export class FileDescriptor implements Disposable {
  readonly fd: number;
  constructor(fd: number) {
    this.fd = fd;
  }
  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** A new descriptor (close-on-exec) of `name` below the directory `dirfd`. */
export function openAt(dirfd: number, name: Name, flags: number, mode = 0): number {
  return openat(name, dirfd, cString(name), flags | O_CLOEXEC, 'uint', mode);
}

/** What Node.js says of a file, as far as we want to know it. */
export type FileStatus = Pick<
  BigIntStats,
  'dev' | 'ino' | 'mode' | 'nlink' | 'uid' | 'gid' | 'rdev' | 'size' | 'blocks' | 'mtimeNs' | 'ctimeNs'
>;

const STATX_BASIC_STATS = 0x7ff;
/** struct statx (linux/stat.h); calls are synchronous, so one is enough. */
const status = new DataView(new ArrayBuffer(256));
const statusBytes = new Uint8Array(status.buffer);

/** The status of `name` below the directory `dirfd`; of a symbolic link its own. Half the time of a path in /proc. */
export function statusAt(dirfd: number, name: Name): FileStatus {
  statx(name, dirfd, cString(name), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, statusBytes);
  const number = (offset: number) => status.getUint32(offset, true);
  const long = (offset: number) => status.getBigUint64(offset, true);
  const time = (offset: number) => status.getBigInt64(offset, true) * SECOND + BigInt(number(offset + 8));
  return {
    nlink: BigInt(number(16)),
    uid: BigInt(number(20)),
    gid: BigInt(number(24)),
    mode: BigInt(status.getUint16(28, true)),
    ino: long(32),
    size: long(40),
    blocks: long(48),
    ctimeNs: time(96),
    mtimeNs: time(112),
    rdev: packDevice({ major: number(128), minor: number(132) }),
    dev: packDevice({ major: number(136), minor: number(140) }),
  };
}

/** Opens `path` as if `rootFd` were `/`: absolute symlinks and `..` stay inside. Needs Linux 5.6. */
export function openIn(rootFd: number, path: Name, flags: number, mode = 0): number {
  return open2(rootFd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/** Opens `path` below `rootFd`, refusing every symbolic link (ELOOP) and every way out (EXDEV). */
export function openBeneath(rootFd: number, path: Name, flags: number, mode = 0): number {
  return open2(rootFd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

function open2(rootFd: number, path: Name, flags: number, mode: number, resolve: bigint): number {
  const how = BigUint64Array.of(BigInt(flags | O_CLOEXEC), BigInt(mode), resolve);
  const args = ['long', BigInt(rootFd), 'void *', cString(path), 'void *', how, 'long', 24n] as const;
  return openat2(path, SYS_openat2, ...args);
}

export function mkdirAt(dirfd: number, name: Name, mode: number): void {
  mkdirat(name, dirfd, cString(name), mode);
}

export function symlinkAt(target: Name, dirfd: number, name: Name): void {
  symlinkat(name, cString(target), dirfd, cString(name));
}

/** A hard link; a symbolic link as source is linked itself, not followed. */
export function linkAt(oldDirfd: number, oldName: Name, newDirfd: number, newName: Name): void {
  linkat(newName, oldDirfd, cString(oldName), newDirfd, cString(newName), 0);
}

export function unlinkAt(dirfd: number, name: Name, options: { readonly directory?: boolean } = {}): void {
  unlinkat(name, dirfd, cString(name), options.directory ? AT_REMOVEDIR : 0);
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** Makes a device, FIFO or empty file; `mode` holds the type bits (S_IF…) and the permissions. */
export function mknodAt(
  dirfd: number,
  name: Name,
  mode: number,
  device: DeviceNumber = { major: 0, minor: 0 },
): void {
  mknodat(name, dirfd, cString(name), mode, packDevice(device));
}

/** Changes the owner of the entry itself, never of a link's target. */
export function chownAt(dirfd: number, name: Name, uid: number, gid: number): void {
  fchownat(name, dirfd, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW);
}

/** Changes the owner of what `fd` is open on (also with O_PATH). */
export function chownFd(fd: number, uid: number, gid: number): void {
  fchownat(undefined, fd, cString(''), uid, gid, AT_EMPTY_PATH);
}

export function chmodFd(fd: number, mode: number): void {
  fchmod(undefined, fd, mode);
}

export interface FileTimes {
  /** Nanoseconds since 1970. */
  readonly atime: bigint;
  readonly mtime: bigint;
}

/** Sets the times of the entry itself, exact to the nanosecond (which Node's own functions are not). */
export function setTimesAt(dirfd: number, name: Name, times: FileTimes): void {
  utimensat(name, dirfd, cString(name), timespecs(times), AT_SYMLINK_NOFOLLOW);
}

export function setTimesFd(fd: number, times: FileTimes): void {
  futimens(undefined, fd, timespecs(times));
}

const SECOND = 1_000_000_000n;

function timespecs({ atime, mtime }: FileTimes): BigInt64Array {
  return BigInt64Array.of(...[atime, mtime].flatMap(split));
}

/** tv_nsec must be positive, also before 1970. */
function split(time: bigint): [bigint, bigint] {
  const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
  return [(time - nanoseconds) / SECOND, nanoseconds];
}

/** glibc's makedev: 12 bits of major and 20 of minor in the classic places, the rest above. */
function packDevice({ major, minor }: DeviceNumber): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}

/** The inverse of makedev, for `rdev` of a bigint stat. */
export function unpackDevice(device: bigint): DeviceNumber {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn)),
  };
}
