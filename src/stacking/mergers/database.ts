/** What merging any package database begins with. */
import { AshlarError } from '../../support/errors.ts';
import type { MergeInput, MergeResult, PartView } from '../merger.ts';
import type { Conflict } from '../types.ts';
import { asIn } from './made.ts';
import { NOTHING } from './texts.ts';

/**
 * Merges the database in a directory, of the parts that changed something there; they are all that `merge` gets.
 * There is a database where one of the files `mains` is, the first of which conflicts are about. What `merge` cannot
 * do, and says so in an AshlarError, is a conflict; then the result has the database of the last part, with all its
 * files.
 */
export async function mergeDatabase(
  directory: string,
  mains: readonly [string, ...string[]],
  input: MergeInput,
  merge: (input: MergeInput) => Promise<MergeResult>,
): Promise<MergeResult> {
  const path = `${directory}/${mains[0]}`;
  const paths = input.paths.filter(file => file.startsWith(`${directory}/`));
  const parts = input.parts.filter(part => paths.some(file => part.changed(file)));
  const without = parts.filter(part => mains.every(main => part.entry(`${directory}/${main}`) === undefined));
  if (parts.length < 2 || without.length === parts.length) return NOTHING;
  try {
    if (without.length === 0) return await merge({ ...input, paths, parts });
    const others = parts.filter(part => !without.includes(part));
    const text = `the database: removed in ${namesOf(without)}, changed in ${namesOf(others)}`;
    return await asInTheLast(parts, paths, { kind: 'removed', path, parts: parts.map(nameOf), text });
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    return asInTheLast(parts, paths, { kind: 'merge', path, parts: parts.map(nameOf), text: error.message });
  }
}

async function asInTheLast(
  parts: readonly PartView[],
  paths: readonly string[],
  conflict: Conflict,
): Promise<MergeResult> {
  const last = parts.at(-1);
  const files = paths.filter(path => last?.entry(path)?.type !== 'directory');
  return { files: await Promise.all(files.map(path => asIn(last, path))), conflicts: [conflict] };
}

function nameOf({ name }: PartView): string {
  return name;
}

function namesOf(parts: readonly PartView[]): string {
  return parts.map(nameOf).join(' and ');
}

/** Reads the database of one tree; what is wrong with it is said of that tree. */
export async function readingOf<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(`the database of ${name} cannot be merged: ${error.message}`, { cause: error });
  }
}
