/** Writes squashfs images with mksquashfs, from a tar that streams in, and reads them with unsquashfs. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { FileDescriptor, pipe, setPipeSize } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { findProgram, runProgram } from '../support/process.ts';
import { toText } from './bytes.ts';
import { earlier } from './scan.ts';
import type { TarEntry } from './tar-entry.ts';
import { type BlockPool, OUTPUT_BLOCK } from './tar-writer.ts';
import type { Warnings } from './warnings.ts';

export type SquashfsCompressor = 'gzip' | 'lz4' | 'lzo' | 'xz' | 'zstd';

/** How a squashfs image is compressed. */
export interface SquashfsCompression {
  readonly compressor: SquashfsCompressor;
  /** Where the compressor knows levels; its own default when absent. */
  readonly level?: number;
  /** KiB, a power of two up to 1024. */
  readonly blockSize: number;
  /** Contents are stored as they are; readers still need to know the compressor. */
  readonly stored?: true;
}

/**
 * Of a Debian root (170 MB) this takes mksquashfs 1/20 of the time of its own default (level 15 in blocks of 128 KiB) for
 * 10 % more bytes. Blocks of 1 MiB would save half of those, but a reader has to unpack a whole block for a small file.
 */
export const QUICK_SQUASHFS: SquashfsCompression = { compressor: 'zstd', level: 2, blockSize: 256 };

/** The fewest bytes. */
export const SMALLEST_SQUASHFS: SquashfsCompression = { compressor: 'zstd', level: 22, blockSize: 1024 };

/** Where mksquashfs has no zstd. */
export const FALLBACK_SQUASHFS: SquashfsCompression = { compressor: 'gzip', blockSize: 256 };

const PACKAGES = 'install squashfs-tools (Debian, Fedora) or squashfs (openSUSE), 4.5 or newer';

/** mksquashfs at work: takes blocks of a tar, each of `OUTPUT_BLOCK` bytes but the last. */
export class SquashfsWriter implements AsyncDisposable {
  readonly #output: string;
  readonly #compression: SquashfsCompression;
  readonly #pool: BlockPool;
  #running: Running | undefined;

  constructor(output: string, compression: SquashfsCompression, pool: BlockPool) {
    this.#output = output;
    this.#compression = compression;
    this.#pool = pool;
  }

