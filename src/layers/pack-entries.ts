/**
 * A layer from entries that somebody has put together. Order: the root, then each directory before what it holds,
 * names in byte order; whiteouts come before their siblings, as the OCI specification asks.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import { AT_FDCWD, FileDescriptor, O_PATH, openAt, openBeneath } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { type ByteString, quote, toName } from './bytes.ts';
import type { ContentsEntry } from './contents.ts';
import { type FileStamp, isSameStamp, stampOf } from './file-records.ts';
import type { Flow } from './flow.ts';
import { joinPath, splitLast } from './names.ts';
import { checkLayerName, earlier, writeContent } from './scan.ts';
import { unreadable } from './system-errors.ts';
import type { TarEntry } from './tar-entry.ts';
import type { TarWriter } from './tar-writer.ts';
import { OPAQUE_NAME, whiteoutEntry, whiteoutName } from './whiteouts.ts';

/** What a layer is to say of a path, which is canonical. Each path comes once, but for one that is also removed or opaque. */
export type NewEntry =
  /** Nothing of lower layers is to be seen there. */
  | { readonly kind: 'removed'; readonly path: ByteString }
  /** Nothing of lower layers is to be seen in that directory, which is among the entries. */
  | { readonly kind: 'opaque'; readonly path: ByteString }
  | {
      readonly kind: 'entry';
      readonly path: ByteString;
      /**
       * Its size and hash are not looked at. With `linkedTo` it becomes a hard link where that path is among the
       * entries, too, and the same file.
       */
      readonly entry: ContentsEntry;
      /**
       * Of files that are not empty: the bytes, the path of a file of ours that holds them, or what the file of this
       * path in the job's directory must still be.
       */
      readonly content?: Uint8Array | string | FileStamp;
    };

export interface EntriesJob {
  readonly kind: 'entries';
  /** In any order. The directories that they lie in, and the root, are for the caller to add. */
  readonly entries: readonly NewEntry[];
  /** A tree in which files are looked for. */
  readonly directory?: string;
}

/** Writes the entries; times later than `latest` are set back to it. */
export function* packEntries(job: EntriesJob, writer: TarWriter, latest: bigint): Flow<void> {
  const sorted = job.entries
    .map(entry => ({ entry, key: sortKey(entry) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const links = new Links(job.entries);
  using tree = new FileDescriptor(openAt(AT_FDCWD, job.directory ?? '/', O_PATH | constants.O_DIRECTORY));
  for (const { entry } of sorted) {
    if (entry.kind !== 'entry') yield* writer.begin(whiteout(entry));
    else yield* write(entry, links.meet(entry), tree.fd, writer, latest);
  }
}

type Written = Extract<NewEntry, { readonly kind: 'entry' }>;

/** Names of one file among the entries. The first that is written holds the content, the others are links to it. */
class Links {
  readonly #byPath: ReadonlyMap<ByteString, Written>;
  readonly #written = new Map<Written, ByteString>();

  constructor(entries: readonly NewEntry[]) {
    this.#byPath = new Map(entries.flatMap(entry => (entry.kind === 'entry' ? [[entry.path, entry]] : [])));
  }

  /** The path that this is a link to; undefined when it is the first of its file. */
  meet(entry: Written): ByteString | undefined {
    if (entry.entry.type === 'directory') return undefined;
    const { linkedTo } = entry.entry;
    const target = linkedTo === undefined ? undefined : this.#byPath.get(linkedTo);
    const file = target !== undefined && isSameFile(target, entry) ? target : entry;
    const first = this.#written.get(file);
    if (first === undefined) this.#written.set(file, entry.path);
    return first;
  }
}

/** A name may have been replaced while the other one was taken as it was. */
function isSameFile(one: Written, other: Written): boolean {
  const { entry: a, content: aContent = NOTHING } = one;
  const { entry: b, content: bContent = NOTHING } = other;
  return (
    a.type === b.type &&
    isSameContent(aContent, bContent) &&
    a.link === b.link &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.major === b.major &&
    a.minor === b.minor
  );
}

function isSameContent(a: Uint8Array | string | FileStamp, b: Uint8Array | string | FileStamp): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return !(a instanceof Uint8Array) && !(b instanceof Uint8Array) && isSameStamp(a, b);
}

function* write(
  { path, entry, content = NOTHING }: Written,
  link: ByteString | undefined,
  tree: number,
  writer: TarWriter,
  latest: bigint,
): Flow<void> {
  const { type, mode, uid, gid, xattrs, major, minor } = entry;
  checkLayerName(splitLast(path).name, path);
  const common = { path, mode, uid, gid, mtime: earlier(entry.mtime, latest) };
  if (link !== undefined) {
    yield* writer.begin({ ...common, type: 'hardlink', size: 0, link, major: 0, minor: 0, xattrs: [] });
    return;
  }
  const described = { ...common, link: entry.link, major, minor, xattrs };
  if (type !== 'file') {
    yield* writer.begin({ ...described, path: type === 'directory' ? `${path}/` : path, type, size: 0 });
    return;
  }
  if (content instanceof Uint8Array) {
    yield* writer.begin({ ...described, type, size: content.length });
    yield* writer.write(Buffer.from(content.buffer, content.byteOffset, content.length));
    yield* writer.pad(content.length);
    return;
  }
  using file = new FileDescriptor(
    typeof content === 'string' ? openSync(content, 'r') : openFile(tree, path),
  );
  const stat = fstatSync(file.fd, { bigint: true });
  yield* writer.begin({ ...described, type, size: Number(stat.size) });
  yield* writeContent(writer, file.fd, stat, path);
  // Before or meanwhile.
  if (
    typeof content !== 'string' &&
    !isSameStamp(content, stampOf({ stat: fstatSync(file.fd, { bigint: true }) }))
  )
    throw new AshlarError(`${quote(path)} changed while it was read`);
}

/** Whatever may have come in its place: no link is followed, nobody is waited for. */
function openFile(tree: number, path: ByteString): number {
  try {
    return openBeneath(tree, toName(path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(cause) ?? ''))
      throw new AshlarError(`${quote(path)} changed while it was read`, { cause });
    throw unreadable(path, cause);
  }
}

const NOTHING = new Uint8Array();

function whiteout({ kind, path }: Exclude<NewEntry, Written>): TarEntry {
  if (kind === 'opaque') return whiteoutEntry(joinPath(path, OPAQUE_NAME));
  const { parent, name } = splitLast(path);
  return whiteoutEntry(joinPath(parent, whiteoutName(name)));
}

/** NUL, which no name holds, comes before all other bytes: so directories come before what they hold. */
function sortKey({ kind, path }: NewEntry): string {
  const steps = (directory: ByteString) => (directory === '' ? '' : `\0${directory.replaceAll('/', '\0')}`);
  if (kind === 'opaque') return `${steps(path)}\0\0`;
  if (kind === 'entry') return steps(path);
  const { parent, name } = splitLast(path);
  return `${steps(parent)}\0\0${name}`;
}
