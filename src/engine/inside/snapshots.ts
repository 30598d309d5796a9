/** Unpacked layers: one directory per diff ID, ready for overlayfs, complete or not there at all. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackLayer } from '../../layers/index.ts';
import { codeOf } from '../../support/errors.ts';
import type { TreeLayer } from './request-parts.ts';
import { clampTimes } from './times.ts';

/** What is known of a snapshot besides its files. */
export interface SnapshotFacts {
  /** Absolute paths of directories that the layer does not describe; below it they decide nothing. */
  readonly impliedDirectories: readonly string[];
  /** Whether the layer hides everything below it (overlayfs does not look at the mark on a root). */
  readonly opaqueRoot: boolean;
}

export interface Snapshot extends SnapshotFacts {
  /** The overlay-ready directory. */
  readonly tree: string;
}

export interface SnapshotsOptions {
  readonly directory: string;
  readonly temporary: string;
  readonly singleId: boolean;
  readonly warn: (text: string) => void;
}

/** The tree of a layer in the directory of all snapshots. */
export function treeIn(snapshots: string, diffId: string): string {
  return join(snapshots, diffId.replace(':', '-'), 'tree');
}

/** The snapshot of a layer, if it is there. Throws when somebody has damaged it. */
export function readSnapshot(snapshots: string, diffId: string): Snapshot | undefined {
  const tree = treeIn(snapshots, diffId);
  if (!existsSync(join(tree, '..'))) return undefined;
  const facts = JSON.parse(readFileSync(join(tree, '../facts.json'), 'utf8')) as SnapshotFacts;
  return { ...facts, tree };
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #running = new Map<string, Promise<Snapshot>>();
  #count = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The snapshots of layers, unpacked side by side where they are missing. */
  ensure(layers: readonly TreeLayer[], signal: AbortSignal): Promise<readonly Snapshot[]> {
    return Promise.all(layers.map(layer => this.#ensureOne(layer, signal)));
  }

  #ensureOne(layer: TreeLayer, signal: AbortSignal): Promise<Snapshot> {
    const known = this.#running.get(layer.diffId);
    if (known) return known;
    const made = this.#open(layer.diffId) ?? this.#unpack(layer, signal);
    const promise = Promise.resolve(made);
    this.#running.set(layer.diffId, promise);
    // Who comes after a failure tries again.
    promise.catch(() => this.#running.delete(layer.diffId));
    return promise;
  }

  #open(diffId: string): Snapshot | undefined {
    try {
      return readSnapshot(this.#options.directory, diffId);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // It is unpacked again.
      this.#remove(diffId);
      return undefined;
    }
  }

  /** At once, and elsewhere bit by bit: another process may be about to do the same, and to publish a good one. */
  #remove(diffId: string): void {
    const temporary = this.#temporaryPath();
    mkdirSync(this.#options.temporary, { recursive: true });
    try {
      renameSync(this.#path(diffId), temporary);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    rmSync(temporary, { recursive: true, force: true });
  }

  async #unpack(layer: TreeLayer, signal: AbortSignal): Promise<Snapshot> {
    const temporary = this.#temporaryPath();
    mkdirSync(temporary, { recursive: true });
    const { blob, compression, diffId } = layer;
    const { impliedDirectories, opaqueRoot, warnings } = await unpackLayer({
      blob,
      compression,
      diffId,
      directory: join(temporary, 'tree'),
      owners: this.#options.singleId ? 'squash' : 'keep',
      signal,
    });
    for (const warning of warnings) this.#options.warn(`${diffId}: ${warning}`);
    return this.#publish(diffId, temporary, { impliedDirectories, opaqueRoot });
  }

  /**
   * Makes the upper directory of a finished step the snapshot of the layer that it became. Times in it are set back to
   * `latest` (seconds since 1970), as in the layer, so that what is built on it does not see when it was made.
   */
  adopt(diffId: string, upper: string, latest: number | undefined): void {
    if (latest !== undefined) clampTimes(upper, latest);
    const temporary = this.#temporaryPath();
    mkdirSync(temporary, { recursive: true });
    renameSync(upper, join(temporary, 'tree'));
    this.#publish(diffId, temporary, { impliedDirectories: [], opaqueRoot: false });
  }

  #publish(diffId: string, temporary: string, facts: SnapshotFacts): Snapshot {
    writeFileSync(join(temporary, 'facts.json'), JSON.stringify(facts));
    const directory = this.#path(diffId);
    try {
      renameSync(temporary, directory);
    } catch (error) {
      // Another build was quicker with the same layer.
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
      rmSync(temporary, { recursive: true });
    }
    return { ...facts, tree: join(directory, 'tree') };
  }

  #path(diffId: string): string {
    return join(this.#options.directory, diffId.replace(':', '-'));
  }

  #temporaryPath(): string {
    this.#count += 1;
    return join(this.#options.temporary, `snapshot-${this.#count}`);
  }
}

/** Not everything for which a snapshot cannot be read is its fault, and others may be using it. */
function isDamage(error: unknown): boolean {
  return error instanceof SyntaxError || codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}
