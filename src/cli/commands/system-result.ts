/** `system result`: what is in a target directory, and bundles of it for people who fetch them. */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { copyFile } from '../../engine/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { BUNDLE_FORMAT, bundleNames, parseResults, type ResultEntry } from '../../recipes/kiwi/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { runProgram } from '../../support/process.ts';
import { requireProgram } from '../../support/programs.ts';
import { interruptible } from '../interruption.ts';
import type { KiwiGlobals } from '../kiwi/globals.ts';
import { SystemUsageError } from '../kiwi/usage.ts';
import { openLog } from '../log.ts';
import { printLines } from '../table.ts';

export interface ListFlags {
  readonly targetDir?: string;
  readonly json?: true;
}

export interface BundleFlags {
  readonly targetDir?: string;
  readonly bundleDir?: string;
  readonly id?: string;
  readonly bundleFormat?: string;
  readonly compress: boolean;
  readonly zsyncSource?: string;
}

const RECORD = 'kiwi.result.json';

/** Prints what was built, and what it is. */
export function listResults({ targetDir, json }: ListFlags): void {
  const results = readResults(needed(targetDir, '--target-dir', 'the directory of the results'));
  if (json) {
    printLines([JSON.stringify(Object.fromEntries(results), null, 4)]);
    return;
  }
  const files = [...results].filter(([role]) => role !== BUNDLE_FORMAT);
  printLines(files.map(([role, { filename }]) => `${role}: ${filename}`));
}

function readResults(target: string): ReadonlyMap<string, ResultEntry> {
  const file = join(target, RECORD);
  if (existsSync(file)) return parseResults(readFileSync(file, 'utf8'), file);
  throw new AshlarError(`there is no ${RECORD} in ${target}`, {
    hint: '--target-dir is the directory that a build has put its results into',
  });
}

function needed(value: string | undefined, option: string, what: string): string {
  if (value === undefined) throw new SystemUsageError(`${option} is missing: ${what}`);
  return value;
}

/** Copies results under the names of a bundle, compressed where that is worth it, and prints the files. */
export async function bundleResults({ ashlar }: KiwiGlobals, flags: BundleFlags): Promise<void> {
  const target = resolve(needed(flags.targetDir, '--target-dir', 'the directory of the results'));
  const directory = resolve(needed(flags.bundleDir, '--bundle-dir', 'the directory of the bundle'));
  const id = needed(flags.id, '--id', 'the name of the bundle');
  if (!/^[\w.+~-]+$/.test(id)) throw new SystemUsageError(`--id is part of names of files: ${id}`);
  if (directory === target)
    throw new SystemUsageError('Bundle directory must be different from target directory');
  if (/%[^I]/.test(flags.bundleFormat ?? ''))
    throw new SystemUsageError(
      '--bundle-format knows %I alone: the other words are for bundle_format of the type',
    );
  const log = openLog(ashlar);
  if (flags.zsyncSource !== undefined) log('warning', '--zsync-source has no effect');
  const results = readResults(target);
  const bundled = [...results.values()].filter(({ use_for_bundle }) => use_for_bundle);
  const format = flags.bundleFormat ?? results.get(BUNDLE_FORMAT)?.filename;
  // Results lie in their directory, wherever that was when they were made.
  const names = bundleNames(
    bundled.map(({ filename }) => basename(filename)),
    id,
    format,
  );
  if (flags.compress && bundled.some(({ compress }) => compress))
    requireProgram('xz', 'a bundle whose files are compressed');
  using interruption = interruptible();
  const { signal } = interruption;
  using bundle = new Bundle(directory);
  for (const { filename, compress, shasum } of bundled) {
    const old = basename(filename);
    const isCompressed = compress && flags.compress;
    const name = `${names.get(old) ?? old}${isCompressed ? '.xz' : ''}`;
    const source = join(target, old);
    if (!existsSync(source)) throw new AshlarError(`the result ${source} is not there any more`);
    const path = bundle.pathFor(name);
    if (isCompressed) await compressFile(source, path, signal);
    else await copyFile(source, path, signal);
    if (shasum) writeFileSync(bundle.pathFor(`${name}.sha256`), `${await sumOf(path, signal)}  ${name}\n`);
    log('info', `bundled ${old} as ${name}`);
  }
  printLines(bundle.publish());
}

/** In blocks of a fixed size, so that the number of processors has no influence on the bytes. */
const XZ = ['--compress', '--stdout', '-6', '--threads=2', '--block-size=12MiB', '--'];

async function compressFile(source: string, path: string, signal: AbortSignal): Promise<void> {
  using output = new FileDescriptor(openSync(path, 'wx', 0o644));
  const onStdout = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(output.fd, bytes, at);
  };
  const program = requireProgram('xz', 'a bundle whose files are compressed');
  const { status, stderr } = await runProgram(program, [...XZ, source], { onStdout, signal });
  if (status !== 0) throw new AshlarError(`xz failed with status ${status}: ${stderr.trim()}`);
}

async function sumOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest('hex');
}

/** Files that get their names together. */
class Bundle implements Disposable {
  readonly #directory: string;
  readonly #work: string;
  readonly #files: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    this.#work = join(directory, `.ashlar-${process.pid}`);
    mkdirSync(this.#work, { recursive: true });
  }

  pathFor(name: string): string {
    this.#files.push(name);
    return join(this.#work, name);
  }

  /** Returns where the files are now. */
  publish(): readonly string[] {
    return this.#files.map(name => {
      const path = join(this.#directory, name);
      renameSync(join(this.#work, name), path);
      return path;
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#work, { recursive: true, force: true });
  }
}
