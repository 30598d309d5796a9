/** The directory on disk into which a layer is unpacked, reached through file descriptors only. */
import { closeSync, constants, mkdirSync, openSync, readdirSync } from 'node:fs';
import {
  FileDescriptor,
  mkdirAt,
  mknodAt,
  O_PATH,
  openBeneath,
  setTimesAt,
  setXattr,
  unlinkAt,
} from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { type ByteString, toName } from './bytes.ts';
import { joinPath } from './names.ts';
import type { Directory, Ground, Place } from './tree.ts';
import { OVERLAY_OPAQUE } from './whiteouts.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFCHR } = constants;

/** Descriptors kept open at a time; far below the usual limit of 1024 for a process. */
const OPEN_DIRECTORIES = 128;

const YES = Buffer.from('y');

export class DiskGround implements Ground, Disposable {
  readonly #root: number;
  readonly #open = new Map<Directory, number>();
  #last: { readonly directory: Directory; readonly fd: number } | undefined;

  /** Makes the directory, which must not exist: nothing but what is unpacked will be in it. */
  constructor(directory: string) {
    try {
      mkdirSync(directory, { mode: 0o700 });
      this.#root = openSync(directory, O_DIRECTORY | O_NOFOLLOW | O_RDONLY);
    } catch (cause) {
      throw new AshlarError(`cannot make the directory ${directory}`, { cause });
    }
  }

  /** A descriptor of the directory, to be used at once. */
  fd(directory: Directory): number {
    if (directory.parent === undefined) return this.#root;
    if (directory === this.#last?.directory) return this.#last.fd;
    const fd = this.#open.get(directory) ?? this.#openPath(directory);
    // The youngest comes last.
    this.#open.delete(directory);
    this.#open.set(directory, fd);
    this.#last = { directory, fd };
    return fd;
  }

  #openPath(directory: Directory): number {
    if (this.#open.size >= OPEN_DIRECTORIES) this.#closeOldest();
    // The kernel holds the tree to its word: no component of a canonical path is a symbolic link.
    return openBeneath(this.#root, toName(directory.path), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }

  addDirectory({ parent, name }: Directory): void {
    if (parent !== undefined) mkdirAt(this.fd(parent), toName(name), 0o700);
  }

  removeDirectory(directory: Directory): void {
    // What is open below it would stay open on nothing.
    this.#closeAll();
    if (directory.parent === undefined) return;
    this.#empty(directory.path);
    unlinkAt(this.fd(directory.parent), toName(directory.name), { directory: true });
  }

  removeFile({ directory, name }: Place): void {
    try {
      unlinkAt(this.fd(directory), toName(name));
    } catch (error) {
      // Entries that could not be made, such as devices, are missing here.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  addWhiteout({ directory, name }: Place): void {
    mknodAt(this.fd(directory), toName(name), S_IFCHR, { major: 0, minor: 0 });
    // Two unpacked layers of one tar must be the same: an image may be made of them.
    setTimesAt(this.fd(directory), toName(name), { atime: 0n, mtime: 0n });
  }

  removeWhiteout(place: Place): void {
    this.removeFile(place);
  }

  markOpaque(directory: Directory): void {
    setXattr(`/proc/self/fd/${this.fd(directory)}/.`, OVERLAY_OPAQUE, YES);
  }

  /** A descriptor of the directory through which its own mode, owner and times can be changed; the caller's to close. */
  openForMetadata(directory: Directory): FileDescriptor {
    const flags = O_DIRECTORY | O_NOFOLLOW | O_RDONLY;
    const path = directory.parent === undefined ? '.' : toName(directory.path);
    return new FileDescriptor(openBeneath(this.#root, path, flags));
  }

  [Symbol.dispose](): void {
    this.#closeAll();
    closeSync(this.#root);
  }

  #closeAll(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    this.#last = undefined;
  }

  #empty(path: ByteString): void {
    const subdirectories: ByteString[] = [];
    {
      using directory = new FileDescriptor(
        openBeneath(this.#root, toName(path), O_DIRECTORY | O_NOFOLLOW | O_RDONLY),
      );
      const options = { withFileTypes: true, encoding: 'latin1' } as const;
      for (const entry of readdirSync(`/proc/self/fd/${directory.fd}`, options)) {
        if (entry.isDirectory()) subdirectories.push(entry.name);
        else unlinkAt(directory.fd, toName(entry.name));
      }
    }
    for (const name of subdirectories) {
      this.#empty(joinPath(path, name));
      using parent = new FileDescriptor(
        openBeneath(this.#root, toName(path), O_PATH | O_DIRECTORY | O_NOFOLLOW),
      );
      unlinkAt(parent.fd, toName(name), { directory: true });
    }
  }

  #closeOldest(): void {
    for (const [oldest, fd] of this.#open) {
      this.#open.delete(oldest);
      closeSync(fd);
      return;
    }
  }
}
