/** Tar archives that are no layers but files of an image, and small: read into memory and written from there. */
import { AshlarError } from '../support/errors.ts';
import { type Flow, run } from './flow.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import { BlockPool, TarWriter } from './tar-writer.ts';

export interface ArchivedFile {
  readonly entry: TarEntry;
  /** As many bytes as the entry says. */
  readonly content: Buffer;
}

/** The regular files of an archive, in their order. Throws AshlarError for anything malformed. */
export async function readSmallArchive(archive: Buffer): Promise<readonly ArchivedFile[]> {
  const files: ArchivedFile[] = [];
  function* visit(entry: TarEntry, content: Content): Flow<void> {
    if (entry.type !== 'file') return;
    // With holes, a few bytes could claim any size.
    if (entry.size !== content.left) throw new AshlarError('a sparse file is in an archive that has none');
    const pieces: Buffer[] = [];
    for (let piece = yield* content.next(); piece !== undefined; piece = yield* content.next())
      pieces.push(piece);
    files.push({ entry, content: Buffer.concat(pieces) });
  }
  await run(readTar(visit, { ...DEFAULT_LIMITS, entries: 2 ** 16 }), [archive]);
  return files;
}

export async function writeSmallArchive(files: readonly ArchivedFile[]): Promise<Buffer> {
  const blocks: Buffer[] = [];
  function* write(): Flow<void> {
    const writer = new TarWriter(new BlockPool());
    for (const { entry, content } of files) {
      yield* writer.begin(entry);
      yield* writer.write(content);
      yield* writer.pad(entry.size);
    }
    yield* writer.end();
  }
  await run(write(), [], block => void blocks.push(block));
  return Buffer.concat(blocks);
}
