/** Finished file systems: with their hash area and digest. */
import { createHash } from 'node:crypto';
import { constants, fstatSync, openSync } from 'node:fs';
import { FileDescriptor } from '../linux/index.ts';
import { Growth } from './growth.ts';
import { appendVerity, forEachChunk } from './verity.ts';

/** A file, complete. */
export interface SealedFile {
  /** SHA-256 of the blob, `sha256:...`, which is the diff ID, too. */
  readonly digest: string;
  /** Bytes of the blob. */
  readonly size: number;
  /** Of the hash area, 64 hexadecimal digits. */
  readonly rootHash?: string;
}

export interface SealJob {
  readonly path: string;
  /** Whether a hash area is to be added; to no file that is still written. */
  readonly verity: boolean;
  /** Of a file that is still written: a `Growth`. */
  readonly growth?: SharedArrayBuffer;
}

/** Adds the hash area, if it is wanted, and takes the digest of it all, in one pass over the file. */
export function seal({ path, verity, growth }: SealJob, checkpoint: () => void): SealedFile {
  const follow = growth && new Growth(growth);
  using file = new FileDescriptor(openSync(path, constants.O_RDWR | constants.O_NOFOLLOW));
  const hash = createHash('sha256');
  const onBytes = (bytes: Buffer) => {
    checkpoint();
    hash.update(bytes);
  };
  const rootHash = verity ? appendVerity(file.fd, onBytes) : undefined;
  const { size } = fstatSync(file.fd);
  const ready = (end: number) => follow?.waitFor(end, checkpoint);
  if (!verity) forEachChunk(file.fd, 0, size, onBytes, ready);
  return { digest: `sha256:${hash.digest('hex')}`, size, ...(rootHash === undefined ? {} : { rootHash }) };
}
