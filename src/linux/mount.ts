import { closeSync as close } from 'node:fs';
import { AshlarError } from '../support/errors.ts';
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
const UMOUNT_NOFOLLOW = 8;
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
const MOUNT_ATTR = { RDONLY: 0x1n, NOSUID: 0x2n, NODEV: 0x4n } as const;

/** Makes a mount, and all below it, read-only; its other attributes (which may be locked) stay as they are. */
export function makeReadOnly(target: string): void {
  setAttributes(target, MOUNT_ATTR.RDONLY);
}

/** Lets a mount, and all below it, give nobody the powers of set-uid programs and devices in it. */
export function makeHarmless(target: string): void {
  setAttributes(target, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV);
}

function setAttributes(target: string, set: bigint): void {
  const attributes = BigUint64Array.of(set, 0n, 0n, 0n);
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

/** Unmounts what nobody uses. Throws a SystemCallError (EBUSY) when somebody does. */
export function unmountIdle(target: Name): void {
  umount2(target, cString(target), UMOUNT_NOFOLLOW);
}

export interface OverlayOptions {
  readonly target: string;
  /** From the bottom to the top. At least one; without an upper directory at least two. */
  readonly lowers: readonly string[];
  readonly upper?: {
    readonly directory: string;
    readonly work: string;
    /** Whether it is thrown away: then nothing waits for the disk, and what a crash of the machine leaves is useless. */
    readonly volatile?: boolean;
  };
}

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const CLOEXEC = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

/** Mounts an overlay with `userxattr`, for root and non-root alike. */
export function mountOverlay(options: OverlayOptions): void {
  if (!mountByParts(options)) mountByText(options);
}

/**
 * By fsconfig(2), where every lower directory is an option of its own: mount(2) has a single page for all of them,
 * which a deep image overflows. False where the kernel does not know that option (before Linux 6.8).
 */
function mountByParts(options: OverlayOptions): boolean {
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
    if (!setLowers(options.lowers, set)) return false;
    if (options.upper) {
      set('upperdir', options.upper.directory);
      set('workdir', options.upper.work);
    }
    command(FSCONFIG_SET_FLAG, 'userxattr');
    if (options.upper?.volatile) command(FSCONFIG_SET_FLAG, 'volatile');
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
    return true;
  } finally {
    close(context);
  }
}

function setLowers(lowers: readonly string[], set: (key: string, value: string) => number): boolean {
  try {
    for (const lower of lowers.toReversed()) set('lowerdir+', lower);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && error.code === 'EINVAL') return false;
    throw error;
  }
}

/** Bytes that mount(2) takes for all options together, the closing NUL included. */
const PAGE = 4096;

/** By mount(2). Throws an AshlarError when there are too many layers for it. */
export function mountByText({ target, lowers, upper }: OverlayOptions): void {
  const options = [
    `lowerdir=${lowers.toReversed().map(escapePath).join(':')}`,
    ...(upper ? [`upperdir=${escapePath(upper.directory)}`, `workdir=${escapePath(upper.work)}`] : []),
    'userxattr',
    ...(upper?.volatile ? ['volatile'] : []),
  ];
  const data = options.join(',');
  if (Buffer.byteLength(data) >= PAGE) {
    throw new AshlarError(`this kernel cannot mount ${lowers.length} layers at once`, {
      hint: 'choose a store with a shorter path, or use Linux 6.8 or newer, which has no such limit',
    });
  }
  mount({ source: 'overlay', target, type: 'overlay', data });
}

/** Commas end an option, colons a directory. */
function escapePath(path: string): string {
  return path.replaceAll(/[\\:,]/g, '\\$&');
}
