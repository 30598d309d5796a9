/** Builds whose results are files somewhere, without a directory of a project: each place has one in the store. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../store/abandoned.ts';

/** The file that names the place of the results. */
const TARGET = 'target';

/** The directory for the working files of builds that have their results at `target`, an absolute path. */
export function systemDirectory(store: string, target: string): string {
  const name = createHash('sha256').update(target).digest('hex').slice(0, 16);
  const directory = join(systemsOf(store), name);
  // As private as the store, which may not be there yet.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, TARGET), target);
  return directory;
}

/** Milliseconds after which nobody is at work who has not made his results yet. */
const DAY = 86_400_000;

/** Those whose results are gone go: what they used is kept for nobody. */
export function removeOutdatedSystems(store: string): void {
  const systems = systemsOf(store);
  if (!existsSync(systems)) return;
  for (const name of readdirSync(systems)) {
    const file = join(systems, name, TARGET);
    const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (written > Date.now() - DAY || (written > 0 && existsSync(readFileSync(file, 'utf8')))) continue;
    removeTree(join(systems, name));
  }
}

function systemsOf(store: string): string {
  return join(store, 'systems');
}
