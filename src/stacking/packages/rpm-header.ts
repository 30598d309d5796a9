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
const LICENSE = 1014;
const ARCH = 1022;
const PROVIDENAME = 1047;
const CHANGELOGTIME = 1080;
const CHANGELOGNAME = 1081;
const CHANGELOGTEXT = 1082;
const DISTURL = 1123;

const STRING = 6;
const STRING_ARRAY = 8;

/** Of the types of numbers. */
const NUMBER_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8 };

const ENTRY_SIZE = 16;

/** What a header says of a package beyond its name. */
export interface RpmDetails {
  readonly name: string;
  readonly epoch: string | undefined;
  readonly version: string;
  readonly release: string;
  readonly architecture: string | undefined;
  readonly distUrl: string | undefined;
  readonly license: string | undefined;
  /** The newest first. */
  readonly changes: readonly RpmChange[];
}

export interface RpmChange {
  /** Seconds since 1970. */
  readonly time: number;
  readonly author: string;
  readonly text: string;
}

/** The values of tags. */
export interface Tags {
  /** Nothing where the header lacks the tag. */
  readonly strings: (tag: number) => readonly string[];
  readonly numbers: (tag: number) => readonly number[];
}

/** Throws AshlarError for what is no header, or one of no package. */
export function readRpmHeader(bytes: Uint8Array): RpmHeader {
  const tags = readTags(bytes);
  const { name, epoch, version, release } = identityIn(tags);
  return {
    name,
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}-${release}`,
    architecture: tags.strings(ARCH)[0] ?? '',
    provides: tags.strings(PROVIDENAME),
  };
}

/** Throws AshlarError as `readRpmHeader` does. */
export function readRpmDetails(bytes: Uint8Array): RpmDetails {
  const tags = readTags(bytes);
  const { strings, numbers } = tags;
  const [authors, texts] = [strings(CHANGELOGNAME), strings(CHANGELOGTEXT)];
  return {
    ...identityIn(tags),
    architecture: strings(ARCH)[0],
    distUrl: strings(DISTURL)[0],
    license: strings(LICENSE)[0],
    changes: numbers(CHANGELOGTIME).map((time, i) => ({
      time,
      author: authors[i] ?? '',
      text: texts[i] ?? '',
    })),
  };
}

function identityIn({ strings, numbers }: Tags) {
  const [name, version, release] = [NAME, VERSION, RELEASE].map(tag => strings(tag)[0]);
  if (!name || version === undefined || release === undefined)
    throw new AshlarError('a header of a package has no name or version');
  const epoch = numbers(EPOCH)[0];
  return { name, version, release, epoch: epoch === undefined ? undefined : String(epoch) };
}

/** Throws AshlarError for what is no header. */
export function readTags(bytes: Uint8Array): Tags {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const tags = header.length < 8 ? 0 : header.readUInt32BE(0);
  const store = 8 + tags * ENTRY_SIZE;
  if (tags === 0 || store + header.readUInt32BE(4) !== header.length)
    throw new AshlarError('a header of a package has not the length that it says');

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

  function numbers(tag: number): readonly number[] {
    const entry = entryOf(tag);
    const bytes = entry && NUMBER_BYTES[entry.type];
    if (entry === undefined || bytes === undefined) return [];
    const start = store + entry.offset;
    if (start + bytes * entry.count > header.length)
      throw new AshlarError('a header of a package ends within a number');
    return Array.from({ length: entry.count }, (_, i) => {
      const at = start + bytes * i;
      return bytes === 8 ? Number(header.readBigUInt64BE(at)) : header.readUIntBE(at, bytes);
    });
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

  return { strings, numbers };
}
