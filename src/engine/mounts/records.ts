/**
 * Which images are mounted where, kept in the store: mounts outlive the process that made them, and what they are made
 * of must stay as long.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { lockFile } from '../../linux/index.ts';
import { overlayAt, releaseMounts } from '../../sandbox/index.ts';
import type { Use } from '../store/claims.ts';

/** An image that is mounted, or is about to be. */
export interface MountRecord {
  /** Real path of the directory where people see it. */
  readonly target: string;
  /** As it was named. */
  readonly image: string;
  /** What of the store the tree is made of. */
  readonly uses: readonly Use[];
  /** A directory of ours outside the store, beside the changes. */
  readonly scratch?: string;
  /** Where the mounts are to be seen: this boot of the machine, and this namespace. */
  readonly boot: string;
  readonly namespace: string;
}

/** Keeps everybody else from mounting and unmounting until it is disposed of. */
export function holdMounts(store: string): Disposable {
  mkdirSync(placesIn(store), { recursive: true, mode: 0o700 });
  const lock = lockFile(join(placesIn(store), '.lock'), { mode: 'exclusive', wait: true });
  if (!lock) throw new Error('a lock that waits was not granted');
  return lock;
}

/** The directory in the store for what the mounts of a target need, whether it is there or not. */
export function placeOf(store: string, target: string): string {
  return join(placesIn(store), createHash('sha256').update(target).digest('hex').slice(0, 32));
}

/** Says what is about to be mounted; makes the place where it is not there yet. */
export function writeRecord(place: string, record: Omit<MountRecord, 'boot' | 'namespace'>): void {
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const complete: MountRecord = { ...record, boot: thisBoot(), namespace: thisNamespace() };
  writeFileSync(recordIn(place), JSON.stringify(complete));
}

/** Undefined when nothing is mounted, or a process was killed before it had mounted anything. */
export function readRecord(place: string): MountRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordIn(place), 'utf8')) as MountRecord;
  } catch {
    return undefined;
  }
}

/**
 * A directory of the place that is the lowest of the tree: whatever else is mounted at the target, a tree with it is
 * ours.
 */
export function markOf(place: string): string {
  return join(place, 'bottom');
}

/** Whether the tree of a place is to be seen at its target. */
export function isVisible(place: string, target: string): boolean {
  // Paths are escaped there, but a name of hexadecimal digits needs none of that.
  return overlayAt(target)?.includes(`${basename(place)}/bottom`) ?? false;
}

/** Whether the tree of a record may be there, here or where nobody can look from here. */
function isMounted(place: string, record: MountRecord): boolean {
  return record.boot === thisBoot() && (isElsewhere(record) || isVisible(place, record.target));
}

/** Whether it was mounted in another mount namespace. */
export function isElsewhere({ boot, namespace }: MountRecord): boolean {
  return boot === thisBoot() && namespace !== thisNamespace();
}

/** The mounts that may be there. */
export function mountedIn(store: string): readonly MountRecord[] {
  return placesWithin(store).flatMap(place => {
    const record = readRecord(place);
    return record && isMounted(place, record) ? [record] : [];
  });
}

/** Undoes what is left of mounts whose tree is not there any more. */
export function clearPlace(place: string): void {
  if (!existsSync(place)) return;
  releaseMounts(place);
  const scratch = readRecord(place)?.scratch;
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  rmSync(place, { recursive: true, force: true });
}

/** Clears up after trees that others have unmounted, or that went with the machine. */
export function clearAbandonedMounts(store: string): void {
  if (placesWithin(store).length === 0) return;
  using _ours = holdMounts(store);
  for (const place of placesWithin(store)) {
    const record = readRecord(place);
    if (!record || !isMounted(place, record)) clearPlace(place);
  }
}

/** What mounted trees are made of. Whoever mounts has claimed it for himself before. */
export function usesOfMounts(store: string): readonly Use[] {
  return placesWithin(store).flatMap(place => readRecord(place)?.uses ?? []);
}

function placesIn(store: string): string {
  return join(realpathSync(store), 'mounts');
}

function placesWithin(store: string): readonly string[] {
  const directory = placesIn(store);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter(name => name !== '.lock')
    .map(name => join(directory, name));
}

function recordIn(place: string): string {
  return join(place, 'record.json');
}

function thisBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function thisNamespace(): string {
  return readlinkSync('/proc/self/ns/mnt');
}
