/** The 512-byte header block of ustar (POSIX.1-1988) and its relatives: v7, GNU, star. */
import { AshlarError } from '../support/errors.ts';
import type { ByteString } from './bytes.ts';
import { BLOCK } from './tar-entry.ts';
import { parseNumber, writeOctal } from './tar-number.ts';

/** The fields of a header block as they stand there. */
export interface Header {
  readonly path: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  /** One character. */
  readonly flag: string;
  readonly link: ByteString;
  readonly major: number;
  readonly minor: number;
}

type Dialect = 'v7' | 'ustar' | 'star' | 'gnu';

/** The fields of a header block. Throws an AshlarError when the checksum or a number is wrong. */
export function parseHeader(block: Buffer): Header {
  if (!hasValidChecksum(block)) {
    throw new AshlarError('invalid tar header: the checksum does not match', {
      hint: 'the archive is damaged, or is no tar archive',
    });
  }
  const dialect = dialectOf(block);
  return {
    path: parsePath(block, dialect),
    mode: parseNumber(block, 100, 8, 'mode') & 0o7777,
    uid: parseNumber(block, 108, 8, 'uid'),
    gid: parseNumber(block, 116, 8, 'gid'),
    size: parseNumber(block, 124, 12, 'size'),
    mtime: parseNumber(block, 136, 12, 'mtime'),
    flag: String.fromCharCode(block[156] ?? 0),
    link: parseString(block, 157, 100),
    major: dialect === 'v7' ? 0 : parseNumber(block, 329, 8, 'device number'),
    minor: dialect === 'v7' ? 0 : parseNumber(block, 337, 8, 'device number'),
  };
}

/** Whether the block holds nothing but zeros, as at the end of an archive. */
export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.equals(ZEROS);
}
const ZEROS = Buffer.alloc(BLOCK);

/** Old writers summed signed characters, so either sum will do. */
export function hasValidChecksum(block: Buffer): boolean {
  let sum = 8 * 0x20;
  let high = 0;
  for (let at = 0; at < BLOCK; at++) {
    if (at === 148) at = 156;
    const byte = block[at] as number;
    sum += byte;
    high += byte >> 7;
  }
  // Writers pad the digits in all manner of ways.
  const stored = /^[ \0]*([0-7]{1,7})[ \0]*$/.exec(block.toString('latin1', 148, 156))?.[1];
  const expected = Number.parseInt(stored ?? '', 8);
  return expected === sum || expected === sum - 256 * high;
}

function dialectOf(block: Buffer): Dialect {
  const magic = block.toString('latin1', 257, 265);
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return block.toString('latin1', 508, 512) === 'tar\0' ? 'star' : 'ustar';
}

function parsePath(block: Buffer, dialect: Dialect): ByteString {
  const name = parseString(block, 0, 100);
  if (dialect === 'v7' || dialect === 'gnu' || block[345] === 0) return name;
  return `${parseString(block, 345, dialect === 'star' ? 131 : 155)}/${name}`;
}

export function parseString(block: Buffer, offset: number, length: number): ByteString {
  const end = block.indexOf(0, offset);
  return block.toString('latin1', offset, end === -1 || end > offset + length ? offset + length : end);
}

/** A header with its path already cut to the two fields, see `splitPath`. */
export interface WritableHeader extends Omit<Header, 'path'> {
  readonly prefix: ByteString;
  readonly name: ByteString;
}

/** Writes a ustar header into 512 bytes of `target`. Every field must fit. */
export function writeHeader(target: Buffer, offset: number, header: WritableHeader): void {
  const block = target.subarray(offset, offset + BLOCK);
  block.fill(0);
  block.write(header.name, 0, 100, 'latin1');
  writeOctal(block, 100, 8, header.mode);
  writeOctal(block, 108, 8, header.uid);
  writeOctal(block, 116, 8, header.gid);
  writeOctal(block, 124, 12, header.size);
  writeOctal(block, 136, 12, header.mtime);
  block[156] = header.flag.charCodeAt(0);
  if (header.link !== '') block.write(header.link, 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 8, 'latin1');
  writeOctal(block, 329, 8, header.major);
  writeOctal(block, 337, 8, header.minor);
  if (header.prefix !== '') block.write(header.prefix, 345, 155, 'latin1');
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) sum += block[at] as number;
  writeOctal(block, 148, 7, sum);
  block[155] = 0x20;
}

/** A path cut at a slash so that it fits the prefix (155) and name (100) fields, or `undefined` when it does not. */
export function splitPath(path: ByteString): { prefix: ByteString; name: ByteString } | undefined {
  if (path.length <= 100) return { prefix: '', name: path };
  if (path.length > 256) return undefined;
  // The slash that ends a directory's name cannot be the cut: the name field must not be empty.
  const cut = path.lastIndexOf('/', Math.min(155, path.length - 2));
  if (cut <= 0 || path.length - cut - 1 > 100) return undefined;
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
}
