/** Removes from the store what nobody needs any more: blobs, unpacked layers, and what the index knows of them. */
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../oci/index.ts';
import { codeOf } from '../../support/errors.ts';
import { usesOfArtifacts } from '../artifacts/records.ts';
import { clearAbandonedMounts, usesOfMounts } from '../mounts/records.ts';
import { outputsOf } from '../outputs/kept.ts';
import { removeOutdatedSystems } from '../project/systems.ts';
import { repositoryPlaces } from '../repositories/places.ts';
import { usesOfStashes } from '../stash/stashes.ts';
import { listArchives } from '../steps/package-archives.ts';
import { Workshop } from '../workshop.ts';
import { removeAbandoned, removeTree } from './abandoned.ts';
import { claimsOfOthers, type DatedRecord, projectRecords, stopClaims, type Use } from './claims.ts';
import { Store } from './store.ts';

export interface GcOptions {
  /** Directory of the store. */
  readonly store: string;
  /** Milliseconds: what was used since then stays. */
  readonly olderThan: number;
  /** Bytes: if more than that is left, what was used longest ago goes until it fits. */
  readonly maxSize?: number | undefined;
  /** Everything goes that no running build uses, also what projects used in their last build. */
  readonly all: boolean;
  /** Only find out what would go. */
  readonly dryRun: boolean;
}

/** A blob, an unpacked layer, a file made of a tree, a clone of a repository, the files of a commit, or a package. */
export interface StoredThing {
  readonly use: Use;
  readonly path: string;
  /** Bytes that go with it. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
}

export interface GcResult {
  /** What went, or would go; the longest unused first. */
  readonly removed: readonly StoredThing[];
  /** Bytes that are left. */
  readonly left: number;
}

/**
 * Removes blobs and unpacked layers that no project's last build used. Beside running builds, which keep what they use;
 * killed at any time, it leaves nothing behind that the next build or collection does not see to.
 * @throws AshlarError when the store is not ours.
 */
export async function collectGarbage(
  options: GcOptions,
  warn: (text: string) => void,
  signal: AbortSignal,
): Promise<GcResult> {
  using store = new Store(options.store);
  await using workshop = new Workshop(store, warn);
  if (!removeAbandoned(store.temporaries)) await workshop.call('close', null, { signal });
  clearAbandonedMounts(store.path);
  if (!options.dryRun) removeOutdatedSystems(store.path);

  // Looking takes long, so others may go on meanwhile; what they begin to use is left alone at the end.
  const directories = [...listTrees(store), ...listOutputs(store), ...listRepositories(store)];
  const paths = directories.map(({ path }) => path);
  // Trees have files of owners and modes that only uid 0 of our namespaces can look at.
  const sizes = paths.length === 0 ? [] : await workshop.call('measure', paths, { signal });
  const measured = directories.map((thing, i) => ({ ...thing, size: sizes[i] ?? 0 }));
  const things = [...listBlobs(store), ...listPackages(store), ...measured];
  const removed = options.dryRun ? choose(things, store, options) : remove(things, store, options);
  const trash = trashOf(store);
  if (!removeTree(trash)) await workshop.call('remove', [trash], { signal });
  return { removed, left: sizeOf(things) - sizeOf(removed) };
}

function listBlobs(store: Store): readonly StoredThing[] {
  const directory = join(store.path, 'blobs');
  return readdirSync(directory).flatMap(algorithm =>
    readdirSync(join(directory, algorithm)).flatMap(hex => {
      const digest = `${algorithm}:${hex}`;
      return isDigest(digest) ? thingAt(join(directory, algorithm, hex), `blob ${digest}`) : [];
    }),
  );
}

function listTrees(store: Store): readonly StoredThing[] {
  return readdirSync(store.snapshots).flatMap(name => {
    const digest = name.replace('-', ':');
    return isDigest(digest) ? thingAt(join(store.snapshots, name), `tree ${digest}`) : [];
  });
}

function listOutputs(store: Store): readonly StoredThing[] {
  const directory = outputsOf(store);
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap(key => thingAt(join(directory, key), `output ${key}`));
}

function listPackages(store: Store): readonly StoredThing[] {
  return listArchives(store).flatMap(({ name, path }) => thingAt(path, `package ${name}`));
}

