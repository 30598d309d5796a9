/**
 * An erofs image as the entries of a tar layer: names and attributes out of the image itself, contents of files out of
 * the directory that fsck.erofs has extracted it to.
 */
import { constants, fstatSync } from 'node:fs';
import { AT_FDCWD, FileDescriptor, openAt, openBeneath } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote, toName } from './bytes.ts';
import { BlobFile } from './decompress.ts';
import { type ErofsNode, ErofsReader, walkErofs } from './erofs-reader.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { joinPath, splitLast } from './names.ts';
import { checkLayerName, writeContent } from './scan.ts';
import type { TarEntry } from './tar-entry.ts';
import type { TarWriter } from './tar-writer.ts';
import type { Warnings } from './warnings.ts';
import {
  isLocalXattr,
  isOpaqueMark,
  isOverlayWhiteout,
  isOverlayXattr,
  OPAQUE_NAME,
  whiteoutEntry,
  whiteoutName,
} from './whiteouts.ts';

export interface ErofsJob {
  readonly kind: 'erofs';
  /** The image. */
  readonly blob: string;
  /** Where its files are extracted to. */
  readonly directory: string;
  readonly limits?: Partial<Limits>;
}

/** Writes the entries: each directory before what it holds. */
export function* packErofs(job: ErofsJob, writer: TarWriter, warnings: Warnings): Flow<void> {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  using blob = new BlobFile(job.blob);
  using root = new FileDescriptor(
    openAt(AT_FDCWD, job.directory, constants.O_RDONLY | constants.O_DIRECTORY),
  );
  const reader = new ErofsReader(blob, limits);
  const first = new Map<bigint, ByteString>();
  for (const { path, node } of walkErofs(reader, limits)) {
    if (path !== '') checkLayerName(splitLast(path).name, path);
    if (node.type === 'socket') {
      warnings.add('a socket was left out', path);
      continue;
    }
    const { type } = node;
    if (isOverlayWhiteout({ ...node, type })) {
      const { parent, name } = splitLast(path);
      yield* writer.begin(whiteoutEntry(joinPath(parent, whiteoutName(name))));
      continue;
    }
    const known = first.get(node.id);
    if (known !== undefined) {
      yield* writer.begin({
        ...entryOf(node, type, path),
        type: 'hardlink',
        link: known,
        size: 0,
        xattrs: [],
      });
      continue;
    }
    if (type !== 'directory') first.set(node.id, path);
    yield* writer.begin(entryOf(node, type, type === 'directory' ? `${path}/` : path));
    if (type === 'directory' && node.xattrs.some(({ name, value }) => isOpaqueMark(name, value)))
      yield* writer.begin(whiteoutEntry(joinPath(path, OPAQUE_NAME)));
    if (type === 'file') yield* copy(root.fd, path, node.size, writer);
  }
}

function entryOf(node: ErofsNode, type: TarEntry['type'], path: ByteString): TarEntry {
  const { mode, uid, gid, mtime, link, major, minor } = node;
  const xattrs = node.xattrs.filter(({ name }) => !isOverlayXattr(name) && !isLocalXattr(name));
  const size = type === 'file' ? node.size : 0;
  return { path, type, mode, uid, gid, size, mtime, link, major, minor, xattrs };
}

function* copy(root: number, path: ByteString, size: number, writer: TarWriter): Flow<void> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  using file = new FileDescriptor(openBeneath(root, toName(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  const stat = fstatSync(file.fd, { bigint: true });
  if (!stat.isFile() || Number(stat.size) !== size)
    throw new AshlarError(`fsck.erofs did not extract ${quote(path)} as it is in the image`);
  yield* writeContent(writer, file.fd, stat, path);
}
