/** What one layer holds, path by path, with the identity of every file's content: for comparing layers unseen. */
import type { ByteString } from './bytes.ts';
import type { EntryType, Xattr } from './tar-entry.ts';

/** What a layer says of one path. */
export interface ContentsEntry {
  /** A hard link has the entry of the file that it names, and `linkedTo`. */
  readonly type: Exclude<EntryType, 'hardlink'>;
  /** Permission bits with setuid, setgid and sticky: 0-0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file's content; 0 for everything else. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** SHA-256 of a file's content, 64 hexadecimal digits; empty for everything else. */
  readonly sha256: string;
  /** Target of a symbolic link, else empty. */
  readonly link: ByteString;
  /** Device numbers; 0 where the entry is no device. */
  readonly major: number;
  readonly minor: number;
  /** Sorted by name; without the marks of overlayfs and of the machine's security policy. */
  readonly xattrs: readonly Xattr[];
  /** The path, in this layer, of the first of the sorted names of the same file. */
  readonly linkedTo?: ByteString;
}

/** All that a layer says. Paths are canonical: without leading or trailing slash, links on the way followed. */
export interface LayerContents {
  /** Every path that has an entry of its own, sorted; the root is the empty string. */
  readonly entries: ReadonlyMap<ByteString, ContentsEntry>;
  /** Directories that entries lie in and that have no entry of their own. */
  readonly implied: ReadonlySet<ByteString>;
  /** Paths that the layer removes from the layers below (their entries here, if any, are what replaces them). */
  readonly hidden: ReadonlySet<ByteString>;
  /** Directories of which nothing below is to be seen. */
  readonly opaque: ReadonlySet<ByteString>;
}
