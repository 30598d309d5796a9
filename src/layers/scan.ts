/** Reads directory trees of the host through file descriptors, so that nobody can swap a component underneath. */
import {
  type BigIntStats,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import {
  FileDescriptor,
  getXattr,
  listXattrs,
  openAt,
  seekData,
  seekHole,
  unpackDevice,
} from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote, toName } from './bytes.ts';
import type { Flow } from './flow.ts';
import type { EntryType, Xattr } from './tar-entry.ts';
import type { TarWriter } from './tar-writer.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A file or directory that is open for reading, or something else that is only known by its name. */
export interface Found extends Disposable {
  readonly type: EntryType | 'socket';
  readonly stat: BigIntStats;
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

/** Opens an entry of a directory (or `AT_FDCWD`) without following a link and without waiting for anybody. */
export function find(dirfd: number, name: ByteString): Found {
  const path = toName(name.startsWith('/') ? name : `/proc/self/fd/${dirfd}/${name}`);
  const stat = lstatSync(path, { bigint: true });
  const type = typeOf(stat);
  if (type !== 'file' && type !== 'directory')
    return { type, stat, fd: undefined, path, [Symbol.dispose]() {} };
  const flags = O_RDONLY | O_NOFOLLOW | (type === 'directory' ? O_DIRECTORY : O_NONBLOCK);
  const open = new FileDescriptor(openAt(dirfd, toName(name), flags));
  const opened = fstatSync(open.fd, { bigint: true });
  if (opened.ino !== stat.ino || opened.dev !== stat.dev || typeOf(opened) !== type) {
    open[Symbol.dispose]();
    throw new AshlarError(`${quote(name)} was replaced while it was read`);
  }
  return { type, stat: opened, fd: open.fd, path, [Symbol.dispose]: () => open[Symbol.dispose]() };
}

function typeOf(stat: BigIntStats): Found['type'] {
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

export function linkTarget(found: Found): ByteString {
  return found.type === 'symlink' ? readlinkSync(found.path, { encoding: 'latin1' }) : '';
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

/** All extended attributes, sorted by name. */
export function xattrsOf(found: Found): Xattr[] {
  const names = listXattrs(found.path);
  if (names.length === 0) return [];
  return names.flatMap(name => {
    const value = getXattr(found.path, name);
    return value === undefined ? [] : [{ name: fromText(name), value: Buffer.from(value) }];
  });
}

/** Writes the content of an open file, without reading its holes. */
export function* writeContent(
  writer: TarWriter,
  fd: number,
  stat: BigIntStats,
  name: ByteString,
): Flow<void> {
  const size = Number(stat.size);
  const sparse = stat.blocks * 512n < stat.size;
  let at = 0;
  while (at < size) {
    const data = sparse ? Math.min(seekData(fd, at) ?? size, size) : 0;
    if (data > at) {
      yield* writer.zeros(data - at);
      at = data;
      continue;
    }
    const end = sparse ? Math.min(seekHole(fd, at), size) : size;
    if (!(yield* writer.copy(fd, at, end - at, size))) {
      throw new AshlarError(`${quote(name)} changed while it was read`);
    }
    at = end;
  }
  yield* writer.pad(size);
}
