/** What files of the host are, as one number: for cache keys. */
import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type ByteString, toText } from './bytes.ts';
import { joinPath } from './names.ts';
import { entryOf, type Found, findListed, findSource, list, xattrsOf } from './scan.ts';
import { Warnings } from './warnings.ts';

/** Everything that changes when the content of a file does. */
export interface FileStamp {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly ctime: bigint;
}

/** Remembers the SHA-256 (64 hexadecimal digits) of files that did not change. */
export interface StatCache {
  get(stamp: FileStamp): string | undefined;
  set(stamp: FileStamp, sha256: string): void;
}

/** An entry of a directory, for comparisons of directories entry by entry. */
export interface ListedEntry {
  /** Relative to the directory; empty for itself. */
  readonly path: string;
  /** Equal for equal entries: all that counts for the digest but the path. */
  readonly description: string;
}

/**
 * The SHA-256 (64 hexadecimal digits) of what a file or directory is. A file: its permissions and bytes. A link: its
 * target. A directory: type, link target, owner, permissions, extended attributes and bytes of everything in it.
 * Times do not count. Links in the parents of the path are followed. `onEntry` hears of the entries of a directory,
 * itself included.
 * Throws an AshlarError when the path cannot be read or is neither file, directory nor link.
 */
export async function digestOfFiles(
  path: string,
  cache?: StatCache,
  onEntry?: (entry: ListedEntry) => void,
): Promise<string> {
  const hasher = new TreeHasher(cache, onEntry);
  using found = findSource(path);
  switch (found.type) {
    case 'directory':
      await hasher.addDirectory(found, '');
      break;
    case 'file':
      hasher.field('file');
      hasher.field(String(Number(found.stat.mode) & 0o7777));
      hasher.field(await hasher.contentOf(found));
      break;
    default:
      hasher.field('link');
      hasher.field(entryOf(found, '', 'symlink', 0n).link);
  }
  return hasher.digest();
}

class TreeHasher {
  readonly #hash: Hash = createHash('sha256');
  readonly #cache: StatCache | undefined;
  readonly #onEntry: ((entry: ListedEntry) => void) | undefined;
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  readonly #warnings = new Warnings();
  #sinceBreath = 0;

  constructor(cache: StatCache | undefined, onEntry: ((entry: ListedEntry) => void) | undefined) {
    this.#cache = cache;
    this.#onEntry = onEntry;
    this.field('ashlar files 1');
  }

  digest(): string {
    return this.#hash.digest('hex');
  }

  /** Each field carries its length, so that no two sequences of fields look alike. */
  field(bytes: ByteString | Uint8Array): void {
    this.#hash.update(`${bytes.length}:`);
    if (typeof bytes === 'string') this.#hash.update(bytes, 'latin1');
    else this.#hash.update(bytes);
  }

  async addDirectory(found: Found, path: ByteString): Promise<void> {
    this.#tell(path, this.#describe(found, path));
    if (found.fd === undefined) return;
    const entries = list(found.fd);
    this.field(String(entries.length));
    for (const entry of entries) {
      using child = findListed(found.fd, entry);
      const childPath = joinPath(path, entry.name);
      if (child.type === 'directory') {
        await this.addDirectory(child, childPath);
        continue;
      }
      const description = this.#describe(child, childPath);
      const content = child.type === 'file' ? await this.contentOf(child) : '';
      if (child.type === 'file') this.field(content);
      this.#tell(childPath, `${description} ${content}`);
    }
  }

  #tell(path: ByteString, description: string): void {
    this.#onEntry?.({ path: toText(path), description });
  }

  #describe(found: Found, path: ByteString): string {
    const { mode, uid, gid, link, major, minor } = entryOf(
      found,
      path,
      found.type === 'socket' ? 'fifo' : found.type,
      0n,
    );
    const numbers = [mode, uid, gid, major, minor].join(' ');
    const xattrs = xattrsOf(found, path, this.#warnings);
    for (const field of [found.type, path, numbers, link, String(xattrs.length)]) this.field(field);
    for (const { name, value } of xattrs) {
      this.field(name);
      this.field(value);
    }
    if (!this.#onEntry) return '';
    const attributes = xattrs.map(({ name, value }) => `${name}=${Buffer.from(value).toString('base64')}`);
    return [found.type, numbers, link, ...attributes].join(' ');
  }

  /** The SHA-256 of a file's bytes. */
  async contentOf({ fd, stat }: Found): Promise<string> {
    const stamp: FileStamp = {
      device: stat.dev,
      inode: stat.ino,
      size: stat.size,
      mtime: stat.mtimeNs,
      ctime: stat.ctimeNs,
    };
    const known = this.#cache?.get(stamp);
    if (known !== undefined || fd === undefined) return known ?? '';
    const hash = createHash('sha256');
    for (;;) {
      const count = readSync(fd, this.#buffer, 0, CHUNK, null);
      if (count === 0) break;
      hash.update(this.#buffer.subarray(0, count));
      await this.#breathe(count);
    }
    const sha256 = hash.digest('hex');
    if (isSettled(stamp)) this.#cache?.set(stamp, sha256);
    return sha256;
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

/** A file changed this lately could change again within the same tick of the file system's clock, unnoticed. */
const SETTLED_AFTER_MS = 2000;

function isSettled({ mtime, ctime }: FileStamp): boolean {
  const latest = Number((mtime > ctime ? mtime : ctime) / 1_000_000n);
  return Date.now() - latest > SETTLED_AFTER_MS;
}
