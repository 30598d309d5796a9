import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from './errors.ts';

/**
 * Makes a directory and those above it that are missing; returns the first of them that was made. Unlike the way of
 * Node.js, which tries for ever, it throws the system's error where nobody can make directories, as in /proc.
 * @param path Absolute.
 */
export function makeDirectories(path: string): string | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const above = dirname(path);
  const first = above === path ? undefined : makeDirectories(above);
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else has made it meanwhile.
    if (codeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return first;
    throw error;
  }
  return first ?? path;
}
