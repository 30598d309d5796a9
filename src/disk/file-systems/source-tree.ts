/** What is in a directory tree: every name in the order of its bytes, every inode once. */
import { constants, type Dirent, readlinkSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import {
  type ByteString,
  glance,
  isLocalXattr,
  isOverlayXattr,
  listDirectory,
  toText,
  type Xattr,
} from '../../layers/index.ts';
import {
  AT_FDCWD,
  FileDescriptor,
  type FileStatus,
  getXattr,
  type InodeType,
  listXattrs,
  openAt,
  openBeneath,
  seekData,
  seekHole,
  unpackDevice,
} from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { alignUp } from '../pieces.ts';

/** An inode of the tree. */
export interface SourceInode {
  readonly type: InodeType;
  /** 0-0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file's content, holes included. */
  readonly size: number;
  /** Bytes of a file that are no holes, rounded up to 4096. */
  readonly stored: number;
  /** What of a file is not in holes; absent where it has none. */
  readonly data?: readonly Stretch[];
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Target of a symbolic link. */
  readonly link: ByteString;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: readonly Xattr[];
  /** Its first name, relative to the tree; the tree itself is the empty one. */
  readonly path: ByteString;
  /** How many names of the tree it has. */
  names: number;
}

/** A part of a file's content. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** A name in the tree. */
export interface SourceEntry {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly inode: SourceInode;
}

export interface SourceTree {
  readonly directory: string;
  readonly root: SourceInode;
  /** What each directory holds, by its path; directories come before what is in them. */
  readonly directories: ReadonlyMap<ByteString, readonly SourceEntry[]>;
  /** All inodes in the order in which they are met, the root first. */
  readonly inodes: readonly SourceInode[];
}

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** What file systems of ours count and store in. */
export const BLOCK = 4096;

/**
 * Zeros of this length, from a multiple of it on, are holes, and nothing else is. Where a machine keeps holes of a tree says
 * nothing: layers have none. No file system has larger blocks.
 */
const HOLE = 1 << 16;
const ZEROS = Buffer.alloc(HOLE);

/** Inodes after which others have their turn. */
const AT_ONCE = 1024;

/** Attributes that every file system has; others are of one kind: `btrfs.compression`, `system.cifs_acl`. */
const PORTABLE = /^(?:(?:user|trusted|security)\.|system\.posix_acl_(?:access|default)$)/;

/** What names in directories of ext2/3/4 and xfs say of what they name. */
export const FILE_TYPES: Readonly<Record<InodeType, number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
};

/** What of a tree is read; everything where nothing is said. */
interface Selection {
  /** Directories whose content is left out. */
  readonly without?: readonly ByteString[];
  readonly only?: (entry: Dirent<ByteString>) => boolean;
  /** Told once for each name of an attribute that is left out and says nothing of this machine alone. */
  readonly warn?: (message: string) => void;
}

