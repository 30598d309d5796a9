import { closeSync as close } from 'node:fs';
import { SystemCallError } from './errors.ts';
import type { Name } from './name.ts';
import { cString, declare } from './native.ts';

const mount2 = declare(
  'int mount(const void *source, const void *target, const void *type, ulong flags, const void *data)',
);
const umount2 = declare('int umount2(const void *target, int flags)');
const syscall = declare('long syscall(long number, ...)');

/** Mount flags of mount(2). */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  BIND: 0x1000,
  REC: 0x4000,
  PRIVATE: 0x40000,
} as const;

const SYS = { move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, mount_setattr: 442 } as const;
const MNT_DETACH = 2;
const AT_FDCWD = -100;

export interface MountOptions {
  readonly source: Name;
  readonly target: Name;
  readonly type?: string;
  readonly flags?: number;
  /** The file system's own options, separated by commas. */
  readonly data?: string;
}

export function mount(options: MountOptions): void {
  mount2(
    options.target,
    cString(options.source),
    cString(options.target),
    options.type === undefined ? null : cString(options.type),
    options.flags ?? 0,
    options.data === undefined ? null : cString(options.data),
  );
}

const AT_RECURSIVE = 0x8000;
const MOUNT_ATTR_RDONLY = 1n;

/** Makes a mount, and all below it, read-only; its other attributes (which may be locked) stay as they are. */
export function makeReadOnly(target: string): void {
  const attributes = BigUint64Array.of(MOUNT_ATTR_RDONLY, 0n, 0n, 0n);
  syscall(
    target,
    ...[SYS.mount_setattr, 'long', AT_FDCWD, 'void *', cString(target)],
    ...['long', AT_RECURSIVE, 'void *', attributes, 'long', attributes.byteLength],
  );
}

/** Detaches a mount; it is gone from the tree at once and freed when nobody uses it any more. */
export function unmount(target: Name): void {
  umount2(target, cString(target), MNT_DETACH);
}

export interface OverlayOptions {
  readonly target: string;
  /** From the bottom to the top. At least one; without an upper directory at least two. */
  readonly lowers: readonly string[];
  readonly upper?: { readonly directory: string; readonly work: string };
}

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const CLOEXEC = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

/**
 * Mounts an overlay with `userxattr`, for root and non-root alike. Uses fsconfig(2), where every lower directory is
 * an option of its own: mount(2) has a single page for all of them, which a deep image overflows.
 */
export function mountOverlay(options: OverlayOptions): void {
  const context = syscall('overlay', SYS.fsopen, 'void *', cString('overlay'), 'long', CLOEXEC);
  try {
    const set = (key: string, value: string) =>
      syscall(
        `overlay ${key}=${value}`,
        ...[SYS.fsconfig, 'long', context, 'long', FSCONFIG_SET_STRING],
        ...['void *', cString(key), 'void *', cString(value), 'long', 0],
      );
    const command = (code: number, key: string | null) =>
      syscall(
        options.target,
        ...[SYS.fsconfig, 'long', context, 'long', code],
        ...['void *', key === null ? null : cString(key), 'void *', null, 'long', 0],
      );
    set('source', 'overlay');
    setLowers(options.lowers, set);
    if (options.upper) {
      set('upperdir', options.upper.directory);
      set('workdir', options.upper.work);
    }
    command(FSCONFIG_SET_FLAG, 'userxattr');
    command(FSCONFIG_CMD_CREATE, null);
    const mounted = syscall(options.target, SYS.fsmount, 'long', context, 'long', CLOEXEC, 'long', 0);
    try {
      syscall(
        options.target,
        ...[SYS.move_mount, 'long', mounted, 'void *', cString('')],
        ...['long', AT_FDCWD, 'void *', cString(options.target), 'long', MOVE_MOUNT_F_EMPTY_PATH],
      );
    } finally {
      close(mounted);
    }
  } finally {
    close(context);
  }
}

/** `lowerdir+` (Linux 6.8) takes one directory a call; before it, the whole list in one string must do. */
function setLowers(lowers: readonly string[], set: (key: string, value: string) => number): void {
  const topFirst = lowers.toReversed();
  try {
    for (const lower of topFirst) set('lowerdir+', lower);
  } catch (error) {
    if (!(error instanceof SystemCallError && error.code === 'EINVAL')) throw error;
    set('lowerdir', topFirst.map(escapeLower).join(':'));
  }
}

function escapeLower(path: string): string {
  return path.replaceAll(/[\\:]/g, '\\$&');
}
