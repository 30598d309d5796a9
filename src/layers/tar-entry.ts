import type { ByteString } from './bytes.ts';

export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** One entry of a tar archive, whichever dialect it was written in. */
export interface TarEntry {
  /** As written in the archive, or to be written; directories may end in a slash. */
  readonly path: ByteString;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky: 0-0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file's content with its holes; 0 for everything else. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Target of a symbolic or hard link, else empty. */
  readonly link: ByteString;
  /** Device numbers; 0 where the entry is no device. */
  readonly major: number;
  readonly minor: number;
  readonly xattrs: readonly Xattr[];
}

export interface Xattr {
  readonly name: ByteString;
  readonly value: Uint8Array;
}

/** An entry without content, owner, time and attributes of its own. */
export function bareEntry(path: ByteString, type: EntryType, mode: number): TarEntry {
  return { path, type, mode, uid: 0, gid: 0, size: 0, mtime: 0n, link: '', major: 0, minor: 0, xattrs: [] };
}

/** A part of a sparse file that is stored; what lies between the parts reads as zeros. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

export const BLOCK = 512;

/** How many bytes of padding follow content of this size. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
