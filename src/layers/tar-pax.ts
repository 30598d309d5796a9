/** PAX extended headers (POSIX.1-2001): blocks of records `LENGTH KEY=VALUE\n` before the entry that they describe. */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, isText, quote } from './bytes.ts';
import type { Segment, TarEntry, Xattr } from './tar-entry.ts';

/** What extended headers say about an entry. A key that is absent says nothing. */
export interface Pax {
  path?: ByteString;
  linkpath?: ByteString;
  size?: number;
  uid?: number;
  gid?: number;
  /** Nanoseconds. */
  mtime?: bigint;
  xattrs: Map<ByteString, Buffer>;
  sparse?: SparsePax;
}

/** The `GNU.sparse.*` records of the formats 0.0, 0.1 and 1.0. */
export interface SparsePax {
  major?: number;
  name?: ByteString;
  realSize?: number;
  /** In 0.0 and 0.1; in 1.0 the map stands before the content. */
  map?: Segment[];
}

/** The kernel's bounds (XATTR_NAME_MAX, XATTR_SIZE_MAX). */
const XATTR_NAME_LENGTH = 255;
const XATTR_VALUE_LENGTH = 65536;

/** Adds the records of a block to `into`; later records win. Throws an AshlarError when the block is malformed. */
export function parsePax(block: Buffer, into: Pax): void {
  for (let at = 0; at < block.length; ) {
    const space = block.indexOf(0x20, at);
    const digits = space === -1 ? '' : block.toString('latin1', at, Math.min(space, at + 16));
    const length = /^[0-9]{1,10}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = block.indexOf(0x3d, space);
    if (length === 0 || end > block.length || equals === -1 || equals >= end || block[end - 1] !== 0x0a) {
      throw new AshlarError('invalid tar header: malformed PAX record');
    }
    const key = block.toString('latin1', space + 1, equals);
    if (key === '' || key.includes('\0')) throw new AshlarError('invalid tar header: malformed PAX record');
    applyRecord(into, key, block.subarray(equals + 1, end - 1));
    at = end;
  }
}

const STANDARD_KEYS = ['path', 'linkpath', 'size', 'uid', 'gid', 'mtime'] as const;

function applyRecord(pax: Pax, key: ByteString, value: Buffer): void {
  if (value.length === 0) {
    // An empty value takes back what an earlier record said.
    const standard = STANDARD_KEYS.find(name => name === key);
    if (standard !== undefined) {
      delete pax[standard];
      return;
    }
  }
  switch (key) {
    case 'path':
      pax.path = textValue(key, value);
      return;
    case 'linkpath':
      pax.linkpath = textValue(key, value);
      return;
    case 'size':
      pax.size = numberValue(key, value);
      return;
    case 'uid':
      pax.uid = numberValue(key, value);
      return;
    case 'gid':
      pax.gid = numberValue(key, value);
      return;
    case 'mtime':
      pax.mtime = timeValue(value);
      return;
  }
  if (key.startsWith('SCHILY.xattr.')) {
    setXattr(pax, key.slice('SCHILY.xattr.'.length), Buffer.from(value));
  } else if (key.startsWith('LIBARCHIVE.xattr.')) {
    // libarchive writes each attribute in both forms: the other one needs no decoding and wins.
    const name = decodeLibarchiveName(key.slice('LIBARCHIVE.xattr.'.length));
    if (!pax.xattrs.has(name)) setXattr(pax, name, Buffer.from(value.toString('latin1'), 'base64'));
  } else if (key.startsWith('GNU.sparse.')) {
    applySparseRecord(pax, key.slice('GNU.sparse.'.length), value);
  }
}

function setXattr(pax: Pax, name: ByteString, value: Buffer): void {
  if (name === '' || name.length > XATTR_NAME_LENGTH || value.length > XATTR_VALUE_LENGTH) {
    throw new AshlarError(
      `invalid tar header: extended attribute ${quote(name)} is larger than Linux allows`,
    );
  }
  pax.xattrs.set(name, value);
}

