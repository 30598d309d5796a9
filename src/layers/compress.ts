/** Blocks of tar in, a compressed blob file out, hashed on the way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, deflateRaw, constants as zlib, zstdCompress } from 'node:zlib';
import { FileDescriptor, pipe, setPipeSize } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { findProgram } from '../support/process.ts';
import type { Compression } from './compression.ts';
import { release } from './memory.ts';
import { type BlockPool, OUTPUT_BLOCK } from './tar-writer.ts';

/** The file that a blob is written to, and what is known of it at the end. */
export class BlobWriter extends FileDescriptor {
  readonly #hash = createHash('sha256');
  size = 0;

  constructor(path: string) {
    const flags = constants.O_CREAT | constants.O_TRUNC | constants.O_RDWR | constants.O_NOFOLLOW;
    super(openSync(path, flags, 0o644));
  }

  write(bytes: Buffer): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.fd, bytes, done, bytes.length - done, this.size + done);
    }
    this.count(bytes);
  }

  /** Takes note of bytes that are in the file already. */
  count(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.size += bytes.length;
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/** Writes blocks, each of `OUTPUT_BLOCK` bytes but the last, and gives them back to their pool. */
export interface Compressor extends AsyncDisposable {
  write(block: Buffer): Promise<void> | void;
  finish(): Promise<void>;
}

export function compressor(compression: Compression, blob: BlobWriter, pool: BlockPool): Compressor {
  switch (compression) {
    case 'none':
      return new Stored(blob, pool);
    case 'gzip':
      return new BlockCompressor(gzip, blob, pool);
    case 'zstd': {
      const program = findProgram('zstd');
      return program === undefined
        ? new BlockCompressor(zstdFrames, blob, pool)
        : new ProgramCompressor(program, blob, pool);
    }
  }
}

class Stored implements Compressor {
  readonly #blob: BlobWriter;
  readonly #pool: BlockPool;

  constructor(blob: BlobWriter, pool: BlockPool) {
    this.#blob = blob;
    this.#pool = pool;
  }

  write(block: Buffer): void {
    this.#blob.write(block);
    this.#pool.give(block);
  }

  async finish(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A format whose blocks can be compressed independently of each other, and so side by side. */
interface BlockFormat {
  readonly header: Buffer;
  /** `before`: the end of the block before this one. */
  compress(block: Buffer, before: Buffer | undefined): Promise<Buffer>;
  trailer(crc: number, size: number): Buffer;
}

/** Deflate looks no further back. */
const WINDOW = 32 * 1024;

const deflateAsync = promisify(deflateRaw);
const zstdAsync = promisify(zstdCompress);

/**
 * One gzip member of deflate blocks that were made side by side, each with the end of the one before as dictionary
 * (as pigz does). Level 4 of Node's zlib gives within 4 % of the size of `gzip -6` for 60 % of the time. Blocks that
 * look like noise (compressed or encrypted already) are stored: deflate would take longest for them, in vain.
 */
const gzip: BlockFormat = {
  // No name, no time, no operating system.
  header: Buffer.from('1f8b08000000000000ff', 'hex'),
  compress: (block, before) =>
    deflateAsync(block, {
      level: looksRandom(block) ? 0 : 4,
      memLevel: 9,
      finishFlush: zlib.Z_SYNC_FLUSH,
      // The whole result in one piece, so that each block is one job for the thread pool.
      chunkSize: OUTPUT_BLOCK + 1024,
      ...(before === undefined ? {} : { dictionary: before }),
    }),
  trailer: (crc, size) => {
    // An empty last block, then checksum and size.
    const trailer = Buffer.from('03000000000000000000', 'hex');
    trailer.writeUInt32LE(crc, 2);
    trailer.writeUInt32LE(size % 2 ** 32, 6);
    return trailer;
  },
};

const SAMPLES = 4096;
/**
 * How far (chi-square) the counts of the sampled bytes may be from even ones. Noise has 255 on average, and 400 with a
 * chance of less than 1 in 10^7; programs and texts have thousands.
 */
const EVEN = 400;

/** Whether the bytes of a block are spread as evenly as those of noise, by a sample from all over it. */
function looksRandom(block: Buffer): boolean {
  if (block.length < SAMPLES) return false;
  const counts = new Uint32Array(256);
  const stride = Math.floor(block.length / SAMPLES);
  for (let i = 0; i < SAMPLES; i++) {
    const byte = block[i * stride] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  const expected = SAMPLES / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0) < EVEN;
}

/** A frame for each block, for machines without the `zstd` program: 2 % larger. */
const zstdFrames: BlockFormat = {
  header: Buffer.alloc(0),
  compress: block =>
    zstdAsync(block, {
      chunkSize: OUTPUT_BLOCK + 8192,
      params: { [zlib.ZSTD_c_compressionLevel]: 3, [zlib.ZSTD_c_checksumFlag]: 1 },
    }),
  trailer: () => Buffer.alloc(0),
};

/** Enough that the thread pool (4 threads) never waits, at 2 MiB of memory each. */
const IN_FLIGHT = 4;

class BlockCompressor implements Compressor {
  readonly #format: BlockFormat;
  readonly #blob: BlobWriter;
  readonly #pool: BlockPool;
  readonly #inFlight: Promise<Buffer>[] = [];
  #before: Buffer | undefined;
  #crc = 0;
  #size = 0;

  constructor(format: BlockFormat, blob: BlobWriter, pool: BlockPool) {
    this.#format = format;
    this.#blob = blob;
    this.#pool = pool;
    blob.write(format.header);
  }

  async write(block: Buffer): Promise<void> {
    this.#inFlight.push(this.#compress(block, this.#before));
    this.#crc = crc32(block, this.#crc);
    this.#size += block.length;
    this.#before = Buffer.from(block.subarray(-WINDOW));
    if (this.#inFlight.length >= IN_FLIGHT) await this.#collect();
  }

  async finish(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#collect();
    this.#blob.write(this.#format.trailer(this.#crc, this.#size));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  async #compress(block: Buffer, before: Buffer | undefined): Promise<Buffer> {
    const compressed = await this.#format.compress(block, before);
    this.#pool.give(block);
    return compressed;
  }

  async #collect(): Promise<void> {
    const compressed = await this.#inFlight.shift();
    if (compressed === undefined) return;
    this.#blob.write(compressed);
    release(compressed);
  }
}

/**
 * The `zstd` program. It writes the blob itself; we read after it to hash what it wrote, out of the page cache.
 * The number of threads is fixed because it could show in the bytes.
 */
class ProgramCompressor implements Compressor {
  readonly #child: ChildProcess;
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>;
  readonly #input: number;
  readonly #blob: BlobWriter;
  readonly #pool: BlockPool;
  readonly #buffer = Buffer.allocUnsafeSlow(OUTPUT_BLOCK);
  #messages = '';
  #inputOpen = true;

  constructor(program: string, blob: BlobWriter, pool: BlockPool) {
    this.#blob = blob;
    this.#pool = pool;
    const ends = pipe();
    this.#input = ends.write;
    try {
      setPipeSize(ends.write, OUTPUT_BLOCK);
      this.#child = spawn(program, ['-3', '-T2', '-c', '--no-progress'], {
        stdio: [ends.read, blob.fd, 'pipe'],
      });
    } catch (error) {
      this.#closeInput();
      throw error;
    } finally {
      closeSync(ends.read);
    }
    this.#ended = once(this.#child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    this.#ended.catch(() => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#messages = (this.#messages + text).slice(-2000);
    });
  }

  write(block: Buffer): Promise<void> | void {
    try {
      for (let done = 0; done < block.length; ) {
        done += writeSync(this.#input, block, done);
      }
    } catch (error) {
      // The program has ended early and says why.
      if (codeOf(error) === 'EPIPE') return this.#expectSuccess(error);
      throw error;
    }
    this.#pool.give(block);
    this.#follow();
  }

  async finish(): Promise<void> {
    this.#closeInput();
    await this.#expectSuccess();
    while (this.#follow());
  }

  async #expectSuccess(cause?: unknown): Promise<void> {
    const [status] = await this.#ended;
    if (status !== 0 || cause !== undefined) {
      throw new AshlarError(`zstd failed: ${this.#messages.trim()}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeInput();
    this.#child.kill();
    await this.#ended.catch(() => {});
  }

  #closeInput(): void {
    if (this.#inputOpen) closeSync(this.#input);
    this.#inputOpen = false;
  }

  /** Hashes what the program has written since; false when that is nothing. */
  #follow(): boolean {
    const count = readSync(this.#blob.fd, this.#buffer, 0, OUTPUT_BLOCK, this.#blob.size);
    this.#blob.count(this.#buffer.subarray(0, count));
    return count > 0;
  }
}

/** Makes the finished file survive a crash of the machine. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r');
  await file.sync();
}
