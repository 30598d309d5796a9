/** What files of the host are, as one number: for cache keys. */
import { createHash, type Hash } from 'node:crypto';
import { type Dirent, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, toText } from './bytes.ts';
import {
  type Content,
  type FileStamp,
  fromRecord,
  isSettled,
  type StatCache,
  stampOf,
  toRecord,
} from './file-records.ts';
import { checkLinksStayInside } from './link-bounds.ts';
import { joinPath } from './names.ts';
import { entryOf, type Found, findListed, findSource, glance, list, xattrsOf } from './scan.ts';
import type { Xattr } from './tar-entry.ts';
import { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayXattr } from './whiteouts.ts';

/** An entry of a directory, for comparisons of directories entry by entry. */
export interface ListedEntry {
  /** Relative to the directory; empty for itself. */
  readonly path: string;
  /** Equal for equal entries: all that counts for the digest but the path. */
  readonly description: string;
}

export interface DigestOptions {
  readonly cache?: StatCache | undefined;
  /** Hears of the entries of a directory, itself included. */
  readonly onEntry?: ((entry: ListedEntry) => void) | undefined;
  /** Symbolic links in a directory must not lead out of it. */
  readonly confined?: boolean | undefined;
}

/**
 * The SHA-256 (64 hexadecimal digits) of what a file or directory is. A file: its permissions, bytes, and extended
 * attributes where it has some. A link: its
 * target. A directory: type, link target, owner, permissions, extended attributes and bytes of everything in it.
 * Times do not count. Links in the parents of the path are followed.
 * Throws an AshlarError when the path cannot be read or is neither file, directory nor link, or for a link that leads
 * out of a directory where that is not allowed.
 */
export async function digestOfFiles(
  path: string,
  { cache, onEntry, confined = false }: DigestOptions = {},
): Promise<string> {
  const hasher = new TreeHasher(cache, onEntry);
  using found = findSource(path);
  switch (found.type) {
    case 'directory':
      await hasher.addDirectory(found, '');
      if (confined) checkLinksStayInside(hasher.links);
      break;
    case 'file':
      hasher.field('file');
      hasher.field(String(Number(found.stat.mode) & 0o7777));
      hasher.field(await hasher.contentOfFile(found));
      hasher.attributesOfFile(found);
      break;
    default:
      hasher.field('link');
      hasher.field(entryOf(found, '', 'symlink', 0n).link);
  }
  return hasher.digest();
}

/** The SHA-256 (64 hexadecimal digits) of the bytes of a file. Throws an AshlarError when that cannot be read. */
export async function digestOfContent(path: string, cache?: StatCache): Promise<string> {
  using found = findSource(path);
  if (found.type !== 'file') throw new AshlarError(`${path} is not a file`);
  // Awaited here: the file is closed when we leave.
  return await new TreeHasher(cache, undefined).contentOfFile(found);
}

class TreeHasher {
  readonly #hash: Hash = createHash('sha256');
  /** Symbolic links that were met in a directory, and their targets. */
  readonly links = new Map<ByteString, ByteString>();
  readonly #cache: StatCache | undefined;
  readonly #onEntry: ((entry: ListedEntry) => void) | undefined;
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  readonly #warnings = new Warnings();
  /** Not hashed yet: a few large pieces are quicker than many small ones. */
  #fields: ByteString = '';
  #sinceBreath = 0;

