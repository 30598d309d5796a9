/**
 * Writes tar archives: plain ustar as long as it can hold an entry, with PAX records for just what it cannot hold.
 * The same entries always give the same bytes; user and group names, access times and fractions of seconds are not
 * written.
 */
import { readSync } from 'node:fs';
import type { ByteString } from './bytes.ts';
import type { Flow } from './flow.ts';
import { BLOCK, type EntryType, padding, type TarEntry } from './tar-entry.ts';
import { splitPath, writeHeader } from './tar-header.ts';
import { fitsOctal } from './tar-number.ts';
import { formatPax, nameRecords, xattrRecords } from './tar-pax.ts';

/** The size of output blocks; a multiple of 512, so that headers never straddle two of them. */
export const OUTPUT_BLOCK = 1 << 20;

/** Output blocks for use and reuse, so that their memory is not left to the garbage collector. */
export class BlockPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BLOCK);
  }

  /** Gives a block back, which may be a part of the one that was taken. */
  give(block: Buffer): void {
    this.#free.push(Buffer.from(block.buffer));
  }
}

const FLAGS: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

export class TarWriter {
  readonly #pool: BlockPool;
  #block: Buffer;
  #filled = 0;
  #entries = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
    this.#block = pool.take();
  }

  /** How many entries were begun. */
  get entries(): number {
    return this.#entries;
  }

  /** Writes the header of an entry. Content of exactly `entry.size` bytes and `*pad` must follow for files. */
  *begin(entry: TarEntry): Flow<void> {
    this.#entries++;
    const seconds = Number(entry.mtime / SECOND) - (entry.mtime % SECOND < 0n ? 1 : 0);
    const split = splitPath(entry.path);
    const longLink = entry.link.length > 100;
    const fits = {
      uid: fitsOctal(entry.uid, 8),
      gid: fitsOctal(entry.gid, 8),
      size: fitsOctal(entry.size, 12),
      mtime: fitsOctal(seconds, 12),
    };
    if (
      split === undefined ||
      longLink ||
      entry.xattrs.length > 0 ||
      !(fits.uid && fits.gid && fits.size && fits.mtime)
    ) {
      yield* this.#extend(
        [
          ...nameRecords({
            ...(split === undefined ? { path: entry.path } : {}),
            ...(longLink ? { linkpath: entry.link } : {}),
          }),
          ...(fits.uid ? [] : [['uid', String(entry.uid)] as const]),
          ...(fits.gid ? [] : [['gid', String(entry.gid)] as const]),
          ...(fits.size ? [] : [['size', String(entry.size)] as const]),
          ...(fits.mtime ? [] : [['mtime', String(seconds)] as const]),
          ...xattrRecords(entry.xattrs),
        ],
        entry.path,
      );
    }
    yield* this.#header({
      prefix: split?.prefix ?? '',
      name: split?.name ?? entry.path.slice(0, 100),
      mode: entry.mode,
      uid: fits.uid ? entry.uid : 0,
      gid: fits.gid ? entry.gid : 0,
      size: fits.size ? entry.size : 0,
      mtime: fits.mtime ? seconds : 0,
      flag: FLAGS[entry.type],
      link: entry.link.slice(0, 100),
      major: entry.major,
      minor: entry.minor,
    });
  }

  /** Writes content. */
  *write(bytes: Buffer): Flow<void> {
    for (let done = 0; done < bytes.length; ) {
      const copied = bytes.copy(this.#block, this.#filled, done);
      done += copied;
      yield* this.#advance(copied);
    }
  }

  *zeros(count: number): Flow<void> {
    for (let left = count; left > 0; ) {
      const length = Math.min(left, this.#block.length - this.#filled);
      this.#block.fill(0, this.#filled, this.#filled + length);
      left -= length;
      yield* this.#advance(length);
    }
  }

  /** Fills up the last 512 bytes of content of this size. */
  *pad(size: number): Flow<void> {
    if (size % BLOCK !== 0) yield* this.zeros(padding(size));
  }

  /**
   * Writes a part of an open file. False when the file is shorter, or, at its supposed `end`, longer: what comes after
   * is asked for together with the last bytes, which costs nothing.
   */
  *copy(fd: number, start: number, length: number, end: number): Flow<boolean> {
    let at = start;
    const last = start + length;
    do {
      const room = this.#block.length - this.#filled;
      const wanted = Math.min(room, last === end ? last - at + 1 : last - at);
      const count = readSync(fd, this.#block, this.#filled, wanted, at);
      if (at + count > last || (count === 0 && at < last)) return false;
      at += count;
      yield* this.#advance(count);
    } while (at < last);
    return true;
  }

  /** Writes the end of the archive and hands out the last block. */
  *end(): Flow<void> {
    yield* this.zeros(2 * BLOCK);
    if (this.#filled > 0) yield this.#block.subarray(0, this.#filled);
  }

  *#extend(records: Parameters<typeof formatPax>[0], path: ByteString): Flow<void> {
    const content = formatPax(records);
    const base = path.replace(/\/+$/, '').split('/').pop() ?? '';
    yield* this.#header({
      prefix: '',
      name: `PaxHeaders.0/${base.slice(0, 80)}`,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: 0,
      flag: 'x',
      link: '',
      major: 0,
      minor: 0,
    });
    yield* this.write(content);
    yield* this.pad(content.length);
  }

  *#header(header: Parameters<typeof writeHeader>[2]): Flow<void> {
    writeHeader(this.#block, this.#filled, header);
    yield* this.#advance(BLOCK);
  }

  *#advance(bytes: number): Flow<void> {
    this.#filled += bytes;
    if (this.#filled < this.#block.length) return;
    yield this.#block;
    this.#block = this.#pool.take();
    this.#filled = 0;
  }
}

const SECOND = 1_000_000_000n;