  async write(block: Buffer): Promise<void> {
    this.#running ??= start(this.#output, this.#compression);
    try {
      for (let done = 0; done < block.length; ) done += writeSync(this.#running.input, block, done);
    } catch (error) {
      // mksquashfs has ended early and says why.
      if (codeOf(error) === 'EPIPE') throw await failure(this.#running, error);
      throw error;
    }
    this.#pool.give(block);
  }

  /** Waits until the image is complete. */
  async finish(): Promise<void> {
    this.#running ??= start(this.#output, this.#compression);
    closeInput(this.#running);
    const [status] = await this.#running.ended;
    if (status !== 0) throw await failure(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#running) return;
    using _ = this.#running.messages;
    this.#running.child.kill('SIGKILL');
    closeInput(this.#running);
    await this.#running.ended.catch(() => {});
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly input: number;
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
  inputOpen: boolean;
  /**
   * What it complains about, in a file without a name: while this thread waits for it to take a block, nobody would
   * read a pipe.
   */
  readonly messages: FileDescriptor;
}

function start(output: string, { compressor, level, blockSize, stored }: SquashfsCompression): Running {
  const program = findProgram('mksquashfs');
  if (program === undefined) throw new AshlarError('cannot find the program mksquashfs', { hint: PACKAGES });
  const messages = openUnnamed(`${output}.messages`);
  const ends = pipe();
  try {
    setPipeSize(ends.write, OUTPUT_BLOCK);
    const args = [
      ...['-', output, '-tar', '-noappend', '-no-progress', '-quiet', '-exit-on-error'],
      ...['-comp', compressor, '-b', `${blockSize}K`],
      ...(level === undefined ? [] : ['-Xcompression-level', String(level)]),
      ...(stored ? ['-noD', '-noF', '-noX'] : []),
      // The root is set afterwards, where it must not be compressed.
      ...['-mkfs-time', '0', '-noI'],
      // For its caches; it would take a quarter of the machine's memory, and is not quicker for it.
      ...['-mem', '96M'],
    ];
    // mksquashfs would set times back to SOURCE_DATE_EPOCH, which was done where it is due.
    const { SOURCE_DATE_EPOCH: _, ...env } = process.env;
    const [command, ...words] = asRoot(program);
    const child = spawn(command, [...words, ...args], { env, stdio: [ends.read, 'ignore', messages.fd] });
    const ended = once(child, 'close') as Running['ended'];
    ended.catch(() => {});
    return { child, input: ends.write, ended, inputOpen: true, messages };
  } catch (error) {
    closeSync(ends.write);
    messages[Symbol.dispose]();
    throw error;
  } finally {
    closeSync(ends.read);
  }
}

/**
 * The words that start a program as uid 0, be it of a namespace: mksquashfs writes who runs it into the image, where it
 * has no meaning. Where there are no namespaces, that number stays in there.
 */
function asRoot(program: string): readonly [string, ...string[]] {
  if (process.getuid?.() === 0) return [program];
  namespace ??= findNamespace();
  const [first, ...rest] = namespace;
  return first === undefined ? [program] : [first, ...rest, program];
}

let namespace: readonly string[] | undefined;

function findNamespace(): readonly string[] {
  const unshare = findProgram('unshare');
  if (unshare === undefined) return [];
  const flags = ['--user', '--map-root-user', '--'];
  return spawnSync(unshare, [...flags, 'true']).status === 0 ? [unshare, ...flags] : [];
}

function openUnnamed(path: string): FileDescriptor {
  const file = new FileDescriptor(openSync(path, 'wx+', 0o600));
  rmSync(path);
  return file;
}

function closeInput(running: Running): void {
  if (running.inputOpen) closeSync(running.input);
  running.inputOpen = false;
}

async function failure(running: Running, cause?: unknown): Promise<AshlarError> {
  closeInput(running);
  await running.ended.catch(() => {});
  return new AshlarError(`mksquashfs failed: ${endOf(running.messages)}`, { cause });
}

/** The last 2000 bytes. */
function endOf({ fd }: FileDescriptor): string {
  const end = Buffer.alloc(2000);
  const count = readSync(fd, end, 0, end.length, Math.max(0, fstatSync(fd).size - end.length));
  return end.toString('utf8', 0, count).trim();
}

const SECOND = 1_000_000_000n;
const LATEST = 0xffff_ffffn * SECOND;

/** What squashfs can hold of an entry: attributes of three classes, and times from 1970 to 2106. */
export function squashfsAttributes(warnings: Warnings): (entry: TarEntry) => TarEntry {
  return entry => {
    const mtime = entry.mtime < 0n ? 0n : earlier(entry.mtime, LATEST);
    const xattrs = entry.xattrs.filter(({ name }) => {
      if (/^(?:user|trusted|security)\./.test(name)) return true;
      warnings.add(`the attribute ${toText(name)}, which squashfs cannot hold, was left out`, entry.path);
      return false;
    });
    return { ...entry, mtime, xattrs };
  };
}

/**
 * Whether mksquashfs is there, reads tar files (since 4.5) and has this compressor, found out by using it.
 * `scratch`: a file that does not exist.
 */
export async function canWriteSquashfs(compressor: SquashfsCompressor, scratch: string): Promise<boolean> {
  const program = findProgram('mksquashfs');
  if (program === undefined) return false;
  const args = ['-', scratch, '-tar', '-noappend', '-no-progress', '-quiet', '-comp', compressor];
  try {
    // An archive with nothing in it.
    return (await runProgram(program, args, { input: '\0'.repeat(1024) })).status === 0;
  } finally {
    rmSync(scratch, { force: true });
  }
}
