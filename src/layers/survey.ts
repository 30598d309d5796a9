/**
 * What a tree on disk holds, path by path, as the contents of a layer tell it. Contents of files are read only where
 * that is needed to tell whether they are as they were, and nobody remembers it.
 */
import { createHash, hash } from 'node:crypto';
import { type Dirent, fstatSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { AT_FDCWD } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote } from './bytes.ts';
import type { ContentsEntry, LayerContents } from './contents.ts';
import {
  type Content,
  type FileStamp,
  fromRecord,
  isSameStamp,
  isSettled,
  type StatCache,
  stampOf,
  toRecord,
} from './file-records.ts';
import { canonicalPath, joinPath, splitLast } from './names.ts';
import { entryOf, type Found, find, findListed, glance, list, xattrsOf } from './scan.ts';
import { unreadable } from './system-errors.ts';
import type { Xattr } from './tar-entry.ts';
import { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

export interface SurveyOptions {
  /** Absolute paths in the tree: what these directories hold is left out. */
  readonly withoutContentOf: readonly string[];
  readonly cache: StatCache;
  /** Whether the hash of a file of this size is needed. */
  readonly isHashNeeded: (path: ByteString, size: number) => boolean;
  readonly signal?: AbortSignal;
}

export interface Surveyed {
  /** Its hash is empty where it was not needed and is not known. */
  readonly entry: ContentsEntry;
  /** Of files. */
  readonly stamp?: FileStamp;
}

export interface Survey {
  /** By canonical path, directories before what they hold. */
  readonly entries: ReadonlyMap<ByteString, Surveyed>;
  /** Whether a path lies in a directory whose content was left out. */
  readonly isLeftOut: (path: ByteString) => boolean;
  readonly warnings: readonly string[];
}

/** @throws AshlarError for what cannot be read, and for files that change while they are. */
export async function surveyTree(directory: string, options: SurveyOptions): Promise<Survey> {
  using found = find(AT_FDCWD, fromText(directory));
  if (found.type !== 'directory') throw new AshlarError(`${directory} is not a directory`);
  const surveyor = new Surveyor(options, found.stat.dev);
  await surveyor.visit(found, '');
  const { entries, leftOut, warnings } = surveyor;
  return {
    entries,
    isLeftOut: path => path !== '' && leftOut.has(splitLast(path).parent),
    warnings: warnings.lines(),
  };
}

/** What is now known of the surveyed files that a layer has: for who remembers what files are. */
export function recordsOfPacked(
  survey: Survey,
  { entries }: LayerContents,
): readonly (readonly [stamp: FileStamp, what: string])[] {
  return [...entries].flatMap(([path, { type, sha256, xattrs }]) => {
    const stamp = survey.entries.get(path)?.stamp;
    return type === 'file' && stamp && isKept(stamp, xattrs) ? [[stamp, toRecord({ sha256, xattrs })]] : [];
  });
}

/** Attributes that name ids mean something else in other namespaces, where the same memory is asked. */
function isKept(stamp: FileStamp, xattrs: readonly Xattr[]): boolean {
  return isSettled(stamp) && xattrs.every(({ name }) => isLocalXattr(name) || name.startsWith('user.'));
}

const CHUNK = 1 << 20;

/** Entries after which others may have the thread. */
const BREATH = 500;

class Surveyor {
  readonly entries = new Map<ByteString, Surveyed>();
  /** Directories without their content. */
  readonly leftOut = new Set<ByteString>();
  readonly warnings = new Warnings();
  readonly #options: SurveyOptions;
  readonly #device: bigint;
  readonly #without: ReadonlySet<ByteString>;
  readonly #firstNames = new Map<string, ByteString>();
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  #sinceBreath = 0;

  constructor(options: SurveyOptions, device: bigint) {
    this.#options = options;
    this.#device = device;
    this.#without = new Set(options.withoutContentOf.map(path => canonicalPath(fromText(path))));
  }

  async visit(found: Found, path: ByteString): Promise<void> {
    this.entries.set(path, { entry: this.#entry(found, path, this.#xattrs(found, path)) });
    if (found.fd === undefined) return;
    const elsewhere = found.stat.dev !== this.#device;
    if (elsewhere || this.#without.has(path)) {
      this.leftOut.add(path);
      if (elsewhere && !this.#without.has(path))
        this.warnings.add('another file system is mounted there, its content was left out', path);
      return;
    }
    await this.#visitChildren(found.fd, path);
  }

  async #visitChildren(fd: number, parent: ByteString): Promise<void> {
    const listed = list(fd);
    const files = this.#recall(fd, parent, listed);
    const read: [FileStamp, string][] = [];
    for (const child of listed) {
      const path = joinPath(parent, child.name);
      const file = files.get(child.name);
      if (file) {
        const content = file.known ?? (await this.#read(fd, child, file.found, path));
        if (!file.known && content.sha256 !== '' && isKept(stampOf(file.found), content.xattrs))
          read.push([stampOf(file.found), toRecord(content)]);
        this.#addFile(file.found, path, content);
      } else {
        await this.#visitOther(fd, child, path);
      }
      await this.#breathe(1);
    }
    if (read.length > 0) this.#options.cache.set(read);
  }

  async #visitOther(fd: number, child: Dirent<ByteString>, path: ByteString): Promise<void> {
    using found = reading(path, () => findListed(fd, child));
    // Awaited here: it is closed when we leave.
    if (found.type === 'directory') return await this.visit(found, path);
    if (found.type === 'socket') return this.warnings.add('a socket was left out', path);
    const entry = this.#entry(found, path, this.#xattrs(found, path));
    if (isOverlayWhiteout(entry)) return this.warnings.add('a device 0:0 was left out', path);
    this.entries.set(path, { entry });
  }

  /** The files of a directory, and what is known of them without opening any. */
  #recall(
    fd: number,
    parent: ByteString,
    listed: readonly Dirent<ByteString>[],
  ): ReadonlyMap<ByteString, { readonly found: Found; readonly known: Content | undefined }> {
    const files = listed
      .filter(entry => entry.isFile())
      .map(({ name }) => ({ name, found: reading(joinPath(parent, name), () => glance(fd, name)) }));
    if (files.length === 0) return new Map();
    const records = this.#options.cache.get(files.map(({ found }) => stampOf(found)));
    return new Map(
      files.map(({ name, found }, i) => {
        const record = records[i];
        const known = record === undefined ? undefined : fromRecord(record);
        // Who remembered it may have been in other namespaces.
        const xattrs = known && known.xattrs.length > 0 ? this.#xattrs(found, joinPath(parent, name)) : [];
        return [name, { found, known: known && { ...known, xattrs } }];
      }),
    );
  }

  #addFile(found: Found, path: ByteString, { sha256, xattrs }: Content): void {
    const entry = { ...this.#entry(found, path, xattrs), sha256 };
    this.entries.set(path, { entry, stamp: stampOf(found) });
  }

  async #read(fd: number, child: Dirent<ByteString>, seen: Found, path: ByteString): Promise<Content> {
    const xattrs = this.#xattrs(seen, path);
    const size = Number(seen.stat.size);
    if (size === 0) return { sha256: EMPTY, xattrs };
    if (!this.#options.isHashNeeded(path, size)) return { sha256: '', xattrs };
    using found = reading(path, () => findListed(fd, child));
    const sum = createHash('sha256');
    for (let at = 0; found.fd !== undefined; ) {
      const count = readSync(found.fd, this.#buffer, 0, CHUNK, at);
      if (count === 0) break;
      sum.update(this.#buffer.subarray(0, count));
      at += count;
      await this.#breathe(BREATH / 8);
    }
    const after = found.fd === undefined ? found.stat : fstatSync(found.fd, { bigint: true });
    if (!isSameStamp(stampOf(seen), stampOf({ stat: after })))
      throw new AshlarError(`${quote(path)} changed while it was read`, {
        hint: 'try again when nobody writes to it',
      });
    return { sha256: sum.digest('hex'), xattrs };
  }

  #xattrs(found: Found, path: ByteString): readonly Xattr[] {
    return reading(path, () => xattrsOf(found, path, this.warnings)).filter(
      ({ name }) => !isOverlayXattr(name) && !isLocalXattr(name),
    );
  }

  #entry(found: Found, path: ByteString, xattrs: readonly Xattr[]): ContentsEntry {
    const type = found.type === 'socket' ? 'fifo' : found.type;
    const { mode, uid, gid, size, mtime, link, major, minor } = entryOf(
      found,
      path,
      type,
      found.stat.mtimeNs,
    );
    const entryType = type === 'hardlink' ? 'file' : type;
    const first = this.#firstName(found, path);
    const entry = { type: entryType, mode, uid, gid, size, mtime, sha256: '', link, major, minor, xattrs };
    return first === undefined ? entry : { ...entry, linkedTo: first };
  }

  #firstName({ stat, type }: Found, path: ByteString): ByteString | undefined {
    if (stat.nlink < 2n || type === 'directory') return undefined;
    const inode = `${stat.dev}:${stat.ino}`;
    const first = this.#firstNames.get(inode);
    if (first === undefined) this.#firstNames.set(inode, path);
    return first;
  }

  async #breathe(weight: number): Promise<void> {
    this.#sinceBreath += weight;
    if (this.#sinceBreath < BREATH) return;
    this.#sinceBreath = 0;
    await setImmediate();
    this.#options.signal?.throwIfAborted();
  }
}

/** SHA-256 of nothing. */
const EMPTY = hash('sha256', '', 'hex');

function reading<T>(path: ByteString, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof AshlarError) throw cause;
    throw unreadable(path, cause);
  }
}
