import { type Dirent, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import type { Settings } from '../settings.ts';

/** The flags of a search, as commander gives them. */
export interface SearchFlags {
  readonly searchDir: string;
  readonly stackerFilePattern: string;
}

/**
 * The files below a directory whose path matches the pattern, in lexical order; the paths begin as the directory is
 * given. Symbolic links are not followed, and what ashlar itself makes is left out: trees of images have files of any
 * name. @throws AshlarError for a directory that cannot be read, or a bad pattern.
 */
export function findFiles(
  { searchDir, stackerFilePattern }: SearchFlags,
  { rootsDir, stackerDir, ociDir, store }: Settings,
): readonly string[] {
  const pattern = readPattern(stackerFilePattern);
  const ours = [rootsDir, stackerDir, ociDir, store];
  const below = (directory: string): readonly string[] =>
    entriesOf(directory).flatMap(entry => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return ours.includes(resolve(path)) ? [] : below(path);
      return entry.isFile() && pattern.test(path) ? [path] : [];
    });
  // The usual pattern begins with a slash, which `stacker.yaml` alone would not have.
  return below(searchDir === '.' ? process.cwd() : searchDir);
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new AshlarError(`couldn't search for stacker files in ${directory}`, { cause });
  }
}

function readPattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new AshlarError(`--stacker-file-pattern is not a regular expression: ${text}`, { cause });
  }
}
