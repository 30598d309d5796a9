/** Root trees: layers (overlay-ready directories, bottom to top) put together by one overlay mount. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MS, mount, mountOverlay, unmount } from '../linux/index.ts';
import { requireUserXattrs } from './overlay-ground.ts';

export interface TreeOptions {
  /** Overlay-ready directories from the bottom to the top; none for an empty tree. */
  readonly lowers: readonly string[];
  /** An existing directory that collects the changes; without it the tree is read-only. */
  readonly upper?: string;
  /** Whether the changes are thrown away: then unmounting does not wait until they, and all else there, are on the disk. */
  readonly volatile?: boolean;
  /** A directory of ours, on the file system of `upper`, for the mount point and overlayfs's own needs. */
  readonly scratch: string;
  /** A directory that the tree is mounted at instead of one in `scratch`. */
  readonly target?: string;
}

export interface Tree extends Disposable {
  /** Where the tree is mounted. */
  readonly root: string;
}

/**
 * Mounts the tree below `scratch`; disposing unmounts it. Must run inside our own mount namespace, unless people are to
 * see the tree.
 * @throws AshlarError when the file system of `scratch` lacks what changes need.
 */
export function mountTree({ lowers, upper, volatile = false, scratch, target }: TreeOptions): Tree {
  const [work, empty] = [join(scratch, 'work'), join(scratch, 'empty')];
  const root = target ?? join(scratch, 'root');
  for (const directory of [root, work, empty]) mkdirSync(directory, { recursive: true });
  if (upper !== undefined) requireUserXattrs(work);
  if (upper === undefined && lowers.length === 0) {
    mount({ source: empty, target: root, flags: MS.BIND });
  } else {
    // An empty directory at the bottom is invisible, and makes one layer enough where overlayfs wants two.
    mountOverlay({
      target: root,
      lowers: [empty, ...withoutRepeats(lowers)],
      ...(upper === undefined ? {} : { upper: { directory: upper, work, volatile } }),
    });
  }
  return {
    root,
    [Symbol.dispose]: () => {
      unmount(root);
      // overlayfs leaves a directory of mode 000 in there.
      rmSync(work, { recursive: true, force: true });
    },
  };
}

/** overlayfs refuses a directory twice, and need not see it twice: the upper one covers all that the lower one says. */
function withoutRepeats(lowers: readonly string[]): readonly string[] {
  return [...new Set(lowers.toReversed())].reverse();
}
