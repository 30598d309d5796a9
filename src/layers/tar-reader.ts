/** Reads tar archives of every dialect that is found in images: v7, ustar, GNU, star and PAX. */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';
import { type Flow, Input } from './flow.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { BLOCK, type EntryType, padding, type Segment, type TarEntry, type Xattr } from './tar-entry.ts';
import { type Header, hasValidChecksum, isZeroBlock, parseHeader } from './tar-header.ts';
import { type Pax, parsePax } from './tar-pax.ts';
import { checkSegments, oldGnuRealSize, readMap10, readOldGnuMap } from './tar-sparse.ts';

/** The content of the entry at hand. What its reader leaves is skipped. */
export class Content {
  /** Where in the file the piece belongs that `next` returned last. */
  offset = 0;
  readonly #input: Input;
  readonly #segments: readonly Segment[];
  #stored: number;
  #segment = 0;
  #taken = 0;

  constructor(input: Input, stored: number, segments: readonly Segment[]) {
    this.#input = input;
    this.#stored = stored;
    this.#segments = segments;
  }

  /** Bytes of the archive that were not handed out yet. */
  get left(): number {
    return this.#stored;
  }

  /** The next piece, valid until the next call; `undefined` after the last one. Pieces do not span holes. */
  *next(): Flow<Buffer | undefined> {
    let segment = this.#segments[this.#segment];
    while (segment !== undefined && this.#taken === segment.length) {
      segment = this.#segments[++this.#segment];
      this.#taken = 0;
    }
    if (segment === undefined) return undefined;
    const piece = yield* this.#input.some(segment.length - this.#taken);
    if (piece === undefined) throw new AshlarError('the tar archive ends within the content of a file');
    this.offset = segment.offset + this.#taken;
    this.#taken += piece.length;
    this.#stored -= piece.length;
    return piece;
  }
}

/** Gets each entry; a flow when it wants content. */
export type Visit = (entry: TarEntry, content: Content) => Flow<void> | undefined;

/**
 * Reads an archive and visits each entry in turn. Extended headers are resolved; every other entry is handed on as
 * it stands in the archive: names are not canonical and may be hostile.
 * Throws an AshlarError, which names the entry, for anything malformed or beyond the limits.
 */
export function* readTar(visit: Visit, limits: Limits = DEFAULT_LIMITS): Flow<void> {
  const input = new Input();
  const globals: Pax = { xattrs: new Map() };
  let first = true;
  let entries = 0;
  let headers = 0;
  let extended = new Extended();
  for (;;) {
    const block = yield* input.take(BLOCK);
    if (block === undefined || isZeroBlock(block)) {
      extended.expectNone();
      if (block !== undefined) yield* expectEnd(input);
      return;
    }
    if (block.length < BLOCK) throw new AshlarError('the tar archive ends within a header');
    if (first && !hasValidChecksum(block)) throw new AshlarError('the content is no tar archive');
    first = false;
    // The visit and the map of a sparse file ask for more input, which would overwrite the block.
    const header = parseHeader(block);
    if (++headers > 4 * limits.entries) throw tooManyEntries(limits);
    switch (header.flag) {
      case 'x':
      case 'g':
      case 'L':
      case 'K':
        yield* readExtension(header, input, header.flag === 'g' ? globals : extended, limits);
        continue;
    }
    if (++entries > limits.entries) throw tooManyEntries(limits);
    try {
      yield* readEntry(
        header,
        header.flag === 'S' ? Buffer.from(block) : block,
        input,
        visit,
        globals,
        extended,
        limits,
      );
    } catch (error) {
      throw namingEntry(error, extended.pax.sparse?.name ?? extended.pax.path ?? header.path);
    }
    if (!extended.empty) extended = new Extended();
  }
}

/** What the headers before an entry say about it. */
class Extended {
  readonly pax: Pax = { xattrs: new Map() };
  readonly #seen = new Set<string>();

  get empty(): boolean {
    return this.#seen.size === 0;
  }

