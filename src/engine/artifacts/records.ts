/**
 * What people have put into the store by hand, as files beside the index: the index may be begun anew at any time, and
 * nobody could find these out again.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checksums } from '../../plan/types.ts';
import { codeOf } from '../../support/errors.ts';
import { algorithmsOf } from '../sources/checksums.ts';
import type { Use } from '../store/claims.ts';

export interface KeptArtifact {
  readonly uuid: string;
  readonly names: readonly string[];
  /** Bytes. */
  readonly size: number;
  readonly checksums: Required<Checksums>;
}

/** In the order of their UUIDs. */
export function readArtifacts(store: string): readonly KeptArtifact[] {
  return namesIn(directoryOf(store))
    .filter(name => name.endsWith('.json'))
    .sort()
    .flatMap(name => readRecord(join(directoryOf(store), name)));
}

/** Nothing when somebody has just removed it. */
function readRecord(path: string): readonly KeptArtifact[] {
  try {
    return [JSON.parse(readFileSync(path, 'utf8')) as KeptArtifact];
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Whole or not at all, whenever we are killed; `temporary` is a name for that, of the store. */
export function writeArtifact(store: string, artifact: KeptArtifact, temporary: string): void {
  mkdirSync(directoryOf(store), { recursive: true, mode: 0o700 });
  writeFileSync(temporary, JSON.stringify(artifact), { flush: true });
  renameSync(temporary, pathOf(store, artifact.uuid));
}

export function forgetArtifact(store: string, uuid: string): void {
  rmSync(pathOf(store, uuid), { force: true });
}

/** The one that has the strongest of these checksums. */
export function findArtifact<A extends { readonly checksums: Checksums }>(
  wanted: Checksums,
  artifacts: readonly A[],
): A | undefined {
  const [strongest] = algorithmsOf(wanted);
  if (strongest === undefined) return undefined;
  return artifacts.find(({ checksums }) => checksums[strongest] === wanted[strongest]);
}

/** What must not be removed from the store. */
export function usesOfArtifacts(store: string): readonly Use[] {
  return readArtifacts(store).map(({ checksums }) => `blob sha256:${checksums.sha256}` as const);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function directoryOf(store: string): string {
  return join(store, 'artifacts');
}

function pathOf(store: string, uuid: string): string {
  return join(directoryOf(store), `${uuid}.json`);
}
