import { randomBytes } from 'node:crypto';
import { createReadStream, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { copyFile, link, open, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type FileLock, lockFile, reflink } from '../../linux/index.ts';
import { type Descriptor, type Digest, digestOf, verifying } from '../../oci/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { treeIn } from '../inside/snapshots.ts';
import { removeTree } from './abandoned.ts';
import { Claims, recallProject, rememberProject, type Use } from './claims.ts';
import { Database } from './database.ts';

/**
 * The store that builds of one user share: blobs by digest, unpacked layers by diff ID, the index, and the temporary
 * files of running builds. Whatever has its final name is complete: it was written elsewhere, verified and renamed.
 */
export class Store implements Disposable {
  readonly path: string;
  readonly database: Database;
  /** Temporary files of this process; everything in it goes with us, or at the next start if we are killed. */
  readonly temporary: string;
  readonly #claims: Claims;
  readonly #lock: FileLock;

  /** `onOldIndex` is called when the index is of another version, or unreadable, and is begun anew. */
  constructor(path: string, onOldIndex?: () => void) {
    this.path = resolve(path);
    makePrivate(this.path);
    for (const name of ['blobs', 'blobs/sha256', 'snapshots', 'tmp'])
      mkdirSync(join(this.path, name), { recursive: true, mode: 0o700 });
    this.database = new Database(join(this.path, 'index.db'), onOldIndex);
    const name = randomBytes(8).toString('hex');
    const lock = lockFile(join(this.path, 'tmp', `${name}.lock`), { mode: 'exclusive', wait: true });
    if (!lock) throw new Error('a lock that waits was not granted');
    this.#lock = lock;
    this.temporary = join(this.path, 'tmp', name);
    mkdirSync(this.temporary, { mode: 0o700 });
    this.#claims = new Claims(this.path, this.temporary);
  }

  [Symbol.dispose](): void {
    // Trees of other users' files were removed inside the namespaces already; what is left is ours. Unless the process
    // in there was killed: then the lock's file stays, and tells the next build what to remove.
    if (removeTree(this.temporary)) rmSync(this.#lock.path, { force: true });
    this.#lock[Symbol.dispose]();
    this.database[Symbol.dispose]();
  }

  /** The directory of all builds' temporary files. */
  get temporaries(): string {
    return join(this.path, 'tmp');
  }

  get snapshots(): string {
    return join(this.path, 'snapshots');
  }

  /** Where the tree of a layer is, if it is unpacked. */
  treePath(diffId: Digest): string {
    return treeIn(this.snapshots, diffId);
  }

  /** A new name for a temporary file or directory, unique in this process. */
  temporaryPath(kind: string): string {
    return join(this.temporary, `${kind}-${randomBytes(6).toString('hex')}`);
  }

  /** Says that this process uses these, before it looks whether they are there: from then on nobody removes them. */
  claim(...uses: readonly Use[]): void {
    this.#claims.add(uses);
  }

  /** Claims what the last build of these images used; the next one is likely to use it, too. */
  claimAsBefore(work: string, images: readonly string[]): void {
    this.#claims.announce(recallProject(this.path, { work, images }));
  }

  /** Keeps what was used from here on until the project is built again, or is no more. */
  keepFor(work: string, images: readonly string[]): void {
    rememberProject(this.path, { work, images, uses: this.#claims.used });
  }

  blobPath(digest: Digest): string {
    return join(this.path, 'blobs', digest.replace(':', '/'));
  }

  /**
   * Whether the blob is there and can be trusted: its file is the one whose content was verified before, or its
   * content is verified now. A damaged blob is removed.
   */
  async hasBlob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    this.#claims.add([`blob ${digest}`]);
    const path = this.blobPath(digest);
    const stamp = stampOf(path);
    if (stamp === undefined) return false;
    if (this.database.blobStamp(digest) === stamp) return true;
    try {
      for await (const _ of verifying({ digest, size }, createReadStream(path, { highWaterMark: 1 << 20 })));
    } catch (error) {
      if (!(error instanceof AshlarError)) throw error;
      await rm(path, { force: true });
      return false;
    }
    this.database.addBlobStamp(digest, stamp);
    return true;
  }

  /** Writes a blob from a verified stream. */
  async addBlob(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void> {
    const temporary = this.temporaryPath('blob');
    {
      await using file = await open(temporary, 'wx', 0o444);
      for await (const chunk of source) await file.writeFile(chunk);
      await file.datasync();
    }
    await this.placeBlob(descriptor.digest, temporary);
  }

  /**
   * Takes a blob from a file, without copying bytes where that is safe: blocks are shared, or the file itself when
   * nobody but us can write to it; `hasBlob` notices if we do.
   */
  async addFile(descriptor: Descriptor, path: string): Promise<void> {
    const temporary = this.temporaryPath('blob');
    if (!reflink(path, temporary) && !(isOurs(path) && (await hardLink(path, temporary))))
      await copyFile(path, temporary);
    for await (const _ of verifying(descriptor, createReadStream(temporary, { highWaterMark: 1 << 20 })));
    await this.placeBlob(descriptor.digest, temporary);
  }

  async addBytes(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    const descriptor = { mediaType: '', digest, size: bytes.length };
    if (!(await this.hasBlob(descriptor))) await this.addBlob(descriptor, once(bytes));
    return digest;
  }

  /** Gives a complete, verified temporary file its name as a blob. */
  async placeBlob(digest: Digest, temporary: string): Promise<void> {
    this.#claims.add([`blob ${digest}`]);
    const path = this.blobPath(digest);
    await rename(temporary, path);
    const stamp = stampOf(path);
    if (stamp !== undefined) this.database.addBlobStamp(digest, stamp);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function isOurs(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return uid === process.getuid?.() && (mode & 0o022) === 0;
}

/** False where there cannot be one: on another file system, or where links are forbidden. */
async function hardLink(path: string, target: string): Promise<boolean> {
  try {
    await link(path, target);
    return true;
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** Tells a file from a changed one. Not the change time: another hard link to the blob changes that. */
function stampOf(path: string): string | undefined {
  const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return status?.isFile() ? `${status.ino} ${status.size} ${status.mtimeNs}` : undefined;
}

/** The store is for its owner only: what others could write there would become part of images. */
function makePrivate(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { uid } = lstatSync(path);
  if (uid !== process.getuid?.()) {
    throw new AshlarError(`the store ${path} belongs to uid ${uid}`, {
      hint: 'choose another one with --store',
    });
  }
}
