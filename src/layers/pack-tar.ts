/**
 * A tar archive of any dialect as the entries of a layer: canonical names, numeric owners, clamped times, and entries
 * that lead through a symbolic link of the archive put where the link leads, since in an overlay they would otherwise
 * cover it. The checks are those of unpacking; content streams through.
 */
import { AshlarError } from '../support/errors.ts';
import { toText } from './bytes.ts';
import { type ArchiveCompression, contentKind } from './compression.ts';
import { BlobFile, decompress } from './decompress.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { joinPath } from './names.ts';
import { earlier } from './scan.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import type { TarWriter } from './tar-writer.ts';
import { LayerTree, NO_GROUND, type Place } from './tree.ts';
import type { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

export interface TarJob {
  readonly kind: 'tar';
  /** A file; uncompressed, or compressed with gzip, zstd, xz or bzip2. */
  readonly path: string;
  readonly limits?: Partial<Limits>;
}

/** The uncompressed bytes of the archive. */
export async function* tarInput(job: TarJob): AsyncGenerator<Buffer> {
  using file = new BlobFile(job.path);
  const compression = archiveCompression(file);
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  const guard = new ExpansionGuard(limits, compression === 'none' ? undefined : file.size);
  for await (const chunk of decompress(file, compression)) {
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

/** Rewrites the archive that it reads. */
export function* packTar(job: TarJob, writer: TarWriter, warnings: Warnings, latest: bigint): Flow<void> {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  const tree = new LayerTree(NO_GROUND, limits);
  yield* readTar(function* (entry, content) {
    const changed = canonicalEntry(entry, tree, warnings);
    if (changed === undefined) return;
    yield* writer.begin({
      ...changed,
      mtime: earlier(entry.mtime, latest),
      xattrs: entry.xattrs.filter(({ name }) => {
        if (isOverlayXattr(name)) {
          warnings.add(`the attribute ${toText(name)}, which belongs to overlayfs, was left out`, entry.path);
        }
        return !isOverlayXattr(name) && !isLocalXattr(name);
      }),
    });
    yield* copyContent(changed, content, writer);
  }, limits);
}

/** The entry with its real path; `undefined` when it has nothing to say. */
function canonicalEntry(entry: TarEntry, tree: LayerTree, warnings: Warnings): TarEntry | undefined {
  const placement = tree.place(entry);
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
      if (isOverlayWhiteout(entry)) {
        warnings.add('a device 0:0 was left out', entry.path);
        return undefined;
      }
      return { ...entry, path: pathOf(placement.place) };
  }
}

function pathOf({ directory, name }: Place): string {
  return joinPath(directory.path, name);
}

function* copyContent(entry: TarEntry, content: Content, writer: TarWriter): Flow<void> {
  let written = 0;
  while (entry.size > 0 && content.left > 0) {
    const piece = yield* content.next();
    if (piece === undefined) break;
    if (content.offset > written) yield* writer.zeros(content.offset - written);
    yield* writer.write(piece);
    written = content.offset + piece.length;
  }
  yield* writer.zeros(entry.size - written);
  yield* writer.pad(entry.size);
}
