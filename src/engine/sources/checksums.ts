/** Checksums of files: what is asked for beside what is there. */
import { createHash, type Hash } from 'node:crypto';
import { type ChecksumAlgorithm, checksumAlgorithms } from '../../plan/checksums.ts';
import { nameOfSource } from '../../plan/names.ts';
import type { Checksums, Source } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { hashHint } from './hints.ts';

/** What a file that was read hashes to. */
export type KnownChecksums = Checksums & { readonly sha256: string };

export function algorithmsOf(checksums: Checksums): readonly ChecksumAlgorithm[] {
  return checksumAlgorithms.filter(algorithm => checksums[algorithm] !== undefined);
}

/** Hashes bytes on their way, SHA-256 and whatever else is asked for. */
export class Summing {
  readonly #hashes: ReadonlyMap<ChecksumAlgorithm, Hash>;

  constructor(algorithms: readonly ChecksumAlgorithm[]) {
    const all = new Set<ChecksumAlgorithm>(['sha256', ...algorithms]);
    this.#hashes = new Map([...all].map(algorithm => [algorithm, createHash(algorithm)]));
  }

  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(bytes);
  }

  end(): KnownChecksums {
    const entries = [...this.#hashes].map(([algorithm, hash]) => [algorithm, hash.digest('hex')] as const);
    return { sha256: '', ...Object.fromEntries(entries) };
  }
}

export async function checksumsOf(
  bytes: AsyncIterable<Uint8Array>,
  algorithms: readonly ChecksumAlgorithm[],
): Promise<KnownChecksums> {
  const summing = new Summing(algorithms);
  for await (const chunk of bytes) summing.update(chunk);
  return summing.end();
}

export interface Mismatch {
  readonly algorithm: ChecksumAlgorithm;
  readonly wanted: string;
  readonly actual: string;
}

/** The first checksum that differs; those that are not known do not. */
export function mismatchOf(wanted: Checksums, actual: Checksums): Mismatch | undefined {
  return algorithmsOf(wanted)
    .map(algorithm => ({ algorithm, wanted: wanted[algorithm] ?? '', actual: actual[algorithm] ?? '' }))
    .find(({ wanted, actual }) => actual !== '' && actual !== wanted);
}

/** A file is there, and another one than was asked for. */
export class MismatchError extends AshlarError {}

/** `text` is for front ends that have no words of their own. */
export function mismatchError(source: Source, mismatch: Mismatch, text: string): MismatchError {
  const { at, messages } = source;
  const { algorithm, actual } = mismatch;
  if (messages?.mismatch === undefined) return new MismatchError(text, { at, hint: hashHint(actual) });
  const cause = new AshlarError(mismatchText(nameOfSource(source), mismatch));
  return new MismatchError(messages.mismatch, { at, hint: hashHint(actual, algorithm), cause });
}

export function mismatchText(name: string, { algorithm, wanted, actual }: Mismatch): string {
  return `The ${algorithm} computed for the '${name}' file ('${actual}') doesn't match the '${wanted}' value`;
}
