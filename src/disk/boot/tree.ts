/** Files of a root tree by the paths that its own programs would use: links are followed inside the tree only. */
import { isUtf8 } from 'node:buffer';
import {
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { posix } from 'node:path';
import { AT_FDCWD, FileDescriptor, mkdirAt, O_PATH, openAt, openIn, unlinkAt } from '../../linux/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { MIB } from '../pieces.ts';
import type { FileContent } from './types.ts';

export interface FoundFile {
  readonly tree: string;
  /** Absolute in the tree, without links. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'other';
  readonly size: number;
}

/**
 * What is there of the path, or undefined.
 * @throws AshlarError where links lead to a name that is no text, since as text it could be that of another file.
 */
export function findInTree(tree: string, path: string): FoundFile | undefined {
  using root = openRoot(tree);
  try {
    using file = new FileDescriptor(openIn(root.fd, path, O_PATH));
    const top = readlinkSync(`/proc/self/fd/${root.fd}`);
    const bytes = readlinkSync(`/proc/self/fd/${file.fd}`, { encoding: 'buffer' });
    if (!isUtf8(bytes)) throw new AshlarError(`${path} of the image leads to a name that is no text`);
    const stat = fstatSync(file.fd);
    const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
    return { tree, path: posix.join('/', posix.relative(top, bytes.toString())), kind, size: stat.size };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The first of the paths that is a file with something in it. */
export function firstFile(tree: string, paths: readonly string[]): FoundFile | undefined {
  for (const path of paths) {
    const found = findInTree(tree, path);
    if (found?.kind === 'file' && found.size > 0) return found;
  }
  return undefined;
}

export function isDirectoryInTree(tree: string, path: string): boolean {
  return findInTree(tree, path)?.kind === 'directory';
}

/** Sorted names in a directory; none where there is no such directory. */
export function namesInTree(tree: string, path: string): readonly string[] {
  using root = openRoot(tree);
  try {
    using directory = new FileDescriptor(openIn(root.fd, path, constants.O_RDONLY | constants.O_DIRECTORY));
    return readdirSync(`/proc/self/fd/${directory.fd}`).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Texts are shorter, unless somebody wants our memory. */
const LONGEST_TEXT = 64 * MIB;

/** The text of a file, or undefined where there is none. */
export function readTextInTree(tree: string, path: string): string | undefined {
  const found = findInTree(tree, path);
  return found?.kind === 'file' ? readBytes(found, LONGEST_TEXT).toString() : undefined;
}

/** @throws AshlarError when the file is longer than it may be. */
export function readBytes({ tree, path }: FoundFile, most: number): Buffer {
  using file = openFile(tree, path);
  const { size } = fstatSync(file.fd);
  if (size > most) throw new AshlarError(`${path} is too big to be true: ${size} bytes`);
  return readFileSync(file.fd);
}

/** A file of the tree as content of another one. */
export function contentOf({ tree, path, size }: FoundFile): FileContent {
  return { kind: 'tree', tree, path, size };
}

/** A copy of the content at `path` of this machine. */
export function copyContent(content: Extract<FileContent, { kind: 'tree' }>, path: string): FileContent {
  using file = openFile(content.tree, content.path);
  copyFileSync(`/proc/self/fd/${file.fd}`, path, constants.COPYFILE_FICLONE);
  return { kind: 'file', path, size: statSync(path).size };
}

export function textContent(text: string): FileContent {
  return { kind: 'bytes', bytes: Buffer.from(text) };
}

export function sizeOf(content: FileContent): number {
  return content.kind === 'bytes' ? content.bytes.length : content.size;
}

/** The bytes in pieces, exactly as many as the content is said to have. */
export function* readContent(content: FileContent): Generator<Uint8Array> {
  if (content.kind === 'bytes') {
    yield content.bytes;
    return;
  }
  using file =
    content.kind === 'tree'
      ? openFile(content.tree, content.path)
      : new FileDescriptor(openAt(AT_FDCWD, content.path, constants.O_RDONLY | constants.O_NOFOLLOW));
  for (let left = content.size; left > 0; ) {
    const piece = Buffer.allocUnsafe(Math.min(left, MIB));
    const read = readSync(file.fd, piece, 0, piece.length, null);
    if (read === 0) throw new AshlarError(`${content.path} became shorter while it was read`);
    left -= read;
    yield piece.subarray(0, read);
  }
}

/**
 * Writes a file of root's, in place of what is there; directories on the way are made.
 * @throws AshlarError where a directory is in the place, or something else on the way.
 */
export function writeInTree(tree: string, path: string, mode: number, content: FileContent): void {
  atPath(path, () => {
    const { dir, base } = posix.parse(path);
    using directory = openDirectory(tree, dir);
    removeName(directory.fd, base);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    using file = new FileDescriptor(openAt(directory.fd, base, flags, mode));
    for (const piece of readContent(content)) writeFileSync(file.fd, piece);
    ftruncateSync(file.fd, sizeOf(content));
    fchmodSync(file.fd, mode);
  });
}

/** @throws AshlarError where something else is on the way. */
export function makeDirectoryInTree(tree: string, path: string): void {
  atPath(path, () => openDirectory(tree, path)[Symbol.dispose]());
}

/** Removes a file or link, if it is there. @throws AshlarError where a directory is in the place. */
export function removeInTree(tree: string, path: string): void {
  const { dir, base } = posix.parse(path);
  if (!isDirectoryInTree(tree, dir)) return;
  atPath(path, () => {
    using directory = openDirectory(tree, dir);
    removeName(directory.fd, base);
  });
}

/** What the system says where the tree is not as trees are. */
const STRANGE = ['EISDIR', 'ENOTDIR', 'ELOOP', 'EEXIST'];

function atPath(path: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!STRANGE.includes(codeOf(error) ?? '')) throw error;
    throw new AshlarError(`${path} of the image cannot be changed: something else is there, or on the way`, {
      cause: error,
    });
  }
}

/** Opens a directory of the tree, which is made where it is missing (0755). */
function openDirectory(tree: string, path: string): FileDescriptor {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  using root = openRoot(tree);
  try {
    return new FileDescriptor(openIn(root.fd, path, flags));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || path === '/') throw error;
    using parent = openDirectory(tree, posix.dirname(path));
    mkdirAt(parent.fd, posix.basename(path), 0o755);
    using made = new FileDescriptor(openAt(parent.fd, posix.basename(path), flags));
    fchmodSync(made.fd, 0o755);
    return new FileDescriptor(openIn(root.fd, path, flags));
  }
}

function removeName(directory: number, name: string): void {
  try {
    unlinkAt(directory, name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/**
 * Opens a file that was found: programs of the tree may have put a link out of it, or a pipe, in its place since.
 * @throws AshlarError when it is there no more.
 */
function openFile(tree: string, path: string): FileDescriptor {
  using root = openRoot(tree);
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const file = new FileDescriptor(openIn(root.fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (fstatSync(file.fd).isFile()) return file;
    file[Symbol.dispose]();
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  throw new AshlarError(`${path} of the image was replaced while the disk was made`);
}

function openRoot(tree: string): FileDescriptor {
  return new FileDescriptor(openAt(AT_FDCWD, tree, O_PATH | constants.O_DIRECTORY));
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '');
}
