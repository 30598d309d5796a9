/** Takes files out of a layer in one pass over its tar. They are found by what they hold, so names do not matter. */
import { createHash, hash } from 'node:crypto';
import { ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FileDescriptor } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard } from './limits.ts';
import type { LayerTar } from './read-contents.ts';
import { explain } from './system-errors.ts';
import { type Content, readTar } from './tar-reader.ts';

/** A file as the contents of the layer have it. */
export interface WantedFile {
  readonly path: ByteString;
  readonly size: number;
  /** SHA-256, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** Bytes of files that are merged at a time, and held in memory: databases and configuration are far smaller. */
const MOST_BYTES = 256 * 1024 ** 2;

/**
 * The content of each of the files, by path; the blob is read as far as it takes.
 * Throws an AshlarError when the layer does not hold one of them, or when they are too large to be held in memory.
 */
export async function readFiles(
  tar: LayerTar,
  files: readonly WantedFile[],
  checkpoint: () => void,
): Promise<Map<ByteString, Uint8Array>> {
  checkSize(files);
  const found = new Map<string, Uint8Array>();
  await find(tar, files, checkpoint, function* (size, content, isWanted) {
    // Holes become memory.
    const whole = Buffer.alloc(size);
    for (let piece = yield* content.next(); piece !== undefined; piece = yield* content.next())
      piece.copy(whole, content.offset);
    const sha256 = hash('sha256', whole, 'hex');
    if (isWanted(sha256)) found.set(sha256, whole);
  });
  return new Map(files.map(({ path, sha256 }) => [path, found.get(sha256) ?? NOTHING]));
}

const NOTHING = new Uint8Array();

function checkSize(files: readonly WantedFile[]): void {
  let left = MOST_BYTES;
  for (const { path, size } of files) {
    left -= size;
    if (left >= 0) continue;
    const why =
      size > MOST_BYTES
        ? `no file that is merged may have more than ${MOST_BYTES}`
        : `too much to be merged with the other files (${MOST_BYTES} in all)`;
    throw new AshlarError(`${quote(`/${path}`)} has ${size} bytes: ${why}`);
  }
}

/**
 * Writes the content of the files, which may be of any size, into the directory: each under its SHA-256, and with its
 * holes. The blob is read as far as it takes. Throws an AshlarError when the layer does not hold one of them.
 */
export function extractFiles(
  tar: LayerTar,
  files: readonly WantedFile[],
  directory: string,
  checkpoint: () => void,
): Promise<void> {
  const incoming = join(directory, 'incoming');
  return find(tar, files, checkpoint, function* (size, content, isWanted) {
    using file = new FileDescriptor(openSync(incoming, 'wx', 0o600));
    const hashed = createHash('sha256');
    let end = 0;
    const hashHole = (until: number) => {
      for (; end < until; end += Math.min(ZEROS.length, until - end)) {
        hashed.update(ZEROS.subarray(0, until - end));
        checkpoint();
      }
    };
    for (let piece = yield* content.next(); piece !== undefined; piece = yield* content.next()) {
      hashHole(content.offset);
      hashed.update(piece);
      writeAt(file.fd, piece, content.offset);
      end = content.offset + piece.length;
    }
    hashHole(size);
    ftruncateSync(file.fd, size);
    const sha256 = hashed.digest('hex');
    if (isWanted(sha256)) renameSync(incoming, join(directory, sha256));
    else rmSync(incoming);
  });
}

const ZEROS = Buffer.alloc(1 << 20);

function writeAt(fd: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

/** Takes the content of a file of this size, and keeps it if its SHA-256 is wanted. */
type Take = (size: number, content: Content, isWanted: (sha256: string) => boolean) => Flow<void>;

/** Has each of the files that is not empty taken, whatever name it has in the tar. */
async function find(
  tar: LayerTar,
  files: readonly WantedFile[],
  checkpoint: () => void,
  take: Take,
): Promise<void> {
  const missing = new Map(files.filter(({ size }) => size > 0).map(file => [file.sha256, file]));
  try {
    await pass(tar, missing, checkpoint, take);
  } catch (error) {
    throw explain(error);
  }
  for (const { path } of missing.values())
    throw new AshlarError(`the layer ${tar.blob} does not hold the file ${quote(`/${path}`)}`);
}

/** One pass over the layer, up to the last of those that are `missing`; what was found is so no more. */
async function pass(
  { blob: path, compression }: LayerTar,
  missing: Map<string, WantedFile>,
  checkpoint: () => void,
  take: Take,
): Promise<void> {
  const sizes = new Set([...missing.values()].map(({ size }) => size));
  using blob = new BlobFile(path);
  const guard = new ExpansionGuard(DEFAULT_LIMITS, compression === 'none' ? undefined : blob.size);
  const reading = readTar(({ type, size }, content) => {
    if (type !== 'file' || !sizes.has(size)) return undefined;
    // Holes take time, and some of them memory.
    guard.add(size - content.left);
    return take(size, content, sha256 => missing.delete(sha256));
  });
  try {
    reading.next();
    for await (const chunk of layerBytes(blob, compression, guard)) {
      checkpoint();
      if (missing.size === 0) return;
      reading.next(chunk);
    }
    reading.next(undefined);
  } finally {
    // What it has open is closed, also when it is given up.
    reading.return();
  }
}
