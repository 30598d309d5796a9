/** What helps somebody whose description does not fit what is there. */
import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { didYouMean } from '../../support/suggest.ts';

/** Names of a directory that are shown. */
const SHOWN = 8;

/** For a file with another hash than the one that is asked for; `key` is how the user's file calls it. */
export function hashHint(actual: string, key = 'hash'): string {
  return `if the file has changed and you trust it, write ${key}: ${actual}`;
}

/** For a path of the host where nothing is: what may have been meant, or how far the path leads. */
export function missingHint(path: string): string | undefined {
  const directory = dirname(path);
  const names = listed(directory);
  if (names === undefined) return howFar(directory);
  const meant = didYouMean(basename(path), names);
  if (meant !== undefined) return meant;
  if (names.length === 0) return `${directory} is empty`;
  const some = names.toSorted().slice(0, SHOWN).join(', ');
  return `in ${directory} there ${names.length === 1 ? 'is' : 'are'} ${some}${names.length > SHOWN ? ', …' : ''}`;
}

/** Names the part of the way that is missing. */
function howFar(directory: string): string | undefined {
  const parent = dirname(directory);
  const names = listed(parent);
  if (names === undefined) return parent === directory ? undefined : howFar(parent);
  const meant = didYouMean(basename(directory), names);
  return `there is no directory ${directory}${meant === undefined ? '' : `: ${meant}`}`;
}

function listed(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory);
  } catch {
    // Missing, no directory, or not to be read: there is nothing to tell of it.
    return undefined;
  }
}
