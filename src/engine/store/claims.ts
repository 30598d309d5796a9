/**
 * What a process uses of the store, said before it is used, so that nobody removes it meanwhile; and what the last
 * builds of projects used, so that nobody removes it afterwards.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type FileLock, lockFile } from '../../linux/index.ts';
import type { Digest } from '../../oci/index.ts';
import { codeOf } from '../../support/errors.ts';

/**
 * A blob by its digest, an unpacked layer by its diff ID, what is known of a step by its key, what was made of a tree by
 * its key, the files of a commit, the clone of a repository, a package that was fetched.
 */
export type Use =
  | `blob ${Digest}`
  | `tree ${Digest}`
  | `step ${string}`
  | `output ${string}`
  | `${'checkout' | 'package' | 'repository'} ${string}`;

/** The file in a process's temporary directory that names what it uses, one in a line. */
const CLAIMS = 'claims';

/** What one process uses. */
export class Claims {
  readonly #lock: string;
  readonly #file: string;
  readonly #announced = new Set<string>();
  readonly #used = new Set<Use>();

  constructor(store: string, temporary: string) {
    this.#lock = removalLock(store);
    this.#file = join(temporary, CLAIMS);
  }

  /** To be called before anybody looks whether these are there: from then on they stay. */
  add(uses: readonly Use[]): void {
    for (const use of uses) this.#used.add(use);
    this.#announce(uses);
  }

  /** Keeps what is likely to be used, at the price of one file access for all of it. */
  announce(record: ProjectRecord | undefined): void {
    if (record) this.#announce(record.uses);
  }

  /** Everything that was added, in an order that does not depend on who was first. */
  get used(): readonly Use[] {
    return [...this.#used].sort();
  }

  #announce(uses: readonly string[]): void {
    const fresh = uses.filter(use => !this.#announced.has(use));
    if (fresh.length === 0) return;
    for (const use of fresh) this.#announced.add(use);
    using _lock = waitFor(this.#lock, 'shared');
    appendFileSync(this.#file, fresh.map(use => `${use}\n`).join(''));
  }
}

/** What the last build of some images of a project used. */
export interface ProjectRecord {
  /** The directory of the project's working files. */
  readonly work: string;
  readonly images: readonly string[];
  readonly uses: readonly Use[];
}

/** A record as it was found: when its project was last built, in milliseconds since 1970. */
export interface DatedRecord extends ProjectRecord {
  /** Where it is kept. */
  readonly path: string;
  readonly built: number;
  /** Of all records of a project that still exists, the one of its last build. */
  readonly last: boolean;
}

export function recallProject(
  store: string,
  project: Pick<ProjectRecord, 'work' | 'images'>,
): ProjectRecord | undefined {
  return readRecord(recordPath(store, project));
}

/** Remembers what a build has used; one that used what the one before used only changes the time. */
export function rememberProject(store: string, record: ProjectRecord): void {
  const path = recordPath(store, record);
  const text = JSON.stringify(record);
  using _lock = waitFor(removalLock(store), 'shared');
  if (existsSync(path) && readFileSync(path, 'utf8') === text) {
    const now = new Date();
    utimesSync(path, now, now);
    return;
  }
  mkdirSync(projectsOf(store), { recursive: true });
  const temporary = `${path}.${process.pid}.new`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** The records of all projects. */
export function projectRecords(store: string): readonly DatedRecord[] {
  if (!existsSync(projectsOf(store))) return [];
  const found = readdirSync(projectsOf(store))
    .filter(name => name.endsWith('.json'))
    .flatMap(name => {
      const path = join(projectsOf(store), name);
      const record = readRecord(path);
      return record ? [{ ...record, path, built: statSync(path).mtimeMs }] : [];
    });
  const newest = new Map<string, number>();
  for (const { work, built } of found) newest.set(work, Math.max(built, newest.get(work) ?? 0));
  return found.map(record => ({
    ...record,
    last: existsSync(record.work) && newest.get(record.work) === record.built,
  }));
}

/** Keeps everybody from claiming anything until it is disposed of. */
export function stopClaims(store: string): Disposable {
  return waitFor(removalLock(store), 'exclusive');
}

/** What running processes have claimed. Only while claims are stopped does nothing come to it. */
export function claimsOfOthers(temporaries: string, own: string): ReadonlySet<string> {
  const files = readdirSync(temporaries)
    .map(name => join(temporaries, name))
    .filter(path => path !== own && isRunning(path))
    .map(path => join(path, CLAIMS));
  return new Set(files.flatMap(claimsIn));
}

/** Nothing when there are none, or the process has just ended and taken them along. */
function claimsIn(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Whether the process of a temporary directory holds its lock. */
function isRunning(temporary: string): boolean {
  const path = `${temporary}.lock`;
  if (!existsSync(path)) return false;
  using lock = lockFile(path, { mode: 'exclusive', wait: false });
  return lock === undefined;
}

function removalLock(store: string): string {
  return join(store, 'removal.lock');
}

function waitFor(path: string, mode: 'exclusive' | 'shared'): FileLock {
  const lock = lockFile(path, { mode, wait: true });
  if (!lock) throw new Error('a lock that waits was not granted');
  return lock;
}

function projectsOf(store: string): string {
  return join(store, 'projects');
}

function recordPath(store: string, { work, images }: Pick<ProjectRecord, 'work' | 'images'>): string {
  const name = createHash('sha256')
    .update(JSON.stringify([work, images]))
    .digest('hex');
  return join(projectsOf(store), `${name}.json`);
}

/** Undefined when there is none, or a damaged one. */
function readRecord(path: string): ProjectRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
