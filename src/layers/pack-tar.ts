/**
 * A tar archive of any dialect as the entries of a layer: canonical names, numeric owners, clamped times, and entries
 * that lead through a symbolic link of the archive put where the link leads, since in an overlay they would otherwise
 * cover it. The checks are those of unpacking; content streams through.
 */

import { AshlarError } from '../support/errors.ts';
import { type ByteString, toText } from './bytes.ts';
import { type ArchiveCompression, contentKind } from './compression.ts';
import { copyContent } from './copy-content.ts';
import { BlobFile, decompress } from './decompress.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { earlier } from './scan.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import type { TarWriter } from './tar-writer.ts';
import { LayerTree, NO_GROUND, pathOf } from './tree.ts';
import type { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

export interface TarJob {
  readonly kind: 'tar';
  /** A file; uncompressed, or compressed with gzip, zstd, xz or bzip2. */
  readonly path: string;
  readonly limits?: Partial<Limits>;
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
  const rewriter = new Rewriter(writer, warnings, latest, limits, guard);
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

class Rewriter {
  readonly #writer: TarWriter;
  readonly #warnings: Warnings;
  readonly #latest: bigint;
  readonly #guard: ExpansionGuard;
  readonly #tree: LayerTree;

  constructor(writer: TarWriter, warnings: Warnings, latest: bigint, limits: Limits, guard: ExpansionGuard) {
    this.#writer = writer;
    this.#warnings = warnings;
    this.#latest = latest;
    this.#guard = guard;
    this.#tree = new LayerTree(NO_GROUND, limits);
  }

  *rewrite(entry: TarEntry, content: Content): Flow<void> {
    const placed = this.#place(entry);
    if (placed === undefined) return;
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
