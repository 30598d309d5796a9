/** Headers of rpm packages, as the database has them: an index of tags and a store of their values (rpm-format). */
import { AshlarError } from '../../support/errors.ts';

export interface RpmHeader {
  readonly name: string;
  /** `[epoch:]version-release`. */
  readonly version: string;
  /** Empty where the package has none, like a public key. */
  readonly architecture: string;
  readonly provides: readonly string[];
}

const NAME = 1000;
const VERSION = 1001;
const RELEASE = 1002;
const EPOCH = 1003;
const ARCH = 1022;
const PROVIDENAME = 1047;

const INT32 = 4;
const STRING = 6;
const STRING_ARRAY = 8;

const ENTRY_SIZE = 16;

/** Throws AshlarError for what is no header, or one of no package. */
export function readRpmHeader(bytes: Uint8Array): RpmHeader {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const tags = header.length < 8 ? 0 : header.readUInt32BE(0);
  const store = 8 + tags * ENTRY_SIZE;
  if (tags === 0 || store + header.readUInt32BE(4) !== header.length)
    throw new AshlarError('a header of a package has not the length that it says');

  /** The strings of a tag, or nothing where the header lacks it. */
  function strings(tag: number): readonly string[] {
    const entry = entryOf(tag);
    if (entry === undefined || (entry.type !== STRING && entry.type !== STRING_ARRAY)) return [];
    const texts: string[] = [];
    for (let at = store + entry.offset; texts.length < entry.count; ) {
      const end = header.indexOf(0, at);
      if (end < 0) throw new AshlarError('a header of a package ends within a text');
      texts.push(header.toString('utf8', at, end));
      at = end + 1;
    }
    return texts;
  }

  function number(tag: number): number | undefined {
    const entry = entryOf(tag);
    if (entry?.type !== INT32 || store + entry.offset + 4 > header.length) return undefined;
    return header.readUInt32BE(store + entry.offset);
  }

  function entryOf(tag: number): { type: number; offset: number; count: number } | undefined {
    for (let at = 8; at < store; at += ENTRY_SIZE)
      if (header.readUInt32BE(at) === tag)
        return {
          type: header.readUInt32BE(at + 4),
          offset: header.readUInt32BE(at + 8),
          count: header.readUInt32BE(at + 12),
        };
    return undefined;
  }

  const [name, version, release] = [NAME, VERSION, RELEASE].map(tag => strings(tag)[0]);
  if (!name || version === undefined || release === undefined)
    throw new AshlarError('a header of a package has no name or version');
  const epoch = number(EPOCH);
  return {
    name,
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}-${release}`,
    architecture: strings(ARCH)[0] ?? '',
    provides: strings(PROVIDENAME),
  };
}
