/** What a repository in a directory of the host has, without reading its packages. */
import { createHash } from 'node:crypto';
import {
  type Dirent,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { AshlarError, codeOf } from '../support/errors.ts';

/** Files that say by digest what all others are, where a repository has one: those of apt and rpm. */
const INDEXES = [
  'InRelease',
  'Release',
  'Packages',
  'Packages.gz',
  'Packages.xz',
  'Packages.zst',
  'repodata/repomd.xml',
];

/** Files whose content counts; of others the size and time do. */
const SMALL = 64 * 1024 * 1024;

/**
 * Equal for equal content: of the index where there is one, else of the list of files with their sizes and times, and of
 * links with what they say. Managers see the directory alone, at another place: what links lead to out of it is nothing
 * to them. Undefined when it is not there. @throws AshlarError for what cannot be read
 */
export function repositoryIdentity(directory: string, distribution?: string): string | undefined {
  try {
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return undefined;
    return identityOf(realpathSync(directory), distribution);
  } catch (cause) {
    if (codeOf(cause) === undefined) throw cause;
    const path = cause instanceof Error && 'path' in cause ? cause.path : directory;
    throw new AshlarError(`cannot read ${path} of the repository ${directory}`, { cause });
  }
}

function identityOf(directory: string, distribution: string | undefined): string {
  const top =
    distribution === undefined || isFlat(distribution) ? directory : join(directory, 'dists', distribution);
  const hash = createHash('sha256');
  const indexes = INDEXES.map(name => join(top, name)).filter(path => isIndex(path, directory));
  for (const path of indexes)
    hash
      .update(`${relative(top, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  if (indexes.length === 0) for (const line of listing(directory)) hash.update(`${line}\0`);
  return hash.digest('hex');
}

function isFlat(distribution: string): boolean {
  return distribution.endsWith('/');
}

function isIndex(path: string, directory: string): boolean {
  const real = realPathOf(path);
  if (!real?.startsWith(join(directory, '/'))) return false;
  const entry = lstatSync(real);
  return entry.isFile() && entry.size <= SMALL;
}

/** Undefined where nothing is, or links lead to nothing, or to what is closed. */
function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** What links lead to in the repository is listed where it is. */
function listing(directory: string, above = ''): readonly string[] {
  return entriesOf(join(directory, above)).flatMap(entry => {
    const name = join(above, entry.name);
    const path = join(directory, name);
    if (entry.isDirectory()) return listing(directory, name);
    if (entry.isSymbolicLink()) return [`${name} -> ${readlinkSync(path)}`];
    if (!entry.isFile()) return [];
    const { size, mtimeMs } = lstatSync(path);
    return [`${name} ${size} ${mtimeMs}`];
  });
}

function entriesOf(directory: string): readonly Dirent[] {
  return readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
