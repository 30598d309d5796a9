/** Files of the store that are found by what they hash to. */
import { open } from 'node:fs/promises';
import type { ChecksumAlgorithm } from '../../plan/checksums.ts';
import type { Checksums } from '../../plan/types.ts';
import { algorithmsOf, type KnownChecksums, Summing } from '../sources/checksums.ts';
import { checksumsOfFile } from '../sources/identity.ts';
import type { Store } from '../store/store.ts';

/** A file whose content was verified. */
export interface StoredFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly checksums: KnownChecksums;
}

/** A temporary file of the store. */
export interface TakenFile {
  readonly temporary: string;
  readonly size: number;
  readonly checksums: KnownChecksums;
}

/** Writes bytes to a temporary file and hashes them on the way. */
export async function takeFile(
  bytes: AsyncIterable<Uint8Array>,
  algorithms: readonly ChecksumAlgorithm[],
  store: Store,
): Promise<TakenFile> {
  const temporary = store.temporaryPath('download');
  const summing = new Summing(algorithms);
  let size = 0;
  await using file = await open(temporary, 'wx', 0o644);
  // Images get its mode, whatever the mask of whoever fetched it.
  await file.chmod(0o644);
  for await (const chunk of bytes) {
    summing.update(chunk);
    size += chunk.length;
    await file.writeFile(chunk);
  }
  return { temporary, size, checksums: summing.end() };
}

/** Makes a blob of a temporary file, to be found again under each of its checksums. */
export async function keepFile({ temporary, size, checksums }: TakenFile, store: Store): Promise<StoredFile> {
  const digest = `sha256:${checksums.sha256}` as const;
  await store.placeBlob(digest, temporary);
  remember({ size, checksums }, store);
  return { path: store.blobPath(digest), size, checksums };
}

/** The file of the strongest of these checksums, with all of them known. The others may differ. */
export async function recallFile(wanted: Checksums, store: Store): Promise<StoredFile | undefined> {
  const [strongest] = algorithmsOf(wanted);
  if (strongest === undefined) return undefined;
  const key = keyFor(strongest, wanted[strongest] ?? '');
  const known = store.database.recall('lookups', key) as Omit<StoredFile, 'path'> | undefined;
  return known && fileOf(known, wanted, store);
}

/** A blob that is known to be a file, with these checksums known; undefined when it is not there any more. */
export async function fileOf(
  { size, checksums }: Omit<StoredFile, 'path'>,
  wanted: Checksums,
  store: Store,
): Promise<StoredFile | undefined> {
  const digest = `sha256:${checksums.sha256}` as const;
  if (!(await store.hasBlob({ digest, size }))) return undefined;
  const path = store.blobPath(digest);
  const unknown = algorithmsOf(wanted).filter(algorithm => checksums[algorithm] === undefined);
  if (unknown.length === 0) return { path, size, checksums };
  const all = { ...checksums, ...(await checksumsOfFile(path, unknown)) };
  remember({ size, checksums: all }, store);
  return { path, size, checksums: all };
}

function remember({ size, checksums }: Omit<StoredFile, 'path'>, { database }: Store): void {
  for (const algorithm of algorithmsOf(checksums))
    database.remember('lookups', keyFor(algorithm, checksums[algorithm] ?? ''), { size, checksums });
}

function keyFor(algorithm: ChecksumAlgorithm, value: string): string {
  return `file ${algorithm} ${value}`;
}