  /** Two headers of one kind have no honest use, and readers disagree about what they mean. */
  begin(flag: string): void {
    if (this.#seen.has(flag))
      throw new AshlarError(`invalid tar archive: two extended headers "${flag}" in a row`);
    this.#seen.add(flag);
  }

  expectNone(): void {
    if (!this.empty) throw new AshlarError('the tar archive ends after an extended header');
  }
}

function* readExtension(header: Header, input: Input, into: Extended | Pax, limits: Limits): Flow<void> {
  const global = !(into instanceof Extended);
  const most = header.flag === 'x' || global ? limits.paxLength : limits.nameLength + 1;
  if (header.size > most) {
    throw new AshlarError(
      `an extended header of the tar archive has ${header.size} bytes, more than ${most}`,
    );
  }
  if (!global) into.begin(header.flag);
  const content = Buffer.from((yield* input.take(header.size)) ?? []);
  const rest = padding(header.size);
  if (content.length < header.size || (rest > 0 && (yield* input.take(rest))?.length !== rest)) {
    throw new AshlarError('the tar archive ends within a header');
  }
  if (global) {
    readGlobals(content, into);
  } else if (header.flag === 'x') {
    parsePax(content, into.pax);
  } else {
    const end = content.indexOf(0);
    const name = content.toString('latin1', 0, end === -1 ? content.length : end);
    // A PAX record wins over GNU's long name, whichever came first.
    if (header.flag === 'L') into.pax.path ??= name;
    else into.pax.linkpath ??= name;
  }
}

/** Readers disagree on whether global headers count; for what identifies an entry that must not matter. */
function readGlobals(content: Buffer, globals: Pax): void {
  parsePax(content, globals);
  const { path, linkpath, size, sparse, xattrs } = globals;
  if ([path, linkpath, size, sparse].some(value => value !== undefined) || xattrs.size > 0) {
    throw new AshlarError('invalid tar archive: a global header says what only an entry can say');
  }
}

function* readEntry(
  header: Header,
  block: Buffer,
  input: Input,
  visit: Visit,
  globals: Pax,
  { pax }: Extended,
  limits: Limits,
): Flow<void> {
  const type = typeOf(header, pax.path ?? header.path);
  const size = pax.size ?? header.size;
  if (size < 0) throw new AshlarError('invalid tar header: negative size');
  // Other types have no content, whatever the size field says; all readers agree on that.
  let stored = type === 'file' ? size : 0;
  const tail = padding(stored);
  let segments: readonly Segment[] | undefined;
  let realSize = stored;
  if (header.flag === 'S') {
    realSize = pax.sparse?.realSize ?? oldGnuRealSize(block);
    segments = yield* readOldGnuMap(block, input, limits);
  } else if (type === 'file' && pax.sparse !== undefined) {
    realSize = pax.sparse.realSize ?? stored;
    segments = pax.sparse.map;
    if (pax.sparse.major === 1) {
      const map = yield* readMap10(input, stored, limits);
      segments = map.segments;
      stored -= map.length;
    }
  }
  if (segments !== undefined) checkSegments(segments, realSize, stored, limits);
  const entry: TarEntry = {
    path: checkName(pax.sparse?.name ?? pax.path ?? header.path, limits),
    type,
    mode: header.mode,
    uid: checkId(pax.uid ?? globals.uid ?? header.uid),
    gid: checkId(pax.gid ?? globals.gid ?? header.gid),
    size: type === 'file' ? realSize : 0,
    mtime: pax.mtime ?? globals.mtime ?? BigInt(header.mtime) * 1_000_000_000n,
    link: type === 'symlink' || type === 'hardlink' ? checkLink(pax.linkpath ?? header.link, limits) : '',
    major: header.major,
    minor: header.minor,
    xattrs: xattrsOf(pax),
  };
  const content = new Content(input, stored, segments ?? [{ offset: 0, length: stored }]);
  const reading = visit(entry, content);
  if (reading !== undefined) yield* reading;
  while (content.left > 0) yield* content.next();
  if (tail > 0 && (yield* input.take(tail))?.length !== tail) {
    throw new AshlarError('the tar archive ends within the content of a file');
  }
}

function typeOf(header: Header, path: ByteString): EntryType {
  switch (header.flag) {
    case '\0':
    case '0':
      // Before ustar, only the slash told directories.
      return path.endsWith('/') ? 'directory' : 'file';
    case '7':
    case 'S':
      return 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'character';
    case '4':
      return 'block';
    case '5':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw new AshlarError(`unsupported type ${quote(header.flag)}`);
  }
}

function checkName(name: ByteString, limits: Limits): ByteString {
  if (name.length > limits.nameLength)
    throw new AshlarError(`the name is longer than ${limits.nameLength} bytes`);
  return name;
}

function checkLink(link: ByteString, limits: Limits): ByteString {
  if (link === '') throw new AshlarError('a link without a target');
  if (link.length >= limits.nameLength) {
    throw new AshlarError(`the link target is longer than ${limits.nameLength - 1} bytes`);
  }
  return link;
}

/** 2^32 - 1 means "no change" to the kernel, so it cannot own a file. */
function checkId(id: number): number {
  if (id < 0 || id >= 0xffff_ffff) throw new AshlarError(`invalid owner ${id}`);
  return id;
}

function xattrsOf({ xattrs }: Pax): readonly Xattr[] {
  if (xattrs.size === 0) return [];
  return Array.from(xattrs, ([name, value]) => ({ name, value })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An archive ends with two blocks of zeros, or, from careless writers, with one. */
function* expectEnd(input: Input): Flow<void> {
  const second = yield* input.take(BLOCK);
  if (second !== undefined && !isZeroBlock(second) && second.length === BLOCK) {
    throw new AshlarError('invalid tar header: a single block of zeros between entries');
  }
}

function tooManyEntries(limits: Limits): AshlarError {
  return new AshlarError(`the tar archive has more than ${limits.entries} entries`);
}

function namingEntry(error: unknown, path: ByteString): unknown {
  if (!(error instanceof AshlarError) || error instanceof EntryError) return error;
  return new EntryError(`entry ${quote(path)}: ${error.message}`, { hint: error.hint, cause: error.cause });
}

/** An error that names its entry already. */
class EntryError extends AshlarError {}