  constructor(cache: StatCache | undefined, onEntry: ((entry: ListedEntry) => void) | undefined) {
    this.#cache = cache;
    this.#onEntry = onEntry;
    this.field('ashlar files 1');
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  /** Each field carries its length, so that no two sequences of fields look alike. */
  field(bytes: ByteString | Uint8Array): void {
    const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
    this.#fields += `${bytes.length}:${text}`;
    if (this.#fields.length > ENOUGH) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#fields, 'latin1');
    this.#fields = '';
  }

  async addDirectory(found: Found, path: ByteString): Promise<void> {
    this.#tell(path, this.#describe(found, path, xattrsOf(found, path, this.#warnings)));
    if (found.fd === undefined) return;
    const entries = list(found.fd);
    this.field(String(entries.length));
    const known = this.#recall(found.fd, entries);
    const read: [FileStamp, string][] = [];
    for (const entry of entries) {
      const childPath = joinPath(path, entry.name);
      const unchanged = known.get(entry.name);
      if (unchanged) {
        this.#addFile(unchanged.found, childPath, unchanged.content);
        continue;
      }
      using child = findListed(found.fd, entry);
      if (child.type === 'directory') await this.addDirectory(child, childPath);
      else if (child.type === 'file') {
        const content = await this.#read(child, childPath);
        if (isSettled(stampOf(child))) read.push([stampOf(child), toRecord(content)]);
        this.#addFile(child, childPath, content);
      } else {
        this.#tell(childPath, this.#describe(child, childPath, xattrsOf(child, childPath, this.#warnings)));
      }
    }
    if (read.length > 0) this.#cache?.set(read);
  }

  /** The SHA-256 of the bytes of a file that stands for itself. */
  async contentOfFile(found: Found): Promise<string> {
    const stamp = stampOf(found);
    const [known] = this.#cache?.get([stamp]) ?? [];
    if (known !== undefined) return fromRecord(known).sha256;
    const content = await this.#read(found, '');
    if (isSettled(stamp)) this.#cache?.set([[stamp, toRecord(content)]]);
    return content.sha256;
  }

  /** Nothing where there are none: what a file without any is has not to change. */
  attributesOfFile(found: Found): void {
    for (const { name, value } of xattrsOf(found, '', this.#warnings)) {
      if (isOverlayXattr(name) || isLocalXattr(name)) continue;
      this.field(name);
      this.field(value);
    }
  }

  /** The files of a directory that are as they were when they were read: nobody has to open them again. */
  #recall(
    dirfd: number,
    entries: readonly Dirent<ByteString>[],
  ): ReadonlyMap<ByteString, { readonly found: Found; readonly content: Content }> {
    if (!this.#cache) return new Map();
    const files = entries
      .filter(entry => entry.isFile())
      .map(({ name }) => ({ name, found: glance(dirfd, name) }));
    const records = this.#cache.get(files.map(({ found }) => stampOf(found)));
    return new Map(
      files.flatMap(({ name, found }, i) => {
        const record = records[i];
        return record === undefined ? [] : [[name, { found, content: fromRecord(record) }] as const];
      }),
    );
  }

  #addFile(found: Found, path: ByteString, { sha256, xattrs }: Content): void {
    const description = this.#describe(found, path, xattrs);
    this.field(sha256);
    this.#tell(path, `${description} ${sha256}`);
  }

  #tell(path: ByteString, description: string): void {
    this.#onEntry?.({ path: toText(path), description });
  }

  #describe(found: Found, path: ByteString, xattrs: readonly Xattr[]): string {
    const { mode, uid, gid, link, major, minor } = entryOf(
      found,
      path,
      found.type === 'socket' ? 'fifo' : found.type,
      0n,
    );
    const numbers = [mode, uid, gid, major, minor].join(' ');
    for (const field of [found.type, path, numbers, link, String(xattrs.length)]) this.field(field);
    if (found.type === 'symlink') this.links.set(path, link);
    for (const { name, value } of xattrs) {
      this.field(name);
      this.field(value);
    }
    if (!this.#onEntry) return '';
    const attributes = xattrs.map(({ name, value }) => `${name}=${Buffer.from(value).toString('base64')}`);
    return [found.type, numbers, link, ...attributes].join(' ');
  }

  async #read(found: Found, path: ByteString): Promise<Content> {
    const xattrs = xattrsOf(found, path, this.#warnings);
    if (found.fd === undefined) return { sha256: '', xattrs };
    const hash = createHash('sha256');
    for (;;) {
      const count = readSync(found.fd, this.#buffer, 0, CHUNK, null);
      if (count === 0) break;
      hash.update(this.#buffer.subarray(0, count));
      await this.#breathe(count);
    }
    return { sha256: hash.digest('hex'), xattrs };
  }

  /** Lets others have the thread now and then. */
  async #breathe(bytes: number): Promise<void> {
    this.#sinceBreath += bytes;
    if (this.#sinceBreath < 8 * CHUNK) return;
    this.#sinceBreath = 0;
    await setImmediate();
  }
}

const CHUNK = 1 << 20;

/** Bytes of fields that are worth a call of their own. */
const ENOUGH = 1 << 15;
