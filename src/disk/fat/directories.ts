/** Directories of a FAT file system, made of the paths of its files. */
import { AshlarError } from '../../support/errors.ts';
import type { FileContent } from '../boot/types.ts';

export type Node = DirectoryNode | FileNode;

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly name: string;
  /** Sorted. */
  readonly children: readonly Node[];
}

export interface FileNode {
  readonly kind: 'file';
  readonly name: string;
  readonly content: FileContent;
}

export interface FatFile {
  /** Relative, with `/` between its parts. */
  readonly path: string;
  readonly content: FileContent;
}

interface Building {
  readonly name: string;
  readonly directories: Map<string, Building>;
  readonly files: Map<string, FileNode>;
}

/** The root directory. Paths that differ only in case lead to the same directory, and not to two files. */
export function directoriesOf(files: readonly FatFile[]): DirectoryNode {
  const root: Building = empty('');
  for (const { path, content } of files) {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let directory = root;
    for (const part of parts) {
      const key = part.toUpperCase();
      const inside = directory.directories.get(key) ?? empty(part);
      directory.directories.set(key, inside);
      directory = inside;
    }
    const key = name.toUpperCase();
    if (directory.files.has(key))
      throw new AshlarError(`two files would have the same name on a FAT file system: ${path}`);
    directory.files.set(key, { kind: 'file', name, content });
  }
  return finished(root, '');
}

function empty(name: string): Building {
  return { name, directories: new Map(), files: new Map() };
}

function finished({ name, directories, files }: Building, path: string): DirectoryNode {
  for (const key of directories.keys())
    if (files.has(key))
      throw new AshlarError(
        `a file and a directory would have the same name on a FAT file system: ${path}${key}`,
      );
  const children = [
    ...[...directories].map(([key, inside]) => [key, finished(inside, `${path}${key}/`)] as const),
    ...files,
  ];
  children.sort(([a], [b]) => (a < b ? -1 : 1));
  return { kind: 'directory', name, children: children.map(([, node]) => node) };
}
