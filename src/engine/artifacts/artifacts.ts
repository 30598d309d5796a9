/** Files that people put into the store by hand, for descriptions that know them by their checksums alone. */
import { randomUUID } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checksumAlgorithms } from '../../plan/checksums.ts';
import type { Checksums } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { FetchOptions } from '../context.ts';
import { mismatchOf, mismatchText } from '../sources/checksums.ts';
import { fetchFile } from '../sources/downloads.ts';
import { Store } from '../store/store.ts';
import { readCekitCache } from './cekit-cache.ts';
import { findArtifact, forgetArtifact, readArtifacts, writeArtifact } from './records.ts';
import { type TakenFile, takeFile } from './stored-files.ts';

export interface ArtifactOptions {
  /** Directory of the store. */
  readonly store: string;
  readonly fetch?: FetchOptions;
}

/** An artifact of the store, or of CEKit's own cache, which is only read. */
export interface ListedArtifact {
  readonly uuid: string;
  readonly names: readonly string[];
  /** All of them where it is ours; what CEKit says otherwise. */
  readonly checksums: Checksums;
  readonly ofCekit: boolean;
}

export interface ArtifactOrder {
  /** Path, or address (`http`, `https`, `file`). */
  readonly location: string;
  /** Lower-case; at least one. */
  readonly checksums: Checksums;
}

/**
 * Puts a file into the store, where it stays until it is removed. Undefined when one with the strongest of the
 * checksums is there already. @throws AshlarError when it cannot be had, or is not what its checksums say.
 */
export async function addArtifact(
  order: ArtifactOrder,
  options: ArtifactOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { location, checksums } = order;
  using store = new Store(options.store);
  if (findArtifact(checksums, listArtifacts(options))) return undefined;
  const taken = await take(location, store, options, signal);
  const mismatch = mismatchOf(checksums, taken.checksums);
  if (mismatch) {
    const cause = new AshlarError(mismatchText(location, mismatch));
    throw new AshlarError('Artifact checksum verification failed!', { cause });
  }
  {
    await using file = await open(taken.temporary);
    await file.datasync();
  }
  // Not remembered in the index as what is downloaded is: whoever removes the artifact does not want it found.
  await store.placeBlob(`sha256:${taken.checksums.sha256}`, taken.temporary);
  const { sha512 = '', sha256, sha1 = '', md5 = '' } = taken.checksums;
  const uuid = randomUUID();
  const names = [basename(location)];
  const artifact = { uuid, names, size: taken.size, checksums: { sha512, sha256, sha1, md5 } };
  writeArtifact(store.path, artifact, store.temporaryPath('artifact'));
  return uuid;
}

/** What was added by hand, and what CEKit has in its own cache, each in the order of the UUIDs. */
export function listArtifacts(options: ArtifactOptions): readonly ListedArtifact[] {
  const { cekitCache } = options.fetch ?? {};
  const theirs = cekitCache === undefined ? [] : readCekitCache(cekitCache);
  return [
    ...readArtifacts(resolve(options.store)).map(artifact => listed(artifact, false)),
    ...theirs.map(artifact => listed(artifact, true)),
  ];
}

/**
 * Forgets an artifact of the store; whether there was one of the UUID. Its bytes go with the next `gc` that nobody
 * needs them after. @throws AshlarError when it is CEKit's.
 */
export function removeArtifact(uuid: string, options: ArtifactOptions): boolean {
  const artifact = listArtifacts(options).find(listed => listed.uuid === uuid);
  if (!artifact) return false;
  if (artifact.ofCekit)
    throw new AshlarError(`the artifact ${uuid} is in CEKit's own cache, which is only read`, {
      hint: `remove it with CEKit: cekit-cache rm ${uuid}`,
    });
  forgetArtifact(resolve(options.store), uuid);
  return true;
}

/** Forgets all artifacts of the store; CEKit's stay. */
export function clearArtifacts(options: ArtifactOptions): void {
  for (const { uuid } of readArtifacts(resolve(options.store))) forgetArtifact(resolve(options.store), uuid);
}

function listed(
  { uuid, names, checksums }: Pick<ListedArtifact, 'uuid' | 'names' | 'checksums'>,
  ofCekit: boolean,
): ListedArtifact {
  return { uuid, names, checksums, ofCekit };
}

async function take(
  location: string,
  store: Store,
  { fetch = {} }: ArtifactOptions,
  signal: AbortSignal,
): Promise<TakenFile> {
  if (/^https?:/i.test(location)) {
    const order = { url: location, algorithms: checksumAlgorithms, image: '' };
    return (await fetchFile(order, { store, signal, emit: () => {}, options: { fetch } })).taken;
  }
  const path = /^file:/i.test(location) ? pathOfAddress(location) : location;
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new AshlarError(`${path} is not a file`);
  return takeFile(createReadStream(path, { highWaterMark: 1 << 20, signal }), checksumAlgorithms, store);
}

function pathOfAddress(location: string): string {
  try {
    return fileURLToPath(location);
  } catch (cause) {
    throw new AshlarError('that is not the address of a file', { cause });
  }
}
