/** What files of the host are, as one number: for cache keys. */
import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from './bytes.ts';
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

/**
 * The SHA-256 (64 hexadecimal digits) of what a file or directory is. A file: its permissions and bytes. A link: its
 * target. A directory: type, link target, owner, permissions, extended attributes and bytes of everything in it.
 * Times do not count. Links in the parents of the path are followed.
 * Throws an AshlarError when the path cannot be read or is neither file, directory nor link.
 */
export async function digestOfFiles(path: string, cache?: StatCache): Promise<string> {
  const hasher = new TreeHasher(cache);
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
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  readonly #warnings = new Warnings();
  #sinceBreath = 0;

  constructor(cache: StatCache | undefined) {
    this.#cache = cache;
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
    this.#describe(found, path);
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
      this.#describe(child, childPath);
      if (child.type === 'file') this.field(await this.contentOf(child));
    }
  }

  #describe(found: Found, path: ByteString): void {
    this.field(found.type);
    this.field(path);
    const { mode, uid, gid, link, major, minor } = entryOf(
      found,
      path,
      found.type === 'socket' ? 'fifo' : found.type,
      0n,
    );
    this.field([mode, uid, gid, major, minor].join(' '));
    this.field(link);
    const xattrs = xattrsOf(found, path, this.#warnings);
    this.field(String(xattrs.length));
    for (const { name, value } of xattrs) {
      this.field(name);
      this.field(value);
    }
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
