/** What is in an open directory, by names that are bytes: each character stands for one. */
import { constants, readdirSync, readlinkSync } from 'node:fs';
import { FileDescriptor, type FileStatus, openAt, statusAt, unlinkAt } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFMT } = constants;

/** A text of ours as the characters that stand for its bytes. */
export function fromText(text: string): string {
  return Buffer.from(text).toString('latin1');
}

export function toBytes(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}

/** Sorted. */
export function namesIn(fd: number): readonly string[] {
  return readdirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1' }).sort();
}

/** Those of directories, not of links to some. */
export function directoriesIn(fd: number): readonly string[] {
  const entries = readdirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1', withFileTypes: true });
  return entries.filter(entry => entry.isDirectory()).map(({ name }) => name);
}

export function lookAt(fd: number, name: string): FileStatus | undefined {
  try {
    return statusAt(fd, toBytes(name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function readLink(fd: number, name: string): string {
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), toBytes(name)]);
  return readlinkSync(path, { encoding: 'latin1' });
}

export function openDirectory(fd: number, name: string): FileDescriptor {
  return new FileDescriptor(openAt(fd, toBytes(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

/** Makes room for something else than a directory. */
export function clear(fd: number, name: string, there: FileStatus, path: string): void {
  if (isDirectory(there)) throw new AshlarError(`${path} is a directory in the tree`);
  unlinkAt(fd, toBytes(name));
}

export function removeAll(fd: number, name: string): void {
  const directory = isDirectory(statusAt(fd, toBytes(name)));
  if (directory) {
    using opened = openDirectory(fd, name);
    for (const child of namesIn(opened.fd)) removeAll(opened.fd, child);
  }
  unlinkAt(fd, toBytes(name), { directory });
}

export function isDirectory({ mode }: FileStatus): boolean {
  return (Number(mode) & S_IFMT) === constants.S_IFDIR;
}

export function isLink({ mode }: FileStatus): boolean {
  return (Number(mode) & S_IFMT) === constants.S_IFLNK;
}

export function isRegular({ mode }: FileStatus): boolean {
  return (Number(mode) & S_IFMT) === constants.S_IFREG;
}
