/** What a repository in a directory of the host has, without reading its packages. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { codeOf } from '../support/errors.ts';

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
 * Equal for equal content: of the index where there is one, else of the list of files with their sizes and times.
 * Undefined when it is not there.
 */
export function repositoryIdentity(directory: string, distribution?: string): string | undefined {
  if (!statusOf(directory)?.isDirectory()) return undefined;
  const top =
    distribution === undefined || isFlat(distribution) ? directory : join(directory, 'dists', distribution);
  const hash = createHash('sha256');
  const indexes = INDEXES.map(name => join(top, name)).filter(isSmallFile);
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

function isSmallFile(path: string): boolean {
  const entry = statusOf(path);
  return entry?.isFile() === true && entry.size <= SMALL;
}

/** Links are what they lead to, since managers follow them; each directory is looked into once. */
function listing(directory: string, name = '', seen = new Set<string>()): readonly string[] {
  const real = realpathSync(join(directory, name));
  if (seen.has(real)) return [];
  seen.add(real);
  return readdirSync(real)
    .sort()
    .flatMap(child => {
      const path = join(name, child);
      const entry = statusOf(join(real, child));
      if (entry?.isDirectory()) return listing(directory, path, seen);
      return entry?.isFile() ? [`${path} ${entry.size} ${entry.mtimeMs}`] : [];
    });
}

/** Of what a link leads to; undefined where that is nothing. */
function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === 'ELOOP') return undefined;
    throw error;
  }
}
