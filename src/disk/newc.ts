/** Archives in the form "newc" of cpio (the kernel's Documentation/driver-api/early-userspace/buffer-format). */

/** What the archive says of an entry. */
export interface NewcEntry {
  readonly inode: number;
  /** With the bits of its type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly size: number;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
}

/** The header of an entry, with its name and what fills it up. */
export function newcHeader(path: Uint8Array, entry: NewcEntry): Buffer {
  const { inode, mode, uid, gid, links, time, size, major, minor } = entry;
  // Between them the device that the entry lies on; the last number is a checksum that this form does not have.
  const numbers = [inode, mode, uid, gid, links, time, size, 0, 0, major, minor, path.length + 1, 0];
  const fields = numbers.map(number => number.toString(16).toUpperCase().padStart(8, '0'));
  const head = Buffer.concat([Buffer.from(`070701${fields.join('')}`), path, Buffer.of(0)]);
  return Buffer.concat([head, newcPadding(head.length)]);
}

/** What ends an archive. */
export function newcTrailer(): Buffer {
  const nothing = { inode: 0, mode: 0, uid: 0, gid: 0, time: 0, size: 0, major: 0, minor: 0 };
  return newcHeader(Buffer.from('TRAILER!!!'), { ...nothing, links: 1 });
}

/** What follows so many bytes: headers and contents begin at every fourth byte. */
export function newcPadding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
