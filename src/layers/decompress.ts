/** Blobs in, uncompressed bytes out, in large chunks and ahead of the reader. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { FileDescriptor, pipe, setPipeSize } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { findProgram } from '../support/process.ts';
import { type ArchiveCompression, type Compression, checkCompression, MAGIC_LENGTH } from './compression.ts';
import type { ExpansionGuard } from './limits.ts';
import { isLastPiece, release } from './memory.ts';

/** One MiB: system calls and hand-overs between threads no longer count, and it stays within the processor's cache. */
export const CHUNK = 1 << 20;

/** Inflated chunks are new memory each time: of this size they stay in the processor's cache, which saves a third. */
const INFLATED = 1 << 18;

const readAsync = promisify(read);

/** A blob, opened once: what is checked is what is read. */
export class BlobFile extends FileDescriptor {
  readonly path: string;
  readonly size: number;

  /** Throws an AshlarError unless the path is a regular file; a symbolic link is not followed. */
  constructor(path: string) {
    super(openBlob(path));
    this.path = path;
    const stat = fstatSync(this.fd);
    this.size = stat.size;
    if (!stat.isFile()) {
      closeSync(this.fd);
      throw new AshlarError(`${path} is not a regular file`);
    }
  }

  /** The first bytes, by which content is recognised. */
  head(): Buffer {
    const buffer = Buffer.alloc(MAGIC_LENGTH);
    return buffer.subarray(0, readSync(this.fd, buffer, 0, MAGIC_LENGTH, 0));
  }
}

function openBlob(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new AshlarError(`cannot open the layer ${path}`, { cause });
  }
}

/**
 * The uncompressed bytes of a blob. Each chunk is valid until the next one is asked for.
 * Throws an AshlarError when the blob is damaged, cut short, or followed by anything else.
 */
export function decompress(blob: BlobFile, compression: ArchiveCompression): AsyncIterable<Buffer> {
  switch (compression) {
    case 'none':
      return readAhead(blob.fd);
    case 'gzip':
      return inflate(blob, createGunzip({ chunkSize: INFLATED }));
    case 'zstd': {
      const program = findProgram('zstd');
      return program === undefined
        ? inflate(blob, createZstdDecompress({ chunkSize: INFLATED }))
        : throughProgram(blob, program);
    }
    case 'xz':
    case 'bzip2': {
      const program = findProgram(compression);
      if (program === undefined) {
        throw new AshlarError(`cannot read ${blob.path}: the program "${compression}" is missing`, {
          hint: `install ${compression === 'xz' ? 'xz-utils (Debian) or xz (Fedora, openSUSE)' : 'bzip2'}`,
        });
      }
      return throughProgram(blob, program);
    }
  }
}

/**
 * The tar of a layer. Throws an AshlarError also when the content is not what the label says, or more than the guard
 * lets through.
 */
export async function* layerBytes(
  blob: BlobFile,
  compression: Compression,
  guard: ExpansionGuard,
): AsyncGenerator<Buffer> {
  checkCompression(blob.head(), compression);
  let first = true;
  for await (const chunk of decompress(blob, compression)) {
    if (first) checkCompression(chunk, 'none');
    first = false;
    guard.add(chunk.length);
    yield chunk;
  }
}

/** Reads a file or pipe on the thread pool, the next chunk while this one is worked on. */
async function* readAhead(fd: number): AsyncGenerator<Buffer> {
  let current = Buffer.allocUnsafeSlow(CHUNK);
  let next = Buffer.allocUnsafeSlow(CHUNK);
  let reading = readAsync(fd, current, 0, CHUNK, null);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      reading = readAsync(fd, next, 0, CHUNK, null);
      yield current.subarray(0, bytesRead);
      [current, next] = [next, current];
    }
  } finally {
    // The descriptor is closed after us: nobody may still be reading from it.
    await reading.catch(() => {});
  }
}

type Inflater = ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>;

async function* inflate(blob: BlobFile, inflater: Inflater): AsyncGenerator<Buffer> {
  if (blob.size === 0) throw new AshlarError(`the layer ${blob.path} is empty`);
  const feeding = feed(inflater, blob.fd);
  feeding.catch(error => inflater.destroy(error));
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      yield chunk;
      // The inflater fills each buffer piece by piece, then takes another one.
      if (isLastPiece(chunk)) release(chunk);
    }
    await feeding;
  } catch (cause) {
    throw new AshlarError(`the layer ${blob.path} is damaged`, { cause });
  } finally {
    inflater.destroy();
    await feeding.catch(() => {});
  }
  if (inflater.bytesWritten !== blob.size) {
    throw new AshlarError(`the layer ${blob.path} is damaged: other data follows the compressed data`);
  }
}

/** A chunk is free for the next read when the inflater calls back, which it does not when it fails. */
async function feed(inflater: Inflater, fd: number): Promise<void> {
  const closed = new Promise<void>(resolve => inflater.once('close', resolve));
  for await (const chunk of readAhead(fd)) {
    await Promise.race([closed, new Promise<void>(resolve => inflater.write(chunk, () => resolve()))]);
    if (inflater.destroyed) return;
  }
  inflater.end();
}

/** A pipe of our own instead of the child's stream: it moves a MiB at a time instead of 64 KiB. */
async function* throughProgram(blob: BlobFile, program: string): AsyncGenerator<Buffer> {
  const ends = pipe();
  using output = new FileDescriptor(ends.read);
  let child: ChildProcess;
  try {
    setPipeSize(ends.write, CHUNK);
    child = spawn(program, ['-dc'], { stdio: [blob.fd, ends.write, 'pipe'] });
  } finally {
    closeSync(ends.write);
  }
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  ended.catch(() => {});
  let messages = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    messages = (messages + text).slice(-2000);
  });
  try {
    yield* readAhead(output.fd);
    const [status] = await ended;
    if (status !== 0) {
      throw new AshlarError(`the layer ${blob.path} is damaged: ${messages.trim() || `${program} failed`}`);
    }
  } finally {
    child.kill();
  }
}