/** Reads all names and attributes of a tree. Throws an AshlarError when the tree changes meanwhile. */
export async function readTree(
  directory: string,
  signal: AbortSignal,
  selection: Selection = {},
): Promise<SourceTree> {
  signal.throwIfAborted();
  const reader = new TreeReader(selection, signal);
  using top = new FileDescriptor(openAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  const root = reader.inode(top.fd, '.', '');
  await reader.directory(top.fd, '');
  return { directory, root, directories: reader.directories, inodes: reader.inodes };
}

/** Opens a file of the tree for reading; no symbolic link leads elsewhere. */
export function openSource(root: number, path: ByteString): FileDescriptor {
  const name = Buffer.from(path, 'latin1');
  return new FileDescriptor(openBeneath(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
}

/** Reads the content of a file from a place on; behind its end are zeros. Throws an AshlarError when it ends before. */
export function readSource(fd: number, into: Buffer, from: number, { path, size }: SourceInode): void {
  const wanted = Math.min(into.length, size - from);
  for (let done = 0; done < wanted; ) {
    const count = readSync(fd, into, done, wanted - done, from + done);
    if (count === 0) throw new AshlarError(`${nameOf(path)} changed while it was read`);
    done += count;
  }
  into.fill(0, Math.max(0, wanted));
}

class TreeReader {
  readonly directories = new Map<ByteString, readonly SourceEntry[]>();
  readonly inodes: SourceInode[] = [];
  readonly #linked = new Map<string, SourceInode>();
  readonly #without: ReadonlySet<ByteString>;
  readonly #only: (entry: Dirent<ByteString>) => boolean;
  readonly #warn: (message: string) => void;
  readonly #signal: AbortSignal;
  readonly #leftOut = new Set<ByteString>();
  /** How many inodes there were when others had their turn. */
  #paused = 0;

  constructor({ without = [], only = () => true, warn = () => {} }: Selection, signal: AbortSignal) {
    this.#without = new Set(without);
    this.#only = only;
    this.#warn = warn;
    this.#signal = signal;
  }

  async directory(fd: number, path: ByteString): Promise<void> {
    await this.#pause();
    const found = this.#without.has(path) ? [] : listDirectory(fd).filter(this.#only);
    const entries = found.map(({ name }) => {
      const at = path === '' ? name : `${path}/${name}`;
      return { path: at, name, inode: this.inode(fd, name, at) };
    });
    this.directories.set(path, entries);
    for (const { path: below, name, inode } of entries) {
      if (inode.type !== 'directory') continue;
      const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
      using child = new FileDescriptor(openAt(fd, Buffer.from(name, 'latin1'), flags));
      await this.directory(child.fd, below);
    }
  }

  /** Others have their turn now and then, those who want it stopped among them. */
  async #pause(): Promise<void> {
    if (this.inodes.length - this.#paused < AT_ONCE) return;
    this.#paused = this.inodes.length;
    await setImmediate();
    this.#signal.throwIfAborted();
  }

  inode(dirfd: number, name: ByteString, path: ByteString): SourceInode {
    using found = glance(dirfd, name);
    const { type, stat } = found;
    if (type === 'hardlink') throw new AshlarError('an inode is never a link');
    const key = type !== 'directory' && stat.nlink > 1n ? `${stat.dev}:${stat.ino}` : undefined;
    const known = key === undefined ? undefined : this.#linked.get(key);
    if (known) {
      known.names += 1;
      return known;
    }
    const isDevice = type === 'character' || type === 'block';
    const size = type === 'file' ? Number(stat.size) : 0;
    const inode: SourceInode = {
      type,
      mode: Number(stat.mode) & 0o7777,
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      size,
      ...(size < HOLE ? { stored: roundUp(size) } : findData(dirfd, name, stat)),
      mtime: stat.mtimeNs,
      link: type === 'symlink' ? readlinkSync(found.path, { encoding: 'latin1' }) : '',
      ...(isDevice ? unpackDevice(stat.rdev) : { major: 0, minor: 0 }),
      xattrs: this.#attributes(found.path, path),
      path,
      names: 1,
    };
    if (key !== undefined) this.#linked.set(key, inode);
    this.inodes.push(inode);
    return inode;
  }

  /** All but those that say something of the machine on which the tree lies, and those that only its kind has. */
  #attributes(at: string | Buffer, path: ByteString): readonly Xattr[] {
    return listXattrs(at).flatMap(text => {
      const name = Buffer.from(text).toString('latin1');
      if (isLocalXattr(name) || isOverlayXattr(name) || name.startsWith('trusted.SGI_ACL_')) return [];
      if (!PORTABLE.test(name)) {
        if (!this.#leftOut.has(name))
          this.#warn(`the attribute ${JSON.stringify(text)} is left out, of ${nameOf(path)} and all others`);
        this.#leftOut.add(name);
        return [];
      }
      const value = getXattr(at, text);
      return value === undefined ? [] : [{ name, value }];
    });
  }
}

/** Programs that read a tree themselves take along what this machine's SELinux says of it. */
export function warnOfLabels({
  tree,
  warn,
}: {
  readonly tree: string;
  readonly warn: (message: string) => void;
}): void {
  if (getXattr(tree, 'security.selinux') === undefined) return;
  warn('the labels that SELinux gives files on this machine come into the file system');
}

function findData(
  dirfd: number,
  name: ByteString,
  stat: Pick<FileStatus, 'size' | 'blocks'>,
): Pick<SourceInode, 'stored' | 'data'> {
  const size = Number(stat.size);
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  using file = new FileDescriptor(openAt(dirfd, Buffer.from(name, 'latin1'), flags));
  const data: Stretch[] = [];
  const isSparse = stat.blocks * 512n < stat.size;
  for (const { start, end } of isSparse ? dataOf(file.fd, size) : [{ start: 0, end: size }]) {
    for (let at = Math.floor(start / HOLE) * HOLE; at < end; at += HOLE) {
      const last = data.at(-1);
      if ((last !== undefined && at < last.end) || isZero(file.fd, at)) continue;
      const next = { start: at, end: Math.min(at + HOLE, size) };
      if (last?.end === at) data.splice(-1, 1, { ...last, end: next.end });
      else data.push(next);
    }
  }
  const stored = data.reduce((sum, { start, end }) => sum + roundUp(end - start), 0);
  return stored === roundUp(size) ? { stored } : { stored, data };
}

const probe = Buffer.alloc(64);
const piece = Buffer.alloc(HOLE);

/** Most of what is not zero says so with its first bytes. */
function isZero(fd: number, at: number): boolean {
  return [probe, piece].every(buffer => {
    const count = readUpTo(fd, buffer, at);
    return ZEROS.compare(buffer, 0, count, 0, count) === 0;
  });
}

/** Reads until the buffer is full or the file ends; a system may give less at once. Returns how much there is. */
function readUpTo(fd: number, into: Buffer, at: number): number {
  let done = 0;
  for (let count = -1; count !== 0 && done < into.length; done += count)
    count = readSync(fd, into, done, into.length - done, at + done);
  return done;
}

/** The stretches of a file that are no holes. */
export function* dataOf(fd: number, size: number): Generator<Stretch> {
  for (let at = 0; at < size; ) {
    const start = seekData(fd, at);
    if (start === undefined || start >= size) return;
    const end = Math.min(seekHole(fd, start), size);
    yield { start, end };
    at = end;
  }
}

export function roundUp(bytes: number): number {
  return alignUp(bytes, BLOCK);
}

/** For messages. */
export function nameOf(path: ByteString): string {
  return JSON.stringify(`/${toText(path)}`);
}
