/** Reads what a layer says, path by path, out of its tar stream: of a blob, or while the layer is written. */
import { createHash, hash } from 'node:crypto';
import { AshlarError } from '../support/errors.ts';
import type { ByteString } from './bytes.ts';
import type { Compression } from './compression.ts';
import type { ContentsEntry, LayerContents } from './contents.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import { type Flow, run } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { joinPath } from './names.ts';
import { explain } from './system-errors.ts';
import type { TarEntry, Xattr } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import { Directory, type Ground, LayerTree, type Place, pathOf } from './tree.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

/** A layer in tar form. */
export interface LayerTar {
  /** The blob's file. */
  readonly blob: string;
  readonly compression: Compression;
}

export interface ReadContents {
  readonly contents: LayerContents;
  /** SHA-256 of the tar, `sha256:...`. */
  readonly diffId: string;
}

/**
 * Reads a blob to its end, once; `checkpoint` is called now and then and may throw to stop it.
 * Throws an AshlarError, which names the entry, when the layer is damaged, hostile or not what its label says.
 */
export async function readContents(
  { blob: path, compression }: LayerTar,
  limits: Partial<Limits>,
  checkpoint: () => void,
): Promise<ReadContents> {
  try {
    using blob = new BlobFile(path);
    const all = { ...DEFAULT_LIMITS, ...limits };
    const guard = new ExpansionGuard(all, compression === 'none' ? undefined : blob.size);
    const reader = new ContentsReader(all, guard);
    const tar = createHash('sha256');
    async function* input(): AsyncGenerator<Buffer> {
      for await (const chunk of layerBytes(blob, compression, guard)) {
        checkpoint();
        tar.update(chunk);
        yield chunk;
      }
    }
    await run(
      readTar((entry, content) => reader.visit(entry, content), all),
      input(),
    );
    return { contents: reader.finish(), diffId: `sha256:${tar.digest('hex')}` };
  } catch (error) {
    throw explain(error);
  }
}

/** What is written is ours: whoever reads it says what is too much. */
const OURS: Limits = {
  ...DEFAULT_LIMITS,
  entries: Number.POSITIVE_INFINITY,
  nameBytes: Number.POSITIVE_INFINITY,
  expandedBytes: Number.POSITIVE_INFINITY,
};

/** Reads along while a layer is written. */
export class ContentsRecorder {
  readonly #reader = new ContentsReader(OURS, new ExpansionGuard(OURS, undefined));
  readonly #flow = readTar((entry, content) => this.#reader.visit(entry, content), OURS);

  constructor() {
    this.#flow.next();
  }

  /** The next bytes of the tar; they are not needed any more afterwards. */
  add(block: Buffer): void {
    this.#flow.next(block);
  }

  /** Everything that the tar said, after its last byte. */
  finish(): LayerContents {
    this.#flow.next(undefined);
    return this.#reader.finish();
  }
}

/** What stands at a path. Names of one file share the same object. */
type Standing = Omit<ContentsEntry, 'linkedTo'>;

class ContentsReader implements Ground {
  readonly #tree: LayerTree;
  readonly #limits: Limits;
  readonly #guard: ExpansionGuard;
  readonly #standing = new Map<ByteString, Standing>();
  #xattrBytes = 0;

  constructor(limits: Limits, guard: ExpansionGuard) {
    this.#tree = new LayerTree(this, limits);
    this.#limits = limits;
    this.#guard = guard;
  }

  visit(entry: TarEntry, content: Content): Flow<void> | undefined {
    const placement = this.#tree.place(entry);
    switch (placement.kind) {
      case 'void':
      case 'whiteout':
        return undefined;
      case 'directory':
        this.#put(placement.directory.path, entry, 'directory');
        return undefined;
      case 'hardlink': {
        const target = this.#standing.get(pathOf(placement.from));
        if (target !== undefined) this.#standing.set(pathOf(placement.to), target);
        return undefined;
      }
      case 'other':
        return this.#other(pathOf(placement.place), entry, content);
    }
  }

