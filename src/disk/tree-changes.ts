/** What changes in a tree when it goes to a disk. */
import { constants } from 'node:fs';
import { listDirectory } from '../layers/index.ts';
import {
  AT_FDCWD,
  FileDescriptor,
  openAt,
  openBeneath,
  openIn,
  setTimesAt,
  statusAt,
  unlinkAt,
} from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { makeDirectoryInTree, writeInTree } from './boot/tree.ts';
import type { PreparedBoot } from './boot/types.ts';
import type { DiskPartition } from './request.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** Puts in place what the system starts with, and the directories at which its partitions appear. */
export function prepareTree(tree: string, partitions: readonly DiskPartition[], boot: PreparedBoot): void {
  for (const { mountPoint } of partitions)
    if (mountPoint !== undefined && leadsElsewhere(tree, mountPoint))
      throw new AshlarError(
        `no partition can be mounted at ${mountPoint}: this is no directory of the image`,
        {
          hint: 'A symbolic link, or another kind of file, is on the way there.',
        },
      );
  for (const path of boot.directories) makeDirectoryInTree(tree, path);
  for (const { path, mode, content } of boot.files) writeInTree(tree, path, mode, content);
}

/** What is not there yet can still become a directory. */
function leadsElsewhere(tree: string, path: string): boolean {
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, DIRECTORY));
  try {
    new FileDescriptor(openBeneath(root.fd, `.${path}`, DIRECTORY))[Symbol.dispose]();
    return false;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return false;
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'EXDEV') return true;
    throw error;
  }
}

/**
 * Gives everything that is later than `epoch` (seconds) the time of `epoch`. What was changed in the tree since `started`
 * (milliseconds) is among it, even if `epoch` is still to come.
 */
export function clampTimes(tree: string, epoch: number, started: number): void {
  const time = BigInt(epoch) * 1_000_000_000n;
  // The clock of file systems is some milliseconds behind.
  const latest = BigInt(Math.min(epoch, Math.floor(started / 1000) - 1)) * 1_000_000_000n;
  const clamp = (fd: number, name: Buffer | '.'): void => {
    const { mtimeNs } = statusAt(fd, name);
    if (mtimeNs > latest) setTimesAt(fd, name, { atime: time, mtime: time });
  };
  const walk = (fd: number): void => {
    for (const entry of listDirectory(fd)) {
      const name = Buffer.from(entry.name, 'latin1');
      if (entry.isDirectory()) {
        using child = new FileDescriptor(openAt(fd, name, DIRECTORY));
        walk(child.fd);
      }
      clamp(fd, name);
    }
  };
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, DIRECTORY));
  walk(root.fd);
  clamp(root.fd, '.');
}

/** Removes everything in a directory of the tree, which keeps its time. */
export function emptyDirectory(tree: string, path: string): void {
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, DIRECTORY));
  using directory = new FileDescriptor(openIn(root.fd, path, DIRECTORY));
  const { mtimeNs } = statusAt(directory.fd, '.');
  removeContent(directory.fd);
  setTimesAt(directory.fd, '.', { atime: mtimeNs, mtime: mtimeNs });
}

function removeContent(fd: number): void {
  for (const entry of listDirectory(fd)) {
    const name = Buffer.from(entry.name, 'latin1');
    const directory = entry.isDirectory();
    if (directory) {
      using child = new FileDescriptor(openAt(fd, name, DIRECTORY));
      removeContent(child.fd);
    }
    unlinkAt(fd, name, { directory });
  }
}
