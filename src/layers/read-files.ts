/** Takes files out of a layer in one pass over its tar. They are found by what they hold, so names do not matter. */
import { hash } from 'node:crypto';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard } from './limits.ts';
import type { LayerTar } from './read-contents.ts';
import { explain } from './system-errors.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';

/** A file as the contents of the layer have it. */
export interface WantedFile {
  readonly path: ByteString;
  readonly size: number;
  /** SHA-256, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** Bytes of files that are held in memory at a time: databases and configuration are far smaller. */
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
  try {
    const found = await find(tar, files, checkpoint);
    return new Map(
      files.map(({ path, sha256 }) => {
        const content = found.get(sha256);
        if (content === undefined)
          throw new AshlarError(`the layer ${tar.blob} does not hold the file ${quote(`/${path}`)}`);
        return [path, content];
      }),
    );
  } catch (error) {
    throw explain(error);
  }
}

function checkSize(files: readonly WantedFile[]): void {
  let left = MOST_BYTES;
  for (const { path, size } of files) {
    left -= size;
    if (left < 0) {
      throw new AshlarError(
        `${quote(`/${path}`)} has ${size} bytes: too much to be merged with the other files (${MOST_BYTES} in all)`,
      );
    }
  }
}

/** Contents by their hashes. */
async function find(
  { blob: path, compression }: LayerTar,
  files: readonly WantedFile[],
  checkpoint: () => void,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const sizes = new Set(files.map(({ size }) => size));
  const missing = new Set(files.map(({ sha256 }) => sha256));
  const take = (bytes: Buffer): void => {
    const sha256 = hash('sha256', bytes, 'hex');
    if (missing.delete(sha256)) found.set(sha256, bytes);
  };
  if (sizes.has(0)) take(Buffer.alloc(0));
  using blob = new BlobFile(path);
  const guard = new ExpansionGuard(DEFAULT_LIMITS, compression === 'none' ? undefined : blob.size);
  function* keep({ size }: TarEntry, content: Content): Flow<void> {
    // Holes become memory.
    guard.add(size - content.left);
    const whole = Buffer.alloc(size);
    while (content.left > 0) {
      const piece = yield* content.next();
      if (piece === undefined) break;
      piece.copy(whole, content.offset);
    }
    take(whole);
  }
  const reading = readTar((entry, content) =>
    entry.type === 'file' && entry.size > 0 && sizes.has(entry.size) ? keep(entry, content) : undefined,
  );
  reading.next();
  for await (const chunk of layerBytes(blob, compression, guard)) {
    checkpoint();
    if (missing.size === 0) return found;
    reading.next(chunk);
  }
  reading.next(undefined);
  return found;
}
