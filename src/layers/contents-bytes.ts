/**
 * Contents of layers as bytes, for keeping: a table of columns as compressed JSON, and after it the hashes, which no
 * compression makes smaller. What many entries have in common (owner and permissions, times) stands there once.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { ByteString } from './bytes.ts';
import type { ContentsEntry, LayerContents } from './contents.ts';
import type { Xattr } from './tar-entry.ts';

interface Table {
  /** Paths in their order: how many bytes each has in common with the one before, and the rest. */
  readonly common: readonly number[];
  readonly rest: readonly ByteString[];
  /** A letter for each entry. */
  readonly types: string;
  /** For each entry the number of its kind, and the kinds: mode, uid, gid. */
  readonly kind: readonly number[];
  readonly kinds: readonly (readonly [mode: number, uid: number, gid: number])[];
  /** For each entry the number of its time, and the times. */
  readonly time: readonly number[];
  readonly times: readonly string[];
  /** Of files, in their order. */
  readonly sizes: readonly number[];
  /** Of symbolic links, in their order. */
  readonly links: readonly ByteString[];
  /** Of devices, in their order. */
  readonly devices: readonly (readonly [major: number, minor: number])[];
  /** For entries that have some, by number. */
  readonly xattrs: readonly (readonly [entry: number, ...(readonly [name: ByteString, base64: string])[]])[];
  /** For names of a file that has another one before, by number. */
  readonly linked: readonly (readonly [entry: number, first: ByteString])[];
  readonly implied: readonly ByteString[];
  readonly hidden: readonly ByteString[];
  readonly opaque: readonly ByteString[];
}

const LETTERS: Readonly<Record<ContentsEntry['type'], string>> = {
  file: 'f',
  directory: 'd',
  symlink: 'l',
  character: 'c',
  block: 'b',
  fifo: 'p',
};

const TYPES = new Map(Object.entries(LETTERS).map(([type, letter]) => [letter, type])) as ReadonlyMap<
  string,
  ContentsEntry['type']
>;

/** SHA-256 in bytes. */
const HASH = 32;

export function encodeContents(contents: LayerContents): Uint8Array {
  const entries = [...contents.entries];
  const kinds = new Numbers<string>();
  const times = new Numbers<bigint>();
  const files = entries.filter(([, { type }]) => type === 'file');
  const table: Table = {
    ...frontCoded(entries.map(([path]) => path)),
    types: entries.map(([, { type }]) => LETTERS[type]).join(''),
    kind: entries.map(([, { mode, uid, gid }]) => kinds.of(`${mode} ${uid} ${gid}`)),
    kinds: kinds.values.map(text => text.split(' ').map(Number) as [number, number, number]),
    time: entries.map(([, { mtime }]) => times.of(mtime)),
    times: times.values.map(String),
    sizes: files.map(([, { size }]) => size),
    links: entries.flatMap(([, { type, link }]) => (type === 'symlink' ? [link] : [])),
    devices: entries.flatMap(([, { type, major, minor }]) =>
      type === 'character' || type === 'block' ? [[major, minor] as const] : [],
    ),
    xattrs: entries.flatMap(([, { xattrs }], i) =>
      xattrs.length === 0 ? [] : [[i, ...xattrs.map(plainXattr)] as const],
    ),
    linked: entries.flatMap(([, { linkedTo }], i) =>
      linkedTo === undefined ? [] : [[i, linkedTo] as const],
    ),
    implied: [...contents.implied],
    hidden: [...contents.hidden],
    opaque: [...contents.opaque],
  };
  const text = zstdCompressSync(Buffer.from(JSON.stringify(table), 'latin1'));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const hashes = Buffer.from(files.map(([, { sha256 }]) => sha256).join(''), 'hex');
  return Buffer.concat([length, text, hashes]);
}

/** What `encodeContents` was given; the bytes are trusted. */
export function decodeContents(bytes: Uint8Array): LayerContents {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = 4 + all.readUInt32LE();
  const table = JSON.parse(zstdDecompressSync(all.subarray(4, end)).toString('latin1')) as Table;
  return {
    entries: decodeEntries(table, all.toString('hex', end)),
    implied: new Set(table.implied),
    hidden: new Set(table.hidden),
    opaque: new Set(table.opaque),
  };
}

function decodeEntries(table: Table, hashes: string): ReadonlyMap<ByteString, ContentsEntry> {
  const times = table.times.map(BigInt);
  const xattrs = new Map(table.xattrs.map(([entry, ...some]) => [entry, some.map(xattrOf)]));
  const linked = new Map(table.linked);
  const entries = new Map<ByteString, ContentsEntry>();
  let [files, links, devices] = [0, 0, 0];
  let path: ByteString = '';
  for (let i = 0; i < table.rest.length; i++) {
    path = path.slice(0, table.common[i]) + table.rest[i];
    const type = TYPES.get(table.types.charAt(i)) ?? 'file';
    const [mode, uid, gid] = table.kinds[table.kind[i] ?? 0] ?? [0, 0, 0];
    const isFile = type === 'file';
    const [major, minor] =
      type === 'character' || type === 'block' ? (table.devices[devices++] ?? NO_DEVICE) : NO_DEVICE;
    const linkedTo = linked.get(i);
    const entry: ContentsEntry = {
      type,
      mode,
      uid,
      gid,
      size: isFile ? (table.sizes[files] ?? 0) : 0,
      mtime: times[table.time[i] ?? 0] ?? 0n,
      sha256: isFile ? hashes.slice(2 * HASH * files, 2 * HASH * ++files) : '',
      link: type === 'symlink' ? (table.links[links++] ?? '') : '',
      major,
      minor,
      xattrs: xattrs.get(i) ?? NO_XATTRS,
    };
    entries.set(path, linkedTo === undefined ? entry : { ...entry, linkedTo });
  }
  return entries;
}

const NO_DEVICE = [0, 0] as const;
const NO_XATTRS: readonly Xattr[] = [];

/** Gives values numbers, in the order in which they come first. */
class Numbers<T> {
  readonly #numbers = new Map<T, number>();

  get values(): readonly T[] {
    return [...this.#numbers.keys()];
  }

  of(value: T): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

function frontCoded(paths: readonly ByteString[]): Pick<Table, 'common' | 'rest'> {
  const common = paths.map((path, i) => commonLength(path, paths[i - 1] ?? ''));
  return { common, rest: paths.map((path, i) => path.slice(common[i])) };
}

function commonLength(a: ByteString, b: ByteString): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function plainXattr({ name, value }: Xattr): readonly [name: ByteString, base64: string] {
  return [name, Buffer.from(value).toString('base64')];
}

function xattrOf([name, base64]: readonly [name: ByteString, base64: string]): Xattr {
  return { name, value: Buffer.from(base64, 'base64') };
}
