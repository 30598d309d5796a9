/** The file systems that directories of ours are on: what they can, and how much room there is. */
import { existsSync, realpathSync, statfsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { decimalSize } from '../size.ts';
import type { Finding } from './finding.ts';

/** Magic numbers of statfs(2) for file systems that people have. */
const NAMES: Readonly<Record<number, string>> = {
  26985: 'NFS',
  61267: 'EXT4',
  1481003842: 'XFS',
  2435016766: 'BTRFS',
  16914836: 'TMPFS',
  2035054128: 'OVERLAYFS',
  801189825: 'ZFS',
  1702057286: 'FUSE',
};

/** Bytes; an unpacked base alone takes a few hundred megabytes. */
const LITTLE_SPACE = 2_000_000_000;

export interface FileSystem {
  /** `EXT4(ef53)` */
  readonly name: string;
  readonly isNfs: boolean;
  readonly isOverlay: boolean;
  /** Bytes for a plain user. */
  readonly free: number;
}

/** What a directory is on, or will be on when it is made. */
export function fileSystemOf(path: string): FileSystem {
  const { type, bavail, bsize } = statfsSync(existingParent(path));
  // The kernel's number has 32 bits; some platforms hand it out with a sign.
  const magic = type >>> 0;
  const name = NAMES[magic] ?? 'UNKNOWN';
  return {
    name: `${name}(${magic.toString(16)})`,
    isNfs: name === 'NFS',
    isOverlay: name === 'OVERLAYFS',
    free: bavail * bsize,
  };
}

export const STORE_CURE = 'choose a directory on a local disk with --store or ASHLAR_STORE';

/** The store holds trees and a database: neither works everywhere. */
export function findStore(path: string): Finding {
  const unfit = unfitStore(path);
  if (unfit === undefined) return findSpace('store', path);
  return { subject: 'store', state: 'missing', detail: unfit, cure: STORE_CURE, required: true };
}

/** Why layers cannot be put together in a store on this file system. */
export function unfitStore(path: string): string | undefined {
  const { isNfs, isOverlay } = fileSystemOf(path);
  if (isNfs) return `the store ${path} is on NFS, where layers cannot be unpacked`;
  return isOverlay ? `can't create overlay whiteout on underlying overlayfs in ${path}` : undefined;
}

export function findRoots(path: string): Finding {
  const refused = { subject: 'roots-dir', state: 'missing', required: true } as const;
  const real = realPath(path);
  if (real !== path) {
    const detail = `${path}: roots dir (--roots-dir) path uses symbolic links, use "${real}" instead`;
    return { ...refused, detail };
  }
  if (fileSystemOf(path).isNfs) {
    const detail = `roots dir (--roots-dir) path ${path} is not supported on NFS.`;
    return { ...refused, detail, cure: 'choose a directory on a local disk' };
  }
  return findSpace('roots-dir', path);
}

function findSpace(subject: string, path: string): Finding {
  const { name, free } = fileSystemOf(path);
  const detail = `${path} ${name}, ${decimalSize(free)} free`;
  return free < LITTLE_SPACE
    ? { subject, state: 'degraded', detail, cure: 'free some space or choose another disk', required: true }
    : { subject, state: 'ok', detail, required: true };
}

function realPath(path: string): string {
  const parent = existingParent(path);
  return join(realpathSync(parent), relative(parent, path));
}

function existingParent(path: string): string {
  return existsSync(path) ? path : existingParent(dirname(path));
}
