/** Images mounted where people see them: unpacked layers, and verified file systems, below one overlay. */
import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { makeHarmless, unmount, unmountIdle } from '../../linux/index.ts';
import { mountTree } from '../../sandbox/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import type { BuildOptions } from '../context.ts';
import type { EventSink } from '../events.ts';
import { openNamed } from '../images/open.ts';
import { lowerDirectories } from '../inside/tree.ts';
import { looking } from '../keys/looking.ts';
import { mountLowers, prepareLowers } from './lowers.ts';
import {
  clearPlace,
  holdMounts,
  isElsewhere,
  isVisible,
  type MountRecord,
  markOf,
  mountedIn,
  placeOf,
  readRecord,
  writeRecord,
} from './records.ts';

export interface MountOrder {
  /** As in `openNamed`. */
  readonly image: string;
  /** Where the tree is to be seen; an existing directory. */
  readonly directory: string;
  /** A directory that keeps what is changed in the tree, which is read-only without it. */
  readonly writable?: string | undefined;
}

/**
 * Mounts the tree of an image at a directory, where it stays until `unmountImage`, whatever becomes of this process.
 * @throws AshlarError for who is not root, when an image is mounted there already, or when a layer is not what its root
 * hash says.
 */
export async function mountImage(
  { image, directory, writable }: MountOrder,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<void> {
  const target = directoryAt(directory);
  const changes = writable === undefined ? undefined : changesIn(writable);
  if (process.getuid?.() !== 0) {
    throw new AshlarError('only root can mount an image where others see it', {
      hint: `ashlar chroot ${image} gives a shell in its tree, ashlar grab copies files out of it`,
    });
  }
  await looking(options, emit, signal, async context => {
    const { layers } = await openNamed(image, context);
    await prepareLowers(layers, context);
    using _ours = holdMounts(context.store.path);
    const place = placeOf(context.store.path, target);
    checkFree(mountedIn(context.store.path), target, changes);
    clearPlace(place);
    const found = { target, image, ...(changes && { scratch: changes.scratch }) };
    // Before anything is mounted: whatever happens then can be undone.
    writeRecord(place, { ...found, uses: [] });
    try {
      const lowers = await mountLowers(layers, join(place, 'layers'), context);
      writeRecord(place, { ...found, uses: lowers.map(({ use }) => use) });
      mountAt(target, lowerDirectories(lowers, join(place, 'repairs')), place, changes);
    } catch (error) {
      if (isVisible(place, target)) unmount(target);
      clearPlace(place);
      throw error;
    }
  });
}

/** overlayfs does not say what happens when two trees have their changes in one place. */
function checkFree(mounted: readonly MountRecord[], target: string, changes: Changes | undefined): void {
  for (const record of mounted) {
    if (record.target !== target && (changes === undefined || record.scratch !== changes.scratch)) continue;
    const text =
      record.target === target
        ? `${record.image} is mounted at ${target} already`
        : `${record.image} is mounted at ${record.target}, with its changes in the same directory`;
    throw new AshlarError(text, { hint: `unmount it first: ashlar umount ${record.target}` });
  }
}

interface Changes {
  readonly upper: string;
  /** overlayfs needs a directory of its own on the file system of the changes. */
  readonly scratch: string;
}

function changesIn(writable: string): Changes {
  const directory = directoryAt(writable);
  return { upper: join(directory, 'upper'), scratch: join(directory, '.ashlar-overlay') };
}

function mountAt(
  target: string,
  lowers: readonly string[],
  place: string,
  changes: Changes | undefined,
): void {
  for (const directory of [markOf(place), ...(changes ? [changes.upper] : [])])
    mkdirSync(directory, { recursive: true });
  const scratch = join(place, 'overlay');
  mountTree({ lowers: [markOf(place), ...lowers], target, scratch, ...changes });
  makeHarmless(target);
}

/**
 * Unmounts an image, and all that was mounted for it; also after the one who mounted it was killed on the way.
 * @throws AshlarError when none is mounted there, or somebody uses it.
 */
export function unmountImage(directory: string, store: string): void {
  const nothing = () => new AshlarError(`no image is mounted at ${directory}`);
  if (!existsSync(store)) throw nothing();
  const target = whereMounted(directory);
  using _ours = holdMounts(store);
  const place = placeOf(store, target);
  if (!existsSync(place)) throw nothing();
  const record = readRecord(place);
  if (record && isElsewhere(record)) {
    throw new AshlarError(`${record.image} is mounted at ${directory} in another mount namespace`, {
      hint: 'unmount it there',
    });
  }
  if (isVisible(place, target)) unmountUnused(target, directory);
  clearPlace(place);
}

function unmountUnused(target: string, directory: string): void {
  try {
    unmountIdle(target);
  } catch (cause) {
    if (codeOf(cause) !== 'EBUSY') throw cause;
    throw new AshlarError(`${directory} is in use`, {
      cause,
      hint: `somebody works in it or has a file of it open: fuser -vm ${directory} shows who`,
    });
  }
}

function directoryAt(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new AshlarError(`${path} is not a directory`, { hint: 'make it first' });
  return realpathSync(path);
}

/** The real path of a directory at which something may be mounted that does not answer. */
function whereMounted(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    const path = resolve(directory);
    return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path;
  }
}
