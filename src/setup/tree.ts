/**
 * A root tree that is changed. Paths are those of the tree: every link on the way leads where it would lead with the
 * tree as root, so that nothing outside of it is read or written. Directories keep their times whatever is changed in
 * them, and what is made has one time: the result does not tell when it was made.
 */
import { chmodSync, closeSync, constants, fstatSync, readFileSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import {
  AT_FDCWD,
  chmodFd,
  chownAt,
  chownFd,
  FileDescriptor,
  type FileStatus,
  mkdirAt,
  O_PATH,
  openAt,
  openIn,
  setTimesAt,
  setTimesFd,
  statusAt,
  symlinkAt,
} from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import {
  clear,
  directoriesIn,
  isDirectory,
  isLink,
  isRegular,
  lookAt,
  namesIn,
  openDirectory,
  readLink,
  toBytes,
} from './entries.ts';
import type { SetupOptions } from './types.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/** Of files that are read; strangers choose what is in a tree. */
const LARGEST = 16 * 1024 ** 2;

/** What the system says of a path that leads to nothing, or to a FIFO that nobody writes to. */
const NOWHERE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What something gets that is made. */
export interface Attributes extends Owner {
  readonly mode: number;
  /** Nanoseconds since 1970; the time of all that is made when absent. */
  readonly mtime?: bigint;
}

/** Names and contents are bytes, each a character: those of a tree need not be text. */
export class SetupTree implements Disposable {
  readonly options: SetupOptions;
  readonly #root: FileDescriptor;

  /** @param root A directory of the host. */
  constructor(root: string, options: SetupOptions) {
    this.options = options;
    this.#root = new FileDescriptor(openAt(AT_FDCWD, root, O_PATH | O_DIRECTORY));
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]();
  }

  /** What is at the path, links followed; undefined where nothing is. */
  status(path: string): FileStatus | undefined {
    return this.#opened(path, O_PATH, fd => fstatSync(fd, { bigint: true }));
  }

  /** Whether something is at the path itself, be it a link that leads nowhere. */
  has(path: string): boolean {
    return this.#opened(path, O_PATH | O_NOFOLLOW, () => true) ?? false;
  }

  /** The content of a file; undefined where nothing is. @throws AshlarError for what is no file, or too large. */
  read(path: string): string | undefined {
    return this.#opened(path, O_RDONLY | O_NONBLOCK, fd => {
      const status = fstatSync(fd);
      if (!status.isFile()) throw new AshlarError(`${path} is no file in the tree`);
      if (status.size > LARGEST) throw new AshlarError(`${path} of the tree is too large to be looked into`);
      return readFileSync(fd, 'latin1');
    });
  }

  /** Reads from a file of any size; undefined where there is none. */
  readFrom<T>(path: string, read: (fd: number) => T): T | undefined {
    return this.#opened(path, O_RDONLY | O_NONBLOCK, fd => (fstatSync(fd).isFile() ? read(fd) : undefined));
  }

  /** The names in a directory, sorted; none where there is no such directory. */
  list(path: string): readonly string[] {
    return this.#opened(path, O_RDONLY | O_DIRECTORY, namesIn) ?? [];
  }

  /** The names of directories in a directory, but not of links: they may lead in circles. */
  directoriesIn(path: string): readonly string[] {
    return this.#opened(path, O_RDONLY | O_DIRECTORY, directoriesIn) ?? [];
  }

  /** Makes a file, in place of whatever is there but a directory; does nothing where it is as it would be. */
  write(path: string, content: string, attributes: Attributes): void {
    this.inDirectoryOf(path, (fd, name) => {
      const there = lookAt(fd, name);
      if (there && this.#isSame(fd, name, there, content, attributes)) return;
      if (there) clear(fd, name, there, path);
      using made = new FileDescriptor(openAt(fd, toBytes(name), O_WRONLY | O_CREAT | O_EXCL, 0o600));
      writeAll(made.fd, content);
      this.#setAttributes(made.fd, attributes);
    });
  }

  /**
   * Changes a file, which keeps its attributes and its time; makes it where there is none. Does nothing where it is
   * as it would be.
   */
  edit(path: string, attributes: Attributes, change: (before: string) => string): void {
    const status = this.status(path);
    const before = this.read(path) ?? '';
    const after = change(before);
    if (after === before) return;
    if (!status) this.write(path, after, attributes);
    else
      this.#opened(path, O_WRONLY | O_TRUNC, fd => {
        writeAll(fd, after);
        setTimesFd(fd, { atime: status.mtimeNs, mtime: status.mtimeNs });
      });
  }

  /** Makes a symbolic link, in place of whatever is there but a directory. */
  link(path: string, target: string, owner: Owner = { uid: 0, gid: 0 }): void {
    this.inDirectoryOf(path, (fd, name) => {
      const there = lookAt(fd, name);
      if (there && isLink(there) && readLink(fd, name) === target) return;
      if (there) clear(fd, name, there, path);
      symlinkAt(toBytes(target), fd, toBytes(name));
      this.#own(fd, name, owner);
      setTimesAt(fd, toBytes(name), this.#times());
    });
  }

  /** Makes a directory, and those on the way; one that is there gets owner and mode. */
  makeDirectory(path: string, attributes: Attributes): void {
    const there = this.status(path);
    this.inDirectory(path, fd => {
      if (!there) this.#setAttributes(fd, attributes);
    });
    if (there) this.changeAttributes(path, attributes);
  }

  /** Owner and mode of what is at the path, links followed, where they differ. */
  changeAttributes(path: string, change: Partial<Pick<Attributes, 'uid' | 'gid' | 'mode'>>): void {
    this.#opened(path, O_PATH, fd => {
      const { uid, gid, mode } = fstatSync(fd);
      const owner = { uid: change.uid ?? uid, gid: change.gid ?? gid };
      if (this.options.keepOwners && (owner.uid !== uid || owner.gid !== gid))
        chownFd(fd, owner.uid, owner.gid);
      // A changed owner takes the set-user-ID bit away.
      const wanted = change.mode ?? mode & 0o7777;
      if ((fstatSync(fd).mode & 0o7777) !== wanted) chmodSync(`/proc/self/fd/${fd}`, wanted);
    });
  }

  /** Gives a directory and all that is in it other owners; links themselves, not what they lead to. */
  reown(path: string, owners: (before: Owner) => Owner): void {
    const status = this.status(path);
    if (!status || !isDirectory(status)) return;
    this.#opened(path, O_RDONLY | O_DIRECTORY, fd => this.#reownAll(fd, owners));
    this.changeAttributes(path, owners(ownerOf(status)));
  }

  #reownAll(directory: number, owners: (before: Owner) => Owner): void {
    for (const name of namesIn(directory)) {
      const status = statusAt(directory, toBytes(name));
      const [before, after] = [ownerOf(status), owners(ownerOf(status))];
      if (before.uid !== after.uid || before.gid !== after.gid) this.#own(directory, name, after);
      if (!isDirectory(status)) continue;
      using opened = openDirectory(directory, name);
      this.#reownAll(opened.fd, owners);
    }
  }

  /** Copies what is in one directory into another, but not this one itself: files, directories and links. */
  copyInto(from: string, to: string, owner: Owner, top = this.status(to)): void {
    for (const name of this.list(from)) {
      const [source, target] = [`${from}/${name}`, `${to}/${name}`];
      const { status, leadsTo } = this.#glance(source);
      if (status.ino === top?.ino && status.dev === top.dev) continue;
      const attributes = { mode: Number(status.mode) & 0o7777, ...owner, mtime: status.mtimeNs };
      if (leadsTo !== undefined) {
        this.link(target, leadsTo, owner);
      } else if (isDirectory(status)) {
        this.makeDirectory(target, attributes);
        this.copyInto(source, target, owner, top);
      } else if (isRegular(status)) {
        this.write(target, this.read(source) ?? '', attributes);
      }
    }
  }

  /** What is at the path itself. */
  #glance(path: string): { readonly status: FileStatus; readonly leadsTo: string | undefined } {
    return this.inDirectoryOf(path, (fd, name) => {
      const status = statusAt(fd, toBytes(name));
      return { status, leadsTo: isLink(status) ? readLink(fd, name) : undefined };
    });
  }

  /** Does something in a directory, which is made where there is none, and keeps its times. */
  inDirectory<T>(path: string, work: (fd: number) => T): T {
    using opened = this.#openDirectory(path);
    const { atimeNs: atime, mtimeNs: mtime } = fstatSync(opened.fd, { bigint: true });
    const result = work(opened.fd);
    if (fstatSync(opened.fd, { bigint: true }).mtimeNs !== mtime) setTimesFd(opened.fd, { atime, mtime });
    return result;
  }

  inDirectoryOf<T>(path: string, work: (fd: number, name: string) => T): T {
    const normal = posix.normalize(path);
    const name = posix.basename(normal);
    if (name === '') throw new AshlarError(`${path} is the root directory`);
    return this.inDirectory(posix.dirname(normal), fd => work(fd, name));
  }

  #openDirectory(path: string): FileDescriptor {
    const fd = this.#tryOpen(path, O_RDONLY | O_DIRECTORY);
    if (fd !== undefined) return new FileDescriptor(fd);
    return this.inDirectoryOf(path, (parent, name) => {
      if (lookAt(parent, name)) throw new AshlarError(`${path} is no directory in the tree`);
      mkdirAt(parent, toBytes(name), 0o755);
      const made = openDirectory(parent, name);
      this.#setAttributes(made.fd, { mode: 0o755, uid: 0, gid: 0 });
      return made;
    });
  }

  #isSame(fd: number, name: string, there: FileStatus, content: string, attributes: Attributes): boolean {
    const { uid, gid } = ownerOf(there);
    const owned = !this.options.keepOwners || (uid === attributes.uid && gid === attributes.gid);
    if (!isRegular(there) || !owned || (Number(there.mode) & 0o7777) !== attributes.mode) return false;
    if (there.size !== BigInt(content.length)) return false;
    using opened = new FileDescriptor(openAt(fd, toBytes(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    return readFileSync(opened.fd, 'latin1') === content;
  }

  #setAttributes(fd: number, { mode, uid, gid, mtime }: Attributes): void {
    if (this.options.keepOwners) chownFd(fd, uid, gid);
    chmodFd(fd, mode);
    setTimesFd(fd, this.#times(mtime));
  }

  #own(fd: number, name: string, { uid, gid }: Owner): void {
    if (this.options.keepOwners) chownAt(fd, toBytes(name), uid, gid);
  }

  #times(mtime = BigInt(this.options.time) * 1_000_000_000n) {
    return { atime: mtime, mtime };
  }

  /** What `work` makes of the open path; undefined where nothing is. */
  #opened<T>(path: string, flags: number, work: (fd: number) => T): T | undefined {
    const fd = this.#tryOpen(path, flags);
    if (fd === undefined) return undefined;
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  }

  #tryOpen(path: string, flags: number): number | undefined {
    try {
      return openIn(this.#root.fd, toBytes(path), flags);
    } catch (error) {
      if (NOWHERE.includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }
}

function ownerOf({ uid, gid }: FileStatus): Owner {
  return { uid: Number(uid), gid: Number(gid) };
}

function writeAll(fd: number, content: string): void {
  const buffer = toBytes(content);
  for (let done = 0; done < buffer.length; ) done += writeSync(fd, buffer, done);
}
