import { resolve } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { type Origin, readStackerFile, type StackerFile } from './file.ts';
import type { StackerOptions } from './options.ts';
import { readSubstitutions } from './substitute.ts';

/**
 * The given files and all their prerequisites, each read once, in build order: a file comes after its prerequisites,
 * and else files are in the order of their absolute paths.
 */
export async function readFiles(options: StackerOptions): Promise<StackerFile[]> {
  const substitutions = await readSubstitutions(options);
  const files = new Map<string, StackerFile>();
  const pending: { path: string; origin: Origin }[] = options.files.map(typed => ({
    path: resolve(options.cwd, typed),
    origin: { typed },
  }));
  // Appended to while it is walked: the prerequisites come after what the user typed.
  for (const { path, origin } of pending) {
    if (files.has(path)) continue;
    const file = await readStackerFile(path, origin, substitutions, options);
    files.set(path, file);
    pending.push(
      ...file.prerequisites.map(prerequisite => ({ path: prerequisite.path, origin: { prerequisite } })),
    );
  }
  checkCycles(files);
  return sortFiles([...files.values()]);
}

/** The prerequisites of a file, theirs included. */
export function prerequisitesOf(file: StackerFile, files: readonly StackerFile[]): StackerFile[] {
  const found = new Set(file.prerequisites.map(({ path }) => path));
  // A set that grows while it is walked visits what is added.
  for (const path of found) {
    for (const { path: next } of files.find(other => other.path === path)?.prerequisites ?? [])
      found.add(next);
  }
  return files.filter(({ path }) => found.has(path));
}

function checkCycles(files: ReadonlyMap<string, StackerFile>): void {
  const finished = new Set<string>();
  const visit = (file: StackerFile, path: readonly string[]) => {
    if (finished.has(file.path)) return;
    for (const { path: next, at } of file.prerequisites) {
      if (next === file.path) throw new AshlarError('edge to self is not allowed', { at });
      if (path.includes(next))
        throw new AshlarError(`edge from ${file.path} to ${next} makes a cycle`, { at });
      const other = files.get(next);
      if (other !== undefined) visit(other, [...path, next]);
    }
    finished.add(file.path);
  };
  for (const file of files.values()) visit(file, [file.path]);
}

function sortFiles(files: readonly StackerFile[]): StackerFile[] {
  const waiting = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const sorted: StackerFile[] = [];
  while (waiting.length > 0) {
    const ready = waiting.findIndex(({ prerequisites }) =>
      prerequisites.every(({ path }) => !waiting.some(other => other.path === path)),
    );
    sorted.push(...waiting.splice(ready, 1));
  }
  return sorted;
}
