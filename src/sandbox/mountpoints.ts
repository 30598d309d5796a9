/**
 * Mount points that a tree lacks. They are made in a throw-away layer on top of the tree's own layers, so that nothing
 * that ashlar creates for mounting ever gets into a result (stacker leaks /proc, /sys, /etc/resolv.conf, …).
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AT_FDCWD, O_PATH, openAt, openBeneath } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { copyDirectoryAttributes } from './attributes.ts';

export interface MountPoint {
  /** Absolute path in the tree. */
  readonly path: string;
  readonly kind: 'directory' | 'file';
}

/** A mount point with the symbolic links of the tree followed: where the mount really happens. */
export interface ResolvedMountPoint extends MountPoint {
  readonly exists: boolean;
}

const LINKS_AT_MOST = 40;

/**
 * Where `point` is in the tree mounted at `root`, every symbolic link followed inside the tree. `purpose` is for errors.
 * @throws AshlarError when the path runs through something that is not a directory, or is of the other kind.
 */
export function resolveMountPoint(root: string, point: MountPoint, purpose = 'mount on'): ResolvedMountPoint {
  const pending = point.path.split('/').filter(part => part !== '' && part !== '.');
  const resolved: string[] = [];
  // So many of them are there. What is behind a missing one is not looked for, until `..` leads back.
  let there = 0;
  let links = 0;
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    if (part === '..') {
      resolved.pop();
      there = Math.min(there, resolved.length);
      continue;
    }
    const entry: Stats | undefined =
      there === resolved.length ? lstatOrMissing(join(root, ...resolved, part)) : undefined;
    if (entry?.isSymbolicLink()) {
      if (++links > LINKS_AT_MOST)
        throw new AshlarError(`too many symbolic links on the way to ${point.path} in the image`);
      const target = readlinkSync(join(root, ...resolved, part));
      if (target.startsWith('/')) resolved.length = 0;
      there = resolved.length;
      pending.unshift(...target.split('/').filter(name => name !== '' && name !== '.'));
      continue;
    }
    resolved.push(part);
    if (entry) there += 1;
    const wanted = pending.length > 0 ? 'directory' : point.kind;
    if (entry && entry.isDirectory() !== (wanted === 'directory')) {
      throw new AshlarError(
        `cannot ${purpose} ${point.path}: /${resolved.join('/')} in the image is not a ${wanted}`,
      );
    }
  }
  return { path: `/${resolved.join('/')}`, kind: point.kind, exists: there === resolved.length };
}

function lstatOrMissing(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes the points that do not exist in the tree at `root` below `layer`. Directories above them that the tree has
 * are made as twins: as the top layer they decide mode, owner and times of the merged directory.
 */
export function makeMountPoints(root: string, layer: string, points: readonly ResolvedMountPoint[]): void {
  copyDirectoryAttributes(root, layer);
  const made: string[] = [];
  for (const { path, kind } of points) {
    makeParents(root, layer, dirname(path), made);
    if (kind === 'directory') mkdirSync(join(layer, path), { recursive: true, mode: 0o755 });
    else writeFileSync(join(layer, path), '', { mode: 0o644 });
  }
  // Making an entry changes its directory's time, so the deepest are set right first.
  for (const path of made.toReversed()) copyDirectoryAttributes(join(root, path), join(layer, path));
  copyDirectoryAttributes(root, layer);
}

function makeParents(root: string, layer: string, path: string, made: string[]): void {
  if (path === '/' || lstatOrMissing(join(layer, path))) return;
  makeParents(root, layer, dirname(path), made);
  mkdirSync(join(layer, path), { mode: 0o755 });
  if (lstatOrMissing(join(root, path))) made.push(path);
}

/**
 * Opens a mount point in the tree, refusing symbolic links: its path was resolved, so a link there now is a trick.
 * Mounting on `/proc/self/fd/<fd>` then cannot be led elsewhere.
 */
export function openMountPoint(root: string, path: string): number {
  const rootFd = openAt(AT_FDCWD, root, O_PATH | constants.O_DIRECTORY);
  try {
    const fd = openBeneath(rootFd, `.${path}`, O_PATH);
    if (fstatSync(fd).isSymbolicLink())
      throw new AshlarError(`the mount point ${path} became a symbolic link`);
    return fd;
  } finally {
    closeSync(rootFd);
  }
}
