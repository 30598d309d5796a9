import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, posix, relative } from 'node:path';
import { codeOf } from '../../support/errors.ts';

/** A file or directory to be copied, so that it is still there when something is built. */
export interface CopiedFile {
  /** Absolute. */
  readonly source: string;
  /** Relative to the directory of what is written. */
  readonly path: string;
}

/** Paths of the host as a stacker file says them. */
export class HostPaths {
  readonly copies: CopiedFile[] = [];
  readonly #directory: string;
  readonly #fleeting: (path: string) => boolean;

  constructor({ output, fleeting }: { readonly output: string; readonly fleeting: HostPaths['isFleeting'] }) {
    this.#directory = dirname(output);
    this.#fleeting = fleeting;
  }

  isFleeting(path: string): boolean {
    return this.#fleeting(path);
  }

  /** What an absolute path is called, relative to the directory of what is written, and free of links at its end. */
  written(path: string): string {
    if (!this.isFleeting(path)) return relative(this.#directory, followed(path)) || '.';
    const known = this.copies.find(({ source }) => source === path);
    if (known) return known.path;
    const copied = posix.join(copiesDirectory, `${this.copies.length + 1}-${basename(path)}`);
    this.copies.push({ source: path, path: copied });
    return copied;
  }

  /** Whether what is written, or what is built of it beside it, lies in a directory. */
  holdsOutput(path: string): boolean {
    return !relative(path, this.#directory).startsWith('..');
  }
}

/** Whether a directory has others in it whose permissions are not 0755. */
export function hasOddDirectories(directory: string): boolean {
  const below = readDirectories(directory);
  return below.some(path => (lstatSync(path).mode & 0o7777) !== 0o755 || hasOddDirectories(path));
}

function readDirectories(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter(entry => entry.isDirectory()).map(({ name }) => join(directory, name));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    // The build will say what is wrong with it.
    return [];
  }
}

/** Where copies are. */
const copiesDirectory = 'stacker-files';

/** Links are followed where CEKit copies what they lead to, and would be copied as links by others. */
function followed(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
  } catch (error) {
    // It may be there when something is built.
    if (codeOf(error) === undefined) throw error;
    return path;
  }
}
