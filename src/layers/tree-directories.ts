/** The directories of a tree, for layers that are put on it: where their paths really lead, and what they must keep. */
import type { ByteString } from './bytes.ts';
import type { MergedEntry } from './merge-contents.ts';
import { joinPath } from './names.ts';
import type { Xattr } from './tar-entry.ts';

/** What a layer says of a directory. */
export interface DirectoryMetadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly xattrs: readonly Xattr[];
}

/** Paths are canonical. */
export interface TreeDirectories {
  /** Symbolic links to directories of the tree, by path, and the directory that each leads to, without links. */
  readonly links: ReadonlyMap<ByteString, ByteString>;
  readonly directories: ReadonlyMap<ByteString, DirectoryMetadata>;
}

/** As in the kernel (MAXSYMLINKS). */
const LINKS_FOLLOWED = 40;

/** @param merged What layers give together. */
export function treeDirectories(merged: ReadonlyMap<ByteString, MergedEntry>): TreeDirectories {
  const links = new Map<ByteString, ByteString>();
  const directories = new Map<ByteString, DirectoryMetadata>();
  for (const [path, { entry }] of merged) {
    if (entry.type === 'directory') {
      const { mode, uid, gid, mtime, xattrs } = entry;
      directories.set(path, { mode, uid, gid, mtime, xattrs });
    } else if (entry.type === 'symlink') {
      const target = directoryAt(path, merged);
      if (target !== undefined) links.set(path, target);
    }
  }
  return { links, directories };
}

/** Where a path leads, if that is a directory; nothing leads out of the tree. */
function directoryAt(path: ByteString, merged: ReadonlyMap<ByteString, MergedEntry>): ByteString | undefined {
  const rest = components(path);
  let current: ByteString = '';
  let followed = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === '..') {
      current = current.includes('/') ? current.slice(0, current.lastIndexOf('/')) : '';
      continue;
    }
    const next = joinPath(current, name);
    const entry = merged.get(next)?.entry;
    if (entry?.type === 'directory') current = next;
    else if (entry?.type !== 'symlink' || ++followed > LINKS_FOLLOWED) return undefined;
    else {
      rest.push(...components(entry.link));
      if (entry.link.startsWith('/')) current = '';
    }
  }
  return current;
}

/** In reverse order, so that the next one can be popped and those of a link be pushed. */
function components(path: ByteString): ByteString[] {
  return path
    .split('/')
    .filter(component => component !== '' && component !== '.')
    .reverse();
}
