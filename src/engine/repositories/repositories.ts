/**
 * Repositories with modules: one bare clone for each address, and the files of each commit that was asked for, shared by
 * all builds of a user.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type FileLock, lockFile } from '../../linux/index.ts';
import { AshlarError, codeOf, messageOf } from '../../support/errors.ts';
import { pause } from '../../support/pause.ts';
import { canonical } from '../keys/keys.ts';
import { Store } from '../store/store.ts';
import { type Clone, CloneError, fetchCommit, isCommit, openClone, writeFiles } from './clone.ts';
import type { GitOptions } from './git.ts';
import { repositoryPlaces } from './places.ts';

export interface RepositoryOptions extends GitOptions {
  /** Directory of the store. */
  readonly store: string;
  readonly warn: (text: string) => void;
}

/** The files of a commit, to read only. */
export interface CheckedOut {
  /** Absolute. */
  readonly directory: string;
  /** 40 or 64 hexadecimal digits. */
  readonly commit: string;
}

/** Milliseconds between two looks whether another build has done with a clone. */
const PAUSE = 100;

/** Checks repositories out. What was handed out stays until this is disposed of. */
export class Repositories implements Disposable {
  readonly #store: Store;
  readonly #options: RepositoryOptions;
  readonly #places: ReturnType<typeof repositoryPlaces>;
  readonly #asked = new Map<string, Promise<CheckedOut>>();
  /** The end of what was last begun with each clone. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: RepositoryOptions) {
    this.#store = new Store(options.store);
    this.#options = options;
    this.#places = repositoryPlaces(this.#store.path);
    for (const directory of Object.values(this.#places))
      mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /**
   * The files of a branch, tag or commit. A commit that is here is not asked for again; of a branch or tag the commit
   * that is here is used when the repository cannot be had now.
   * @throws AshlarError when it cannot be had.
   */
  checkout(url: string, ref: string): Promise<CheckedOut> {
    const address = addressOf(url);
    const key = canonical([address, ref]);
    const known = this.#asked.get(key);
    if (known) return known;
    const asked = this.#checkout(address, ref, `ref ${key}`);
    this.#asked.set(key, asked);
    return asked;
  }

  async #checkout(url: string, ref: string, key: string): Promise<CheckedOut> {
    refuseOptions(url, ref);
    const here = isCommit(ref) ? this.#find(ref) : undefined;
    if (here) return here;
    const { database } = this.#store;
    try {
      const found = await this.#alone(url, clone => this.#make(clone, ref));
      database.remember('lookups', key, found.commit);
      return found;
    } catch (error) {
      const before = database.recall('lookups', key);
      const old =
        error instanceof CloneError && before !== undefined ? this.#find(String(before)) : undefined;
      if (!old) throw error;
      const reason = error instanceof CloneError ? messageOf(error.cause).split('\n', 1)[0] : '';
      this.#options.warn(
        `${messageOf(error)} (${reason}); using commit ${old.commit}, which was ${ref} before`,
      );
      return old;
    }
  }

  /** The files of a commit, if they are here. */
  #find(commit: string): CheckedOut | undefined {
    this.#store.claim(`checkout ${commit}`);
    const directory = join(this.#places.checkouts, commit);
    if (!existsSync(directory)) return undefined;
    const now = new Date();
    // So long do files stay that nobody has asked for.
    utimesSync(directory, now, now);
    return { directory, commit };
  }

  async #make(clone: Clone, ref: string): Promise<CheckedOut> {
    await openClone(clone, this.#store.temporaryPath('clone'));
    const commit = await fetchCommit(clone, ref);
    const here = this.#find(commit);
    if (here) return here;
    const temporary = this.#store.temporaryPath('checkout');
    mkdirSync(temporary);
    await writeFiles(clone, commit, temporary);
    const directory = join(this.#places.checkouts, commit);
    placeDirectory(temporary, directory);
    return { directory, commit };
  }

  /** Works on the clone of an address while nobody else does: in this process, or in another build. */
  async #alone<T>(url: string, work: (clone: Clone) => Promise<T>): Promise<T> {
    const name = createHash('sha256').update(url).digest('hex').slice(0, 40);
    this.#store.claim(`repository ${name}`);
    const directory = join(this.#places.clones, name);
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(async () => {
      using _lock = await taken(`${directory}.lock`, this.#options.signal);
      // Not before that is done is it somebody else's turn.
      return await work({ directory, url, options: this.#options });
    });
    this.#turns.set(
      name,
      turn.catch(() => undefined),
    );
    return turn;
  }
}

async function taken(path: string, signal: AbortSignal): Promise<FileLock> {
  for (;;) {
    signal.throwIfAborted();
    const lock = lockFile(path, { mode: 'exclusive', wait: false });
    if (lock) return lock;
    await pause(PAUSE, signal);
  }
}

/** Another address may have the same commit, and another build may have been quicker with it. */
function placeDirectory(temporary: string, directory: string): void {
  try {
    renameSync(temporary, directory);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes(codeOf(error) ?? '')) throw error;
  }
}

/** What names the same repository wherever we are started: builds in other directories share the store. */
function addressOf(url: string): string {
  // As git tells paths from `host:path` and addresses.
  return /^(?:-|[^/]*:|$)/.test(url) ? url : resolve(url);
}

/** git would take them for options, or for programs to run. */
function refuseOptions(url: string, ref: string): void {
  if (url.startsWith('-') || /^[\w+.-]+::/.test(url))
    throw new AshlarError(`Could not clone from ${url}`, {
      hint: 'a repository is named by an address of https, ssh, git or file, or by a path',
    });
  if (ref.startsWith('-') || ref === '')
    throw new AshlarError(`Could not checkout from ${ref}`, { hint: 'name a branch, a tag or a commit' });
}
