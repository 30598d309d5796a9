import { randomBytes } from 'node:crypto';
import { constants, existsSync, lstatSync, type Stats } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type FileLock, lockFile } from '../linux/index.ts';
import { AshlarError, codeOf, messageOf } from '../support/errors.ts';
import { pause } from '../support/pause.ts';
import { type ByteStream, digestOf, digestParts, parseDigest, verifiedBytes, verifying } from './digest.ts';
import { documentBytes, longestManifest, parseDocument, parseIndex, parseObject } from './documents.ts';
import { documentKind } from './mediatypes.ts';
import type { Descriptor, Digest, Index } from './types.ts';

/** The annotation of an index.json entry that holds its tag. */
export const refName = 'org.opencontainers.image.ref.name';

// The names of tags (distribution specification), or what the image specification allows in an image layout.
const tagName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const layoutName =
  /^[A-Za-z0-9]+(?:(?:[-._@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._@+]|--)[A-Za-z0-9]+)*)*$/;

/** Whether a name may be given to an image in a layout. */
export function canBeTag(name: string): boolean {
  return name.length <= 128 && (tagName.test(name) || layoutName.test(name));
}

// Of the image specification, colons included.
const referenceName =
  /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/;

/** Whether a name may be given to an image in a layout: also one with colons, such as `repository:tag`. */
export function canBeReferenceName(name: string): boolean {
  return canBeTag(name) || (name.length <= 255 && referenceName.test(name));
}

const layoutVersion = '1.0.0';
const layoutFile = 'oci-layout';
const indexFile = 'index.json';
const temporaryPrefix = '.ashlar-';
/** Milliseconds between two tries to get the lock of a layout. */
const lockPause = 25;

/**
 * Opens the OCI image layout (image-spec image-layout.md) in `path`. Throws AshlarError when there is none.
 */
export async function openLayout(path: string): Promise<Layout> {
  const status = await onDisk(`look at ${path}`, () => stat(path).catch(missingAsUndefined));
  if (status === undefined) throw new AshlarError(`there is no OCI layout in ${path}`);
  if (!status.isDirectory()) throw notADirectory(path);
  const layout = await readSmallFile(join(path, layoutFile), 4096).catch(missingAsUndefined);
  if (layout === undefined) throw notALayout(path);
  let version: unknown;
  try {
    version = parseObject(layout, 4096, layoutFile).imageLayoutVersion;
  } catch (cause) {
    throw notALayout(path, cause);
  }
  if (typeof version !== 'string') throw notALayout(path);
  if (!version.startsWith('1.'))
    throw new AshlarError(`the OCI layout in ${path} has the unknown version ${version}`);
  return new Layout(path);
}

/** Opens the layout in `path` or, when the directory is missing or empty, makes it. Throws AshlarError. */
export async function createLayout(path: string): Promise<Layout> {
  const status = await onDisk(`look at ${path}`, () => stat(path).catch(missingAsUndefined));
  if (status && !status.isDirectory()) throw notADirectory(path);
  if (status && (await readdir(path)).some(name => !isPartOfNewLayout(name))) return openLayout(path);
  await onDisk(`make an OCI layout in ${path}`, () =>
    mkdir(join(path, 'blobs', 'sha256'), { recursive: true }),
  );
  // oci-layout comes last, and by link, which never replaces: its inode is what writers lock.
  await writeAtomically(path, indexFile, documentBytes({ schemaVersion: 2, manifests: [] }), link);
  await writeAtomically(
    path,
    layoutFile,
    Buffer.from(JSON.stringify({ imageLayoutVersion: layoutVersion })),
    link,
  );
  return openLayout(path);
}

/** A layout that somebody is making right now, or whose maker was killed, is completed. */
function isPartOfNewLayout(name: string): boolean {
  return name === 'blobs' || name === indexFile || name.startsWith(temporaryPrefix);
}

/** A tag and what it points to. */
export interface TagEntry {
  readonly tag: string;
  readonly descriptor: Descriptor;
}

/** An image layout on disk. Its methods read; everything that writes is in the `LayoutChange` of `change`. */
export class Layout {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** index.json. */
  async index(): Promise<Index> {
    const bytes = await readSmallFile(join(this.path, indexFile), longestManifest);
    return parseIndex(bytes, join(this.path, indexFile));
  }

  /** The tags in their order. A tag that stands there twice (for two platforms) is listed twice. */
  async tags(): Promise<readonly TagEntry[]> {
    const { manifests } = await this.index();
    return manifests.flatMap(descriptor => {
      const tag = descriptor.annotations?.[refName];
      return tag === undefined ? [] : [{ tag, descriptor }];
    });
  }

  /** Where the blob is or would be. */
  blobPath(digest: Digest): string {
    const { algorithm, hex } = digestParts(digest);
    return join(this.path, 'blobs', algorithm, hex);
  }