function listRepositories({ path }: Store): readonly StoredThing[] {
  const { clones, checkouts } = repositoryPlaces(path);
  const kinds = [
    ['repository', clones],
    ['checkout', checkouts],
  ] as const;
  return kinds.flatMap(([kind, directory]) => {
    if (!existsSync(directory)) return [];
    const names = readdirSync(directory).filter(name => /^[0-9a-f]+$/.test(name));
    return names.flatMap(name => thingAt(join(directory, name), `${kind} ${name}`));
  });
}

/** Nothing when it has just gone. */
function thingAt(path: string, use: Use): readonly StoredThing[] {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (!status) return [];
  const { blocks, nlink, mtimeMs, ctimeMs } = status;
  // A blob that is linked into an OCI layout stays on the disk.
  return [
    {
      use,
      path,
      size: nlink > 1 ? 0 : blocks * 512,
      lastUsed: Math.max(mtimeMs, ctimeMs),
    },
  ];
}

/** What is to go, the longest unused first. */
function choose(things: readonly StoredThing[], store: Store, options: GcOptions): readonly StoredThing[] {
  const { all, olderThan, maxSize = Number.POSITIVE_INFINITY } = options;
  // In this order: a build lets its claims go when its record is written, and so does who mounts an image.
  const claimed = new Set([
    ...claimsOfOthers(store.temporaries, store.temporary),
    ...usesOfMounts(store.path),
    ...usesOfArtifacts(store.path),
    ...usesOfStashes(store.path),
  ]);
  const records = projectRecords(store.path);
  const lastBuilds = new Set(all ? [] : records.flatMap(({ last, uses }) => (last ? uses : [])));
  const dates = datesOf(records);
  const candidates = things
    .map(thing => ({ ...thing, lastUsed: Math.max(thing.lastUsed, dates.get(thing.use) ?? 0) }))
    .filter(({ use }) => !claimed.has(use) && !lastBuilds.has(use))
    .sort((a, b) => a.lastUsed - b.lastUsed);
  let size = sizeOf(things);
  return candidates.filter(thing => {
    const tooMuch = size > maxSize && thing.size > 0;
    if (!all && !tooMuch && thing.lastUsed > Date.now() - olderThan) return false;
    size -= thing.size;
    return true;
  });
}

/** When what the records name was used last. */
function datesOf(records: readonly DatedRecord[]): ReadonlyMap<Use, number> {
  const dates = new Map<Use, number>();
  for (const { uses, built } of records)
    for (const use of uses) dates.set(use, Math.max(built, dates.get(use) ?? 0));
  return dates;
}

/** Takes things out of the store while nobody can begin to use them. */
function remove(things: readonly StoredThing[], store: Store, options: GcOptions): readonly StoredThing[] {
  using _stopped = stopClaims(store.path);
  const going = choose(things, store, options);
  const before = options.all ? Date.now() : Date.now() - options.olderThan;
  const [kept, outdated] = split(projectRecords(store.path), ({ last, built }) => last || built >= before);
  store.database.forget({
    blobs: namesOf(
      'blob',
      going.map(({ use }) => use),
    ),
    steps: new Set(options.all ? [] : kept.flatMap(({ uses }) => namesOf('step', uses))),
    before,
  });
  // What the index does not know any more, nobody misses.
  const trash = trashOf(store);
  mkdirSync(trash);
  for (const [i, { path }] of going.entries()) moveAway(path, join(trash, String(i)));
  for (const { path } of outdated) rmSync(path, { force: true });
  return going;
}

function namesOf(kind: 'blob' | 'step', uses: readonly Use[]): readonly string[] {
  return uses.filter(use => use.startsWith(`${kind} `)).map(use => use.slice(kind.length + 1));
}

function split<T>(values: readonly T[], test: (value: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [values.filter(test), values.filter(value => !test(value))];
}

function isDigest(text: string): text is Digest {
  return /^sha(256|512):[0-9a-f]+$/.test(text);
}

function trashOf(store: Store): string {
  return join(store.temporary, 'trash');
}

/** Another collection may have been quicker. */
function moveAway(path: string, target: string): void {
  try {
    renameSync(path, target);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function sizeOf(things: readonly StoredThing[]): number {
  return things.reduce((sum, { size }) => sum + size, 0);
}
