/**
 * Packages that were fetched, kept in the store for all builds. A run gets links to them in a directory of its own, and
 * what it has fetched besides is kept afterwards; no two runs write to one directory. Managers check what they find
 * against the digests of the repository's index, so that a bad file there costs a download and nothing else.
 */
import {
  copyFileSync,
  type Dirent,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { packageArchive } from '../../packages/index.ts';
import type { PackagesStep } from '../../plan/types.ts';
import { codeOf, messageOf } from '../../support/errors.ts';
import type { Store } from '../store/store.ts';

/** Puts what is kept for a manager into a directory. */
export function lendArchives(manager: PackagesStep['manager'], directory: string, store: Store): void {
  const kept = directoryOf(manager, store);
  for (const name of archivesIn(kept)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    try {
      linkOrCopy(join(kept, name), join(directory, name));
    } catch (error) {
      // Somebody collects garbage.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/**
 * Keeps what came into a directory since; nothing where a script of a package has made what only it can read. What fails
 * is only warned of: how the run itself ended counts more.
 */
export function keepArchives(
  manager: PackagesStep['manager'],
  directory: string,
  store: Store,
  warn: (text: string) => void,
): void {
  try {
    keepAll(directoryOf(manager, store), directory, store);
  } catch (error) {
    if (codeOf(error) !== 'EACCES') warn(`packages that were fetched are not kept: ${messageOf(error)}`);
  }
}

function keepAll(kept: string, directory: string, store: Store): void {
  for (const name of archivesIn(directory)) {
    const [source, target] = [join(directory, name), join(kept, name)];
    const there = lstatSync(target, { throwIfNoEntry: false });
    if (there?.ino === lstatSync(source).ino) continue;
    if (there?.isDirectory()) rmSync(target, { recursive: true });
    mkdirSync(dirname(target), { recursive: true });
    const temporary = store.temporaryPath('package');
    linkOrCopy(source, temporary);
    renameSync(temporary, target);
  }
}

/** What is kept for all managers, as `manager/path` with the file's path. */
export function listArchives(
  store: Pick<Store, 'path'>,
): readonly { readonly name: string; readonly path: string }[] {
  const directory = join(store.path, 'packages');
  return archivesIn(directory).map(name => ({ name, path: join(directory, name) }));
}

function directoryOf(manager: PackagesStep['manager'], store: Store): string {
  return join(store.path, 'packages', manager);
}

/** Files, as relative paths. A tree may have written there: links are not followed, and names may be any bytes. */
function archivesIn(directory: string): readonly string[] {
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return [];
  return entriesOf(directory).flatMap(entry => {
    const name = entry.name.toString();
    if (!entry.name.equals(Buffer.from(name))) return [];
    // No directory may take the place of an archive.
    if (packageArchive(name)) return entry.isFile() ? [name] : [];
    return entry.isDirectory() ? archivesIn(join(directory, name)).map(inside => join(name, inside)) : [];
  });
}

function entriesOf(directory: string): readonly Dirent<Buffer>[] {
  try {
    return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    // Somebody collects garbage.
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    // Somebody else's file, or one with too many links.
    if (!['EPERM', 'EMLINK', 'EXDEV'].includes(codeOf(error) ?? '')) throw error;
    copyFileSync(source, target);
  }
}