  /** Whether a regular file of the right size is there; its content is not read. */
  hasBlob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): boolean {
    if (this.misplacedDirectory(digestParts(digest).algorithm) !== undefined) return false;
    const status = lstatSync(this.blobPath(digest), { throwIfNoEntry: false });
    return status?.isFile() === true && status.size === size;
  }

  /** The content of a blob, verified while it is read. Throws AshlarError for a missing or damaged one. */
  async *blob(descriptor: Pick<Descriptor, 'digest' | 'size'>): AsyncGenerator<Uint8Array, void, undefined> {
    await using file = await this.openBlob(descriptor.digest);
    yield* verifying(descriptor, file.createReadStream({ highWaterMark: 256 * 1024, autoClose: false }));
  }

  /** The whole of a blob, for documents. Throws AshlarError when it is larger than `longest` bytes. */
  async readBlob(descriptor: Descriptor, longest: number): Promise<Uint8Array> {
    if (descriptor.size > longest)
      throw new AshlarError(`blob ${descriptor.digest} is larger than ${longest} bytes`);
    return verifiedBytes(descriptor, this.blob(descriptor));
  }

  /** Waits until no other process changes the layout, and keeps it so until the result is disposed of. */
  async change(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<LayoutChange> {
    const path = join(this.path, layoutFile);
    for (;;) {
      const lock = await onDisk(`change the OCI layout ${this.path}`, async () =>
        lockFile(path, { mode: 'exclusive', wait: false }),
      );
      if (lock) return new LayoutChange(this, lock);
      await pause(lockPause, options.signal);
    }
  }

  /** Throws AshlarError when the blobs are not where they belong: a symlink would lead reads and removals astray. */
  checkDirectory(algorithm: string): void {
    const misplaced = this.misplacedDirectory(algorithm);
    if (misplaced !== undefined) throw new AshlarError(`${misplaced} is not a directory`);
  }

  private misplacedDirectory(algorithm: string): string | undefined {
    const blobs = join(this.path, 'blobs');
    return [blobs, join(blobs, algorithm)].find(
      path => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false,
    );
  }

  private async openBlob(digest: Digest): Promise<FileHandle> {
    this.checkDirectory(digestParts(digest).algorithm);
    const path = this.blobPath(digest);
    const file = await openRegularFile(path).catch(missingAsUndefined);
    if (file === undefined) throw new AshlarError(`blob ${digest} is missing in the OCI layout ${this.path}`);
    return file;
  }
}

/** The right to change a layout. Dispose of it soon: others wait. */
export class LayoutChange implements Disposable {
  readonly layout: Layout;
  readonly #lock: FileLock;

