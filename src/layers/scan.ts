/** Reads directory trees of the host through file descriptors, so that nobody can swap a component underneath. */
import { constants, type Dirent, fstatSync, readdirSync, readlinkSync } from 'node:fs';
import {
  AT_FDCWD,
  FileDescriptor,
  type FileStatus,
  getXattr,
  listXattrs,
  openAt,
  seekData,
  seekHole,
  statusAt,
  unpackDevice,
} from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote, toName } from './bytes.ts';
import type { Flow } from './flow.ts';
import type { EntryType, TarEntry, Xattr } from './tar-entry.ts';
import type { TarWriter } from './tar-writer.ts';
import type { Warnings } from './warnings.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A file or directory that is open for reading, or something else that is only known by its name. */
export interface Found extends Disposable {
  readonly type: EntryType | 'socket';
  readonly stat: FileStatus;
  /** For files and directories. */
  readonly fd: number | undefined;
  /** For calls that take no descriptor. */
  readonly path: string | Buffer;
}

/** What the directory holds, in the order of the names' bytes. */
export function list(fd: number): Dirent<ByteString>[] {
  const entries = readdirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1', withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Opens an entry of a listed directory without following a link and without waiting for anybody. */
export function findListed(dirfd: number, entry: Dirent<ByteString>): Found {
  if (entry.isFile()) return open(dirfd, entry.name, 'file');
  if (entry.isDirectory()) return open(dirfd, entry.name, 'directory');
  return find(dirfd, entry.name);
}

/** What stands under a name, by its status alone: nothing is opened. */
export function glance(dirfd: number, name: ByteString): Found {
  const stat = statusAt(dirfd, toName(name));
  return { type: typeOf(stat), stat, fd: undefined, path: pathOf(dirfd, name), [Symbol.dispose]() {} };
}

/** The same for any name in a directory, or any path with `AT_FDCWD`. */
export function find(dirfd: number, name: ByteString): Found {
  const found = glance(dirfd, name);
  const { type } = found;
  return type === 'file' || type === 'directory' ? open(dirfd, name, type) : found;
}

/** Another kind of file may have come in place of the one that was seen: never to be waited for, and an error. */
function open(dirfd: number, name: ByteString, type: 'file' | 'directory'): Found {
  const flags = O_RDONLY | O_NOFOLLOW | (type === 'directory' ? O_DIRECTORY : O_NONBLOCK);
  const opened = new FileDescriptor(openAt(dirfd, toName(name), flags));
  const stat = fstatSync(opened.fd, { bigint: true });
  if (typeOf(stat) !== type) {
    opened[Symbol.dispose]();
    throw new AshlarError(`${quote(name)} was replaced while it was read`);
  }
  return {
    type,
    stat,
    fd: opened.fd,
    path: pathOf(dirfd, name),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

function pathOf(dirfd: number, name: ByteString): string | Buffer {
  return toName(name.startsWith('/') ? name : `/proc/self/fd/${dirfd}/${name}`);
}

/**
 * Opens what a user named. Links in the parents are followed, a link itself is not.
 * Throws an AshlarError unless it is a file, a directory or a link.
 */
export function findSource(source: string): Found {
  if (!source.startsWith('/')) throw new AshlarError(`the path ${source} is not absolute`);
  const trimmed = source.replace(/\/+$/, '') || '/';
  let found: Found;
  try {
    found = find(AT_FDCWD, fromText(trimmed));
  } catch (cause) {
    if (cause instanceof AshlarError) throw cause;
    throw new AshlarError(`cannot read ${source}`, { cause });
  }
  if (found.type !== 'file' && found.type !== 'directory' && found.type !== 'symlink') {
    throw new AshlarError(`${source} is neither a file nor a directory`);
  }
  return found;
}

function typeOf(stat: FileStatus): Found['type'] {
  switch (Number(stat.mode) & constants.S_IFMT) {
    case constants.S_IFDIR:
      return 'directory';
    case constants.S_IFLNK:
      return 'symlink';
    case constants.S_IFCHR:
      return 'character';
    case constants.S_IFBLK:
      return 'block';
    case constants.S_IFIFO:
      return 'fifo';
    case constants.S_IFSOCK:
      return 'socket';
    default:
      return 'file';
  }
}

/** What a tar says about it, with the size of the content for files; extended attributes are left to the caller. */
export function entryOf(found: Found, path: ByteString, type: EntryType, latest: bigint): TarEntry {
  const { stat } = found;
  return {
    path,
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: type === 'file' ? Number(stat.size) : 0,
    mtime: earlier(stat.mtimeNs, latest),
    link: found.type === 'symlink' ? readlinkSync(found.path, { encoding: 'latin1' }) : '',
    ...deviceOf(found),
    xattrs: [],
  };
}

export function deviceOf(found: Found): { major: number; minor: number } {
  const isDevice = found.type === 'character' || found.type === 'block';
  return isDevice ? unpackDevice(found.stat.rdev) : { major: 0, minor: 0 };
}

/** Math.min does not take bigints. */
export function earlier(time: bigint, latest: bigint): bigint {
  if (time > latest) return latest;
  return time;
}

/** Remembers inodes that have several names. */
export class HardLinks {
  readonly #first = new Map<string, ByteString>();

  /** The path under which the inode was met before; `undefined` when this is the first one. */
  meet(found: Found, path: ByteString): ByteString | undefined {
    if (found.stat.nlink < 2n || found.type === 'directory') return undefined;
    const inode = `${found.stat.dev}:${found.stat.ino}`;
    const first = this.#first.get(inode);
    if (first === undefined) this.#first.set(inode, path);
    return first;
  }
}

/** The extended attributes that a tar can hold, sorted by name. */
export function xattrsOf(found: Found, path: ByteString, warnings: Warnings): Xattr[] {
  return listXattrs(found.path).flatMap(text => {
    const name = fromText(text);
    if (name.includes('=')) {
      warnings.add(`the attribute ${text} was left out: a tar cannot hold its name`, path);
      return [];
    }
    const value = getXattr(found.path, text);
    return value === undefined ? [] : [{ name, value }];
  });
}

/**
 * Writes the content of an open file, without reading its holes.
 * Throws an AshlarError when the file has not the size that it had.
 */
export function* writeContent(writer: TarWriter, fd: number, stat: FileStatus, path: ByteString): Flow<void> {
  const size = Number(stat.size);
  const sparse = stat.blocks * 512n < stat.size;
  let at = 0;
  do {
    const data = sparse ? Math.min(seekData(fd, at) ?? size, size) : at;
    yield* writer.zeros(data - at);
    const end = sparse && data < size ? Math.min(seekHole(fd, data), size) : size;
    if (!(yield* writer.copy(fd, data, end - data, size))) {
      throw new AshlarError(`${quote(path)} changed while it was read`);
    }
    at = end;
  } while (at < size);
  yield* writer.pad(size);
}

/** Throws an AshlarError for names that would mean something else in a layer. */
export function checkLayerName(name: ByteString, path: ByteString): void {
  if (!name.startsWith('.wh.')) return;
  throw new AshlarError(`${quote(path)} cannot be kept in a layer`, {
    hint: 'names that begin with ".wh." stand for deleted files there',
  });
}
