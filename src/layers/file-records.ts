/** What is remembered of a file that has been read, and when that may be relied on. */
import type { ByteString } from './bytes.ts';
import type { Found } from './scan.ts';
import type { Xattr } from './tar-entry.ts';

/** Everything that changes when the content of a file does. */
export interface FileStamp {
  readonly device: bigint;
  readonly inode: bigint;
  readonly size: bigint;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly ctime: bigint;
}

/** Remembers what files that did not change are, as texts whose meaning is nobody else's business. */
export interface StatCache {
  /** In the order of the stamps; undefined for files that are not known. */
  get(stamps: readonly FileStamp[]): readonly (string | undefined)[];
  set(files: readonly (readonly [stamp: FileStamp, what: string])[]): void;
}

/** What has to be read of a file; the rest is in its status. */
export interface Content {
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly xattrs: readonly Xattr[];
}

export function toRecord({ sha256, xattrs }: Content): string {
  if (xattrs.length === 0) return sha256;
  return JSON.stringify([
    sha256,
    xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('base64')]),
  ]);
}

export function fromRecord(record: string): Content {
  if (!record.startsWith('[')) return { sha256: record, xattrs: [] };
  const [sha256, xattrs] = JSON.parse(record) as [string, [name: ByteString, base64: string][]];
  return { sha256, xattrs: xattrs.map(([name, base64]) => ({ name, value: Buffer.from(base64, 'base64') })) };
}

export function stampOf({ stat }: Pick<Found, 'stat'>): FileStamp {
  const { dev: device, ino: inode, size, mtimeNs: mtime, ctimeNs: ctime } = stat;
  return { device, inode, size, mtime, ctime };
}

export function isSameStamp(a: FileStamp, b: FileStamp): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.size === b.size &&
    a.mtime === b.mtime &&
    a.ctime === b.ctime
  );
}

/** A file changed this lately could change again within the same tick of the file system's clock, unnoticed. */
const SETTLED_AFTER_MS = 2000;

export function isSettled({ mtime, ctime }: FileStamp): boolean {
  const latest = Number((mtime > ctime ? mtime : ctime) / 1_000_000n);
  return Date.now() - latest > SETTLED_AFTER_MS;
}
