/**
 * A tar archive of any dialect as the entries of a layer: canonical names, numeric owners, clamped times, and entries
 * that lead through a symbolic link of the archive put where the link leads, since in an overlay they would otherwise
 * cover it. The checks are those of unpacking; content streams through.
 */

import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, toText } from './bytes.ts';
import { type ArchiveCompression, contentKind } from './compression.ts';
import { copyContent } from './copy-content.ts';
import { BlobFile, decompress } from './decompress.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { canonicalPath, joinPath } from './names.ts';
import { checkLayerName, earlier } from './scan.ts';
import { bareEntry, type TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import type { TarWriter } from './tar-writer.ts';
import { LayerTree, NO_GROUND, pathOf } from './tree.ts';
import type { DirectoryMetadata, TreeDirectories } from './tree-directories.ts';
import type { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

export interface TarJob {
  readonly kind: 'tar';
  /** A file; uncompressed, or compressed with gzip, zstd, xz or bzip2. */
  readonly path: string;
  readonly limits?: Partial<Limits>;
  /** Whether what it says is recorded: somebody will ask for it. */
  readonly recorded?: boolean;
  /** It is no layer, but something to be extracted into a directory of a tree, whose links to directories hold. */
  readonly into?: ExtractInto;
}

export interface ExtractInto {
  /** Absolute, without links. */
  readonly target: string;
  readonly below: TreeDirectories;
}

/** The archive as it comes in, and the entries that it becomes; closes the archive at the end. */
export function openTar(
  job: TarJob,
  writer: TarWriter,
  warnings: Warnings,
  latest: bigint,
): { readonly input: AsyncGenerator<Buffer>; readonly entries: Flow<void> } & Disposable {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  const file = new BlobFile(job.path);
  const guard = new ExpansionGuard(limits, file.size);
  const rewriter = new Rewriter(writer, warnings, latest, limits, guard, job.into);
  return {
    input: readArchive(file, guard),
    entries: readTar((entry, content) => rewriter.rewrite(entry, content), limits),
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

async function* readArchive(file: BlobFile, guard: ExpansionGuard): AsyncGenerator<Buffer> {
  for await (const chunk of decompress(file, archiveCompression(file))) {
    guard.add(chunk.length);
    yield chunk;
  }
}

function archiveCompression(file: BlobFile): ArchiveCompression {
  const kind = contentKind(file.head());
  switch (kind) {
    case undefined:
      return 'none';
    case 'gzip':
    case 'zstd':
    case 'xz':
    case 'bzip2':
      return kind;
    default:
      throw new AshlarError(`${file.path} is a ${kind} file system, no tar archive`);
  }
}

const PLAIN_DIRECTORY: DirectoryMetadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0n, xattrs: [] };

/** An entry as it is below the target; undefined for the target itself, of which only the content is wanted. */
function extracted(entry: TarEntry, { target }: ExtractInto): TarEntry | undefined {
  const path = canonicalPath(entry.path);
  if (path === '') return undefined;
  for (const name of path.split('/')) checkLayerName(name, path);
  const top = canonicalPath(fromText(target));
  const link = entry.type === 'hardlink' ? joinPath(top, canonicalPath(entry.link)) : entry.link;
  return { ...entry, path: joinPath(top, path), link };
}

class Rewriter {
  readonly #writer: TarWriter;
  readonly #warnings: Warnings;
  readonly #latest: bigint;
  readonly #guard: ExpansionGuard;
  readonly #tree: LayerTree;
  readonly #into: ExtractInto | undefined;
  readonly #directories = new Set<ByteString>();

  constructor(
    writer: TarWriter,
    warnings: Warnings,
    latest: bigint,
    limits: Limits,
    guard: ExpansionGuard,
    into: ExtractInto | undefined,
  ) {
    this.#writer = writer;
    this.#warnings = warnings;
    this.#latest = latest;
    this.#guard = guard;
    this.#tree = new LayerTree(NO_GROUND, limits);
    this.#into = into;
    if (into) this.#tree.showLinks(into.below.links);
  }

  *rewrite(archived: TarEntry, content: Content): Flow<void> {
    const entry = this.#into ? extracted(archived, this.#into) : archived;
    const placed = entry && this.#place(entry);
    if (entry === undefined || placed === undefined) return;
    if (this.#into) yield* this.#parentsOf(placed, this.#into);
    yield* this.#writer.begin({
      ...placed,
      mtime: earlier(entry.mtime, this.#latest),
      xattrs: entry.xattrs.filter(({ name }) => this.#keepsXattr(name, entry.path)),
    });
    yield* this.#copy(placed, content);
  }

  /** The entry with its real path; `undefined` when it has nothing to say. */
  #place(entry: TarEntry): TarEntry | undefined {
    const placement = this.#tree.place(entry);
    switch (placement.kind) {
      case 'void':
        return undefined;
      case 'whiteout':
        // Some old whiteouts are hard links to each other.
        return { ...entry, path: placement.path, type: 'file', size: 0, link: '' };
      case 'directory':
        return { ...entry, path: `${placement.directory.path}/` };
      case 'hardlink':
        return { ...entry, path: pathOf(placement.to), link: pathOf(placement.from) };
      case 'other':
        if (!isOverlayWhiteout(entry)) return { ...entry, path: pathOf(placement.place) };
        this.#warnings.add('a device 0:0 was left out', entry.path);
        return undefined;
    }
  }

  /** Directories of the tree on the way are said again, so that nothing covers them. */
  *#parentsOf({ path, type }: TarEntry, { below }: ExtractInto): Flow<void> {
    const names = canonicalPath(path).split('/');
    for (let i = 1; i < names.length; i++) {
      const parent = names.slice(0, i).join('/');
      if (this.#directories.has(parent)) continue;
      this.#directories.add(parent);
      const metadata = below.directories.get(parent) ?? PLAIN_DIRECTORY;
      yield* this.#writer.begin({
        ...bareEntry(`${parent}/`, 'directory', metadata.mode),
        ...metadata,
        mtime: earlier(metadata.mtime, this.#latest),
      });
    }
    if (type === 'directory') this.#directories.add(names.join('/'));
  }

  #keepsXattr(name: ByteString, path: ByteString): boolean {
    if (isOverlayXattr(name)) {
      this.#warnings.add(`the attribute ${toText(name)}, which belongs to overlayfs, was left out`, path);
      return false;
    }
    return !isLocalXattr(name);
  }

  /** Holes are written out, so they count like bytes that were there. */
  *#copy(entry: TarEntry, content: Content): Flow<void> {
    if (entry.size === 0) return;
    this.#guard.add(entry.size - content.left);
    yield* copyContent(this.#writer, content, entry.size);
  }
}
