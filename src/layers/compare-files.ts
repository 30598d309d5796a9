/** Compares files of a tree with the checksums that packages tell of them. */
import { createHash } from 'node:crypto';
import { constants, fstatSync, readSync } from 'node:fs';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openIn } from '../linux/index.ts';
import { codeOf } from '../support/errors.ts';

export interface ListedFile {
  /** Absolute in the tree. */
  readonly path: string;
  readonly md5: string;
}

export interface CompareJob {
  /** Absolute path of the directory that is the root of the tree. */
  readonly tree: string;
  readonly files: readonly ListedFile[];
}

export interface DifferingFile {
  readonly path: string;
  readonly missing: boolean;
}

/** Those that are missing or have other bytes. Links are followed inside the tree. */
export function compareFiles({ tree, files }: CompareJob, checkpoint: () => void): readonly DifferingFile[] {
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, O_PATH | constants.O_DIRECTORY));
  const buffer = Buffer.allocUnsafe(1 << 20);
  return files.flatMap(({ path, md5 }) => {
    checkpoint();
    const found = md5At(root.fd, path, buffer);
    return found === md5 ? [] : [{ path, missing: found === undefined }];
  });
}

/** What the system says of a path that leads to no file. */
const NOWHERE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

/** Undefined where there is no file. */
function md5At(root: number, path: string, buffer: Buffer): string | undefined {
  using file = openFile(root, path);
  if (file === undefined || !fstatSync(file.fd).isFile()) return undefined;
  const hash = createHash('md5');
  for (;;) {
    const length = readSync(file.fd, buffer);
    if (length === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, length));
  }
}

function openFile(root: number, path: string): FileDescriptor | undefined {
  try {
    return new FileDescriptor(openIn(root, path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch (error) {
    if (NOWHERE.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
