/** From snapshots to the tree of an image, and to a place in it. */
import { closeSync, constants, lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AT_FDCWD, O_PATH, openAt, openIn } from '../../linux/index.ts';
import { copyDirectoryAttributes, mountTree, type Tree } from '../../sandbox/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import type { Snapshot } from './snapshots.ts';

/**
 * The directories to mount, bottom to top. What is below an opaque root is not seen. Directories that a layer implies
 * but does not describe would cover the mode and owner that a lower layer gives them; one more directory on top
 * (`repairs`, made when needed) says again what the lower layer says.
 */
export function lowerDirectories(snapshots: readonly Snapshot[], repairs: string): readonly string[] {
  const bottom = Math.max(
    0,
    snapshots.findLastIndex(snapshot => snapshot.opaqueRoot),
  );
  const visible = snapshots.slice(bottom);
  const described = [...new Set(visible.flatMap(snapshot => snapshot.impliedDirectories))]
    .map(path => ({ path, source: describing(visible, path) }))
    .filter((repair): repair is { path: string; source: string } => repair.source !== undefined);
  for (const { path } of described) mkdirSync(join(repairs, path), { recursive: true });
  // Making a directory changes its parent's time, so parents come last.
  for (const { path, source } of described.sort((a, b) => (a.path < b.path ? 1 : -1))) {
    copyDirectoryAttributes(source, join(repairs, path));
  }
  const trees = visible.map(snapshot => snapshot.tree);
  return described.length > 0 ? [...trees, repairs] : trees;
}

/** The directory `path` in the highest layer that describes it, if it lies below one that only implies it. */
function describing(snapshots: readonly Snapshot[], path: string): string | undefined {
  const implied = snapshots.findLastIndex(snapshot => snapshot.impliedDirectories.includes(path));
  for (const { tree, impliedDirectories } of snapshots.toReversed()) {
    const candidate = join(tree, path);
    const entry = lstatSync(candidate, { throwIfNoEntry: false });
    if (!entry || impliedDirectories.includes(path)) continue;
    const above = snapshots.findIndex(snapshot => snapshot.tree === tree) > implied;
    return entry.isDirectory() && !above ? candidate : undefined;
  }
  return undefined;
}

/** A path of a mounted tree, held open so that nothing can lead it elsewhere. */
export interface Place extends Disposable {
  /** For system calls and child processes of this process. */
  readonly path: string;
}

/**
 * A place in a tree: symbolic links on the way are followed inside the tree; the last component only with `follow`.
 * @throws AshlarError when the way there does not exist.
 */
export function openPlace(tree: Tree, path: string, follow = false): Place {
  const root = openAt(AT_FDCWD, tree.root, O_PATH | constants.O_DIRECTORY);
  try {
    return follow ? placeBehindLinks(root, path) : placeAt(root, path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR')
      throw new AshlarError(`there is no ${path} in the image`, { cause: error });
    throw error;
  } finally {
    closeSync(root);
  }
}

function placeAt(root: number, path: string): Place {
  const parent = openIn(root, dirname(`/${path}`), O_PATH | constants.O_DIRECTORY);
  // The root has no name: without the dot the path would be that of a link of /proc.
  const name = basename(path) || '.';
  return { path: `/proc/self/fd/${parent}/${name}`, [Symbol.dispose]: () => closeSync(parent) };
}

/** A link that leads nowhere is not there. */
function placeBehindLinks(root: number, path: string): Place {
  const target = openIn(root, path, O_PATH);
  try {
    // The kernel tells where in the tree it is: without links, and below the root that it was mounted on.
    const [top, real] = [root, target].map(fd => readlinkSync(`/proc/self/fd/${fd}`));
    if (top === undefined || real === undefined) throw new Error('a descriptor without a path');
    return placeAt(root, top === '/' ? real : real.slice(top.length));
  } finally {
    closeSync(target);
  }
}

/** Mounts the tree of these snapshots read-only below `scratch`, a directory of ours. */
export function mountSnapshots(snapshots: readonly Snapshot[], scratch: string): Tree {
  mkdirSync(scratch, { recursive: true });
  return mountTree({ lowers: lowerDirectories(snapshots, join(scratch, 'repairs')), scratch });
}
