/** The directory that files made of trees go to: all of them at the end, or none. */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { type FileLock, lockFile } from '../../linux/index.ts';
import type { Output } from '../../plan/outputs.ts';
import type { Plan } from '../../plan/types.ts';
import { AshlarError, codeOf, messageOf } from '../../support/errors.ts';
import { makeDirectories } from '../../support/make-directories.ts';
import { removeAbandoned } from '../store/abandoned.ts';

/** In the directory of results, as long as something is made. */
const WORK = '.ashlar';

export class Results implements Disposable {
  readonly #directory: string;
  readonly #work: string;
  readonly #temporary: string;
  readonly #lock: FileLock;
  readonly #files: string[] = [];
  /** The first of the directories that were made for the results. */
  readonly #made: string | undefined;

  /** Makes the directory, if need be, and removes what runs that were killed have left there. */
  constructor(path: string) {
    this.#directory = resolve(path);
    this.#work = join(this.#directory, WORK);
    this.#made = makeDirectory(this.#work);
    removeAbandoned(this.#work);
    const name = randomBytes(8).toString('hex');
    const lock = lockFile(join(this.#work, `${name}.lock`), { mode: 'exclusive', wait: true });
    if (!lock) throw new Error('a lock that waits was not granted');
    this.#lock = lock;
    this.#temporary = join(this.#work, name);
    mkdirSync(this.#temporary);
  }

  /** Where a result will be. */
  finalPath(file: string): string {
    return join(this.#directory, file);
  }

  /** Where a result is made, on the file system where it will be. Each file once. */
  pathFor(file: string): string {
    this.#files.push(file);
    const path = this.madePath(file);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }

  /** Where a result is until all are made. */
  madePath(file: string): string {
    return join(this.#temporary, file);
  }

  /** Gives all results their names; those of former runs go. Throws AshlarError, before anything is touched. */
  publish(): void {
    for (const file of this.#files) this.#checkPlace(file);
    const replaced = join(this.#temporary, '.replaced');
    mkdirSync(replaced);
    try {
      for (const [i, file] of this.#files.entries()) {
        const path = this.finalPath(file);
        mkdirSync(dirname(path), { recursive: true });
        // A directory does not take the place of another one that has something in it.
        if (isDirectory(path)) renameSync(path, join(replaced, String(i)));
        renameSync(join(this.#temporary, file), path);
      }
    } finally {
      rmSync(replaced, { recursive: true, force: true });
    }
  }

  #checkPlace(file: string): void {
    checkDirectoriesOf(file, this.#directory);
    const path = this.finalPath(file);
    const made = isDirectory(join(this.#temporary, file));
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined || isDirectory(path) === made) return;
    throw new AshlarError(`${path} is ${made ? 'no directory' : 'a directory'}, and a result has that name`, {
      hint: ELSEWHERE,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#temporary, { recursive: true, force: true });
    rmSync(this.#lock.path, { force: true });
    this.#lock[Symbol.dispose]();
    // What is there now, and what another run is making, stays.
    for (let path = this.#work; path.startsWith(this.#made ?? this.#work); path = dirname(path))
      if (!removeEmpty(path)) break;
  }
}

const ELSEWHERE = 'remove it, or choose another directory for the results';

/** @throws AshlarError where a directory of a result is something else. */
function checkDirectoriesOf(file: string, directory: string): void {
  for (const above of directoriesOf(file)) {
    const path = join(directory, above);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
      throw new AshlarError(`${path} is no directory, and the result ${file} is to be in it`, {
        hint: ELSEWHERE,
      });
  }
}

/** The directories that a relative path names, the lowest first. */
function directoriesOf(file: string): readonly string[] {
  const above = dirname(file);
  return above === '.' ? [] : [above, ...directoriesOf(above)];
}

/** @throws AshlarError */
function makeDirectory(path: string): string | undefined {
  try {
    return makeDirectories(path);
  } catch (cause) {
    throw new AshlarError(`cannot make the directory of the results: ${messageOf(cause)}`, {
      hint: 'choose a place where this user may write',
      cause,
    });
  }
}

function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Of a plan that has outputs. @throws AshlarError for names that are no names of files in a directory. */
export function openResults({ images }: Plan, directory: string | undefined): Results | undefined {
  const outputs = images.flatMap(image => image.outputs ?? []);
  if (outputs.length === 0) return undefined;
  checkNames(outputs);
  if (directory === undefined)
    throw new AshlarError('there is no directory for the files that are to be made', {
      at: outputs[0]?.at,
    });
  for (const file of outputs.flatMap(filesOf)) checkDirectoriesOf(file, resolve(directory));
  return new Results(directory);
}

/** The file of an output, and those of its formats and containers. */
function filesOf(output: Output): readonly string[] {
  if (output.kind !== 'disk') return [output.file];
  return [output, ...output.formats, ...(output.containers ?? [])].map(({ file }) => file);
}

function checkNames(outputs: readonly Output[]): void {
  const taken = new Set<string>();
  for (const output of outputs) {
    for (const file of filesOf(output)) {
      const { at } = output;
      const strange =
        isAbsolute(file) || normalize(file) !== file || /^\.\.?(?:\/|$)|\/$|^\.ashlar/.test(file);
      if (file === '' || strange)
        throw new AshlarError(`${file || 'an empty text'} cannot be the name of a result`, { at });
      if (taken.has(file)) throw new AshlarError(`two results are to have the name ${file}`, { at });
      taken.add(file);
    }
  }
  for (const output of outputs)
    for (const file of filesOf(output)) {
      const above = directoriesOf(file).find(name => taken.has(name));
      if (above !== undefined)
        throw new AshlarError(`the result ${file} cannot be in the result ${above}`, { at: output.at });
    }
}