  #other(path: ByteString, entry: TarEntry, content: Content): Flow<void> | undefined {
    const { type } = entry;
    if (type === 'file' && entry.size > 0) return this.#putFile(path, entry, content);
    if (type === 'file') this.#put(path, entry, type, EMPTY);
    // Nobody unpacks a device that would be a whiteout to overlayfs.
    else if (type !== 'hardlink' && !isOverlayWhiteout(entry)) this.#put(path, entry, type);
    return undefined;
  }

  finish(): LayerContents {
    const implied = new Set<ByteString>();
    const hidden: ByteString[] = [];
    const opaque = new Set<ByteString>();
    // Children come before their parents in that list.
    for (const directory of this.#tree.directories().reverse()) {
      if (directory.implied) implied.add(directory.path);
      if (directory.opaque) opaque.add(directory.path);
      for (const name of directory.hidden ?? []) hidden.push(joinPath(directory.path, name));
    }
    return { entries: this.#entries(), implied, hidden: new Set(hidden), opaque };
  }

  /** Sorted, so that equal layers give equal contents whatever the order in their tars. */
  #entries(): Map<ByteString, ContentsEntry> {
    const first = new Map<Standing, ByteString>();
    const entries = new Map<ByteString, ContentsEntry>();
    for (const path of [...this.#standing.keys()].sort()) {
      const standing = this.#standing.get(path);
      if (standing === undefined) continue;
      const linkedTo = first.get(standing);
      entries.set(path, linkedTo === undefined ? standing : { ...standing, linkedTo });
      if (linkedTo === undefined && standing.type !== 'directory') first.set(standing, path);
    }
    return entries;
  }

  *#putFile(path: ByteString, entry: TarEntry, content: Content): Flow<void> {
    this.#put(path, entry, 'file', yield* this.#hash(entry, content));
  }

  /** Most files come in one piece. */
  *#hash({ size }: TarEntry, content: Content): Flow<string> {
    const holes = size - content.left;
    // They are read as zeros, so they count like bytes that were there.
    this.#guard.add(holes);
    let whole: ReturnType<typeof createHash> | undefined;
    let hashed = 0;
    while (content.left > 0) {
      const piece = yield* content.next();
      if (piece === undefined) break;
      if (piece.length === size) return hash('sha256', piece, 'hex');
      whole ??= createHash('sha256');
      hashZeros(whole, content.offset - hashed);
      whole.update(piece);
      hashed = content.offset + piece.length;
    }
    whole ??= createHash('sha256');
    hashZeros(whole, size - hashed);
    return whole.digest('hex');
  }

  #put(path: ByteString, entry: TarEntry, type: Standing['type'], sha256 = ''): void {
    const { mode, uid, gid, size, mtime, major, minor } = entry;
    const link = type === 'symlink' ? entry.link : '';
    const xattrs = entry.xattrs.length === 0 ? NO_XATTRS : this.#kept(entry.xattrs);
    const isDevice = type === 'character' || type === 'block';
    this.#standing.set(path, {
      type,
      mode,
      uid,
      gid,
      size,
      mtime,
      sha256,
      link,
      major: isDevice ? major : 0,
      minor: isDevice ? minor : 0,
      xattrs,
    });
  }

  #kept(xattrs: readonly Xattr[]): readonly Xattr[] {
    const kept = xattrs.filter(({ name }) => !isOverlayXattr(name) && !isLocalXattr(name));
    this.#xattrBytes += kept.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
    if (this.#xattrBytes > this.#limits.nameBytes) {
      throw new AshlarError(`the attributes of the layer take more than ${this.#limits.nameBytes} bytes`);
    }
    return kept;
  }

  addDirectory(): void {}
  addWhiteout(): void {}
  removeWhiteout(): void {}
  markOpaque(): void {}

  removeDirectory(directory: Directory): void {
    this.#standing.delete(directory.path);
    for (const [name, child] of directory.children) {
      if (child instanceof Directory) this.removeDirectory(child);
      else this.#standing.delete(joinPath(directory.path, name));
    }
  }

  removeFile(place: Place): void {
    this.#standing.delete(pathOf(place));
  }
}

const NO_XATTRS: readonly Xattr[] = [];

/** SHA-256 of nothing. */
const EMPTY = hash('sha256', '', 'hex');

const ZEROS = Buffer.alloc(1 << 16);

function hashZeros(whole: ReturnType<typeof createHash>, count: number): void {
  for (let left = count; left > 0; left -= ZEROS.length) {
    whole.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
  }
}
