/** Where stashes are kept: an OCI layout for each name, whose blobs are also those of the store. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLock, lockFile } from '../../linux/index.ts';
import {
  type Descriptor,
  type Digest,
  type Layout,
  type Manifest,
  openLayout,
  refName,
  type TagEntry,
} from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { pause } from '../../support/pause.ts';
import type { Use } from '../store/claims.ts';

/** Annotations of a manifest that say which description the tree has. */
export const DESCRIPTION = {
  name: 'dev.ashlar.stash.description.name',
  version: 'dev.ashlar.stash.description.version',
  /** Of its file. */
  digest: 'dev.ashlar.stash.description.digest',
} as const;

export function stashHome(store: string): string {
  return join(store, 'stashes');
}

export function stashPath(store: string, name: string): string {
  return join(stashHome(store), name);
}

/** The names of all stashes, sorted, whether they can be used or not. */
export function stashNames(store: string): readonly string[] {
  const home = stashHome(store);
  if (!existsSync(home)) return [];
  return readdirSync(home)
    .filter(name => existsSync(join(home, name, 'oci-layout')))
    .sort();
}

/** Undefined where there is no stash of that name. @throws AshlarError when it is damaged. */
export async function findStash(store: string, name: string): Promise<Layout | undefined> {
  const path = stashPath(store, name);
  return existsSync(join(path, 'oci-layout')) ? openLayout(path) : undefined;
}

/** What the stash was when it was last made: a tag that is set goes to the end. */
export async function newestOf(layout: Layout): Promise<TagEntry | undefined> {
  return (await layout.tags()).at(-1);
}

/** Keeps all others from changing the stash until it is disposed of. */
export async function lockStash(store: string, name: string, signal: AbortSignal): Promise<FileLock> {
  mkdirSync(stashHome(store), { recursive: true, mode: 0o700 });
  const path = join(stashHome(store), `.${name}.lock`);
  for (;;) {
    const lock = lockFile(path, { mode: 'exclusive', wait: false });
    if (lock) return lock;
    await pause(PAUSE, signal);
  }
}

/** Milliseconds between two tries to get the lock. */
const PAUSE = 50;

/** The blobs that stashes are made of: they must not be removed from the store. */
export function usesOfStashes(store: string): readonly Use[] {
  return stashNames(store).flatMap(name =>
    blobsOf(stashPath(store, name)).map(digest => `blob ${digest}` as const),
  );
}

/** Of a damaged stash those that can be found. */
function blobsOf(layout: string): readonly Digest[] {
  const index = readDocument<{ manifests?: Descriptor[] }>(join(layout, 'index.json'));
  const tagged = index?.manifests?.filter(({ annotations }) => annotations?.[refName] !== undefined) ?? [];
  return tagged.flatMap(({ digest }) => {
    const manifest = readDocument<Manifest>(join(layout, 'blobs', digest.replace(':', '/')));
    return manifest ? [digest, manifest.config.digest, ...manifest.layers.map(layer => layer.digest)] : [];
  });
}

function readDocument<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** @throws AshlarError */
export function stashNotFound(text: string, places: readonly string[], hint?: string): AshlarError {
  return new AshlarError(`stash not found: ${text}`, {
    hint: hint ?? `looked for it in ${places.join(' and ')}; ashlar system stash --list shows what there is`,
  });
}