  constructor(layout: Layout, lock: FileLock) {
    this.layout = layout;
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  /** Writes a blob from memory. */
  async addBytes(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    if (this.layout.hasBlob(descriptor)) return descriptor;
    await this.#placeBlob(descriptor.digest, async temporary => {
      await using file = await open(temporary, 'wx');
      await file.writeFile(bytes);
    });
    return descriptor;
  }

  /** Writes a blob from a stream, verified on the way. */
  async addStream(descriptor: Descriptor, source: ByteStream): Promise<void> {
    if (this.layout.hasBlob(descriptor)) return;
    await this.#placeBlob(descriptor.digest, async temporary => {
      await using file = await open(temporary, 'wx');
      for await (const chunk of verifying(descriptor, source)) await file.writeFile(chunk);
    });
  }

  /**
   * Adds a blob from a file whose content has been verified, without copying bytes where the file system allows:
   * a reflink, else a hard link, else a copy.
   */
  async addFile(descriptor: Descriptor, source: string): Promise<void> {
    if (this.layout.hasBlob(descriptor)) return;
    await this.#placeBlob(descriptor.digest, temporary => shareFile(source, temporary));
    if (!this.layout.hasBlob(descriptor)) {
      throw new AshlarError(`${source} does not have the ${descriptor.size} bytes of ${descriptor.digest}`);
    }
  }

  /**
   * Points tags to images, all in one write: each tag is taken out and appended at the end, in the order given. The
   * entries without a tag are dropped.
   */
  async setTags(entries: readonly TagEntry[]): Promise<void> {
    const last = new Map(entries.map(({ tag, descriptor }) => [tag, descriptor]));
    await this.#writeIndex(kept => [
      ...kept.filter(({ annotations }) => !last.has(annotations?.[refName] ?? '')),
      ...[...last].map(([tag, descriptor]) => ({
        ...descriptor,
        annotations: { ...descriptor.annotations, [refName]: tag },
      })),
    ]);
  }

  /** Takes tags out; those that are not there are ignored. */
  async removeTags(tags: readonly string[]): Promise<void> {
    await this.#writeIndex(kept =>
      kept.filter(({ annotations }) => !tags.includes(annotations?.[refName] ?? '')),
    );
  }

  /**
   * Removes the blobs that index.json does not lead to (through indexes, manifests and subjects), and what
   * interrupted writers left behind. Returns what was freed, in bytes.
   */
  async removeUnreferencedBlobs(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    const { path } = this.layout;
    const referenced = await this.#referencedBlobs();
    for (const name of await readdir(path)) {
      if (name.startsWith(temporaryPrefix)) await rm(join(path, name), { recursive: true });
    }
    let blobs = 0;
    let bytes = 0;
    for (const algorithm of ['sha256', 'sha512']) {
      this.layout.checkDirectory(algorithm);
      const directory = join(path, 'blobs', algorithm);
      for (const name of (await readdir(directory).catch(missingAsUndefined)) ?? []) {
        if (referenced.has(`${algorithm}:${name}`)) continue;
        const { size } = await lstat(join(directory, name));
        await rm(join(directory, name), { recursive: true });
        blobs += 1;
        bytes += size;
      }
    }
    return { blobs, bytes };
  }

  async #referencedBlobs(): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    const pending: Descriptor[] = [...(await this.layout.index()).manifests];
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (seen.has(next.digest)) continue;
      seen.add(next.digest);
      // An index may name platforms whose images were never copied here.
      if (documentKind(next.mediaType) === undefined || !existsSync(this.layout.blobPath(next.digest)))
        continue;
      const bytes = await this.layout.readBlob(next, longestManifest);
      const document = parseDocument(bytes, next.mediaType, `manifest ${next.digest}`);
      const { subject } = document.kind === 'index' ? document.index : document.manifest;
      if (subject) pending.push(subject);
      if (document.kind === 'index') pending.push(...document.index.manifests);
      else pending.push(document.manifest.config, ...document.manifest.layers);
    }
    return seen;
  }

  async #writeIndex(change: (tagged: readonly Descriptor[]) => readonly Descriptor[]): Promise<void> {
    const index = await this.layout.index();
    const tagged = index.manifests.filter(({ annotations }) => annotations?.[refName] !== undefined);
    await writeAtomically(
      this.layout.path,
      indexFile,
      documentBytes({ ...index, manifests: change(tagged) }),
      rename,
    );
  }

  async #placeBlob(digest: Digest, write: (temporary: string) => Promise<void>): Promise<void> {
    const temporary = join(this.layout.path, temporaryName());
    const target = this.layout.blobPath(parseDigest(digest));
    this.layout.checkDirectory(digestParts(digest).algorithm);
    try {
      await onDisk(`write blob ${digest} to the OCI layout ${this.layout.path}`, async () => {
        await write(temporary);
        await mkdir(join(target, '..'), { recursive: true });
        await rename(temporary, target);
      });
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

async function shareFile(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
  } catch {
    // Not a file system with reflinks, or another one than the source's.
    await rm(target, { force: true });
    await link(source, target).catch(() => copyFile(source, target));
  }
}

/** Writes a file under a temporary name, makes it durable, then gives it its name by `publish`. */
async function writeAtomically(
  directory: string,
  name: string,
  bytes: Uint8Array,
  publish: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const temporary = join(directory, temporaryName());
  try {
    await onDisk(`write ${join(directory, name)}`, async () => {
      {
        await using file = await open(temporary, 'wx', 0o644);
        await file.writeFile(bytes);
        await file.sync();
      }
      await publish(temporary, join(directory, name)).catch(error => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
    });
  } finally {
    await rm(temporary, { force: true });
  }
  await using opened = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  await opened.sync();
}

function temporaryName(): string {
  return `${temporaryPrefix}${randomBytes(8).toString('hex')}`;
}

/** Never follows a link as last component, never waits for a FIFO. */
async function openRegularFile(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === 'ELOOP') throw notARegularFile(path, cause);
    if (codeOf(cause) === 'ENOENT') throw cause;
    throw new AshlarError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  const status: Stats = await file.stat();
  if (status.isFile()) return file;
  await file.close();
  throw notARegularFile(path);
}

async function readSmallFile(path: string, longest: number): Promise<Uint8Array> {
  await using file = await openRegularFile(path);
  const { size } = await file.stat();
  if (size > longest) throw new AshlarError(`${path} is larger than ${longest} bytes`);
  return await file.readFile();
}

/** Errors of the file system are about the user's machine: they say what could not be done there. */
async function onDisk<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new AshlarError(`cannot ${what}: ${messageOf(cause)}`, { cause });
  }
}

function missingAsUndefined(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
}

function notADirectory(path: string): AshlarError {
  return new AshlarError(`parameter oci-dir="${path}" exists but is not a directory.`);
}

function notALayout(path: string, cause?: unknown): AshlarError {
  return new AshlarError(`parameter oci-dir="${path}" exists but does not look like an OCI Layout.`, {
    cause,
    hint: 'give an empty or a new directory',
  });
}

function notARegularFile(path: string, cause?: unknown): AshlarError {
  return new AshlarError(`${path} is not a regular file`, { cause });
}
