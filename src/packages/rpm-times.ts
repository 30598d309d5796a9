/** When packages were installed, as rpm's databases in a directory that holds the changes to a tree have it. */
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RPM_DATABASE, RPM_DIRECTORIES, RPM_JOURNAL, steadyRpmDatabase } from '../stacking/index.ts';

/**
 * Lets rpm's databases of the sqlite kind say that nothing was installed later than `latest`, in seconds since 1970,
 * and makes one file of each. Symbolic links are not followed. Nothing may change the directory meanwhile.
 * @throws AshlarError for a database that is damaged.
 */
export function steadyRpmDatabases(directory: string, latest: number): void {
  for (const place of RPM_DIRECTORIES.map(path => inside(directory, path)).filter(
    path => path !== undefined,
  )) {
    const database = join(place, RPM_DATABASE);
    if (!isFile(database)) continue;
    const journal = join(place, RPM_JOURNAL);
    const logged = isFile(journal) ? readFileSync(journal) : undefined;
    writeFileSync(database, steadyRpmDatabase(readFileSync(database), logged ?? new Uint8Array(), latest));
    // An empty one stays: one of a lower layer must not be seen in its place.
    if (logged) writeFileSync(journal, '');
    rmSync(join(place, 'rpmdb.sqlite-shm'), { force: true });
  }
}

/** A directory below another one, unless something on the way is none. */
function inside(directory: string, path: string): string | undefined {
  const names = path.split('/').filter(Boolean);
  const places = names.map((_, i) => join(directory, ...names.slice(0, i + 1)));
  const there = places.every(place => lstatSync(place, { throwIfNoEntry: false })?.isDirectory());
  return there ? join(directory, path) : undefined;
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