function decodeLibarchiveName(name: ByteString): ByteString {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function applySparseRecord(pax: Pax, key: ByteString, value: Buffer): void {
  pax.sparse ??= {};
  const sparse = pax.sparse;
  switch (key) {
    case 'major':
      sparse.major = numberValue(key, value);
      return;
    case 'name':
      sparse.name = textValue(key, value);
      return;
    case 'size':
    case 'realsize':
      sparse.realSize = numberValue(key, value);
      return;
    case 'offset':
      // Format 0.0 repeats the pair `offset`, `numbytes` for each segment.
      sparse.map ??= [];
      sparse.map.push({ offset: numberValue(key, value), length: 0 });
      return;
    case 'numbytes': {
      const open = sparse.map?.pop();
      if (open === undefined || open.length !== 0) throw new AshlarError('invalid tar header: sparse map');
      sparse.map?.push({ offset: open.offset, length: numberValue(key, value) });
      return;
    }
    case 'map': {
      const numbers = value.length === 0 ? [] : value.toString('latin1').split(',').map(parseDecimal);
      if (numbers.length % 2 !== 0) throw new AshlarError('invalid tar header: sparse map');
      sparse.map = [];
      for (let at = 0; at < numbers.length; at += 2) {
        sparse.map.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
      }
    }
  }
}

function textValue(key: string, value: Buffer): ByteString {
  if (value.includes(0)) throw new AshlarError(`invalid tar header: NUL in PAX record ${key}`);
  return value.toString('latin1');
}

function numberValue(key: string, value: Buffer): number {
  const text = value.toString('latin1');
  if (!/^[0-9]{1,20}$/.test(text))
    throw new AshlarError(`invalid tar header: PAX record ${key} is not a number`);
  return parseDecimal(text);
}

/** A whole number in decimal digits that a double holds exactly. */
export function parseDecimal(text: string): number {
  const number = /^[0-9]{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new AshlarError('invalid tar header: number out of range');
  return number;
}

/** Seconds with any number of decimals, possibly negative, in nanoseconds rounded towards the past. */
function timeValue(value: Buffer): bigint {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value.toString('latin1'));
  if (match === null) throw new AshlarError('invalid tar header: PAX record mtime is not a time');
  const [, sign, seconds = '', decimals = ''] = match;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(decimals.slice(0, 9).padEnd(9, '0'));
  const cutOff = /[1-9]/.test(decimals.slice(9)) ? 1n : 0n;
  return sign === '-' ? -nanoseconds - cutOff : nanoseconds;
}

type Record = readonly [key: ByteString, value: ByteString | Uint8Array];

/** The block of records, in the order of their keys, without its padding. */
export function formatPax(records: readonly Record[]): Buffer {
  const sorted = records.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(sorted.map(formatRecord));
}

function formatRecord([key, value]: Record): Buffer {
  const rest = Buffer.concat([
    Buffer.from(` ${key}=`, 'latin1'),
    typeof value === 'string' ? Buffer.from(value, 'latin1') : value,
    Buffer.from('\n'),
  ]);
  // The length counts its own digits.
  let length = rest.length + String(rest.length).length;
  length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** Records for names, with the mark that tells readers when they are not UTF-8, which POSIX asks for otherwise. */
export function nameRecords(names: { path?: ByteString; linkpath?: ByteString }): Record[] {
  const records: Record[] = [];
  if (names.path !== undefined) records.push(['path', names.path]);
  if (names.linkpath !== undefined) records.push(['linkpath', names.linkpath]);
  if (records.some(([, name]) => typeof name === 'string' && !isText(name))) {
    records.push(['hdrcharset', 'BINARY']);
  }
  return records;
}

export function xattrRecords(xattrs: TarEntry['xattrs']): Record[] {
  return xattrs.map(({ name, value }: Xattr): Record => [`SCHILY.xattr.${name}`, value]);
}
