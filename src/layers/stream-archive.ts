/** Tar archives that are no layers and of any size: written as a stream, nothing of them is kept in memory. */
import { AshlarError } from '../support/errors.ts';
import { fromText } from './bytes.ts';
import { BLOCK, padding } from './tar-entry.ts';
import { writeHeader } from './tar-header.ts';
import { fitsOctal } from './tar-number.ts';
import { formatPax } from './tar-pax.ts';

/** A regular file of an archive. */
export interface StreamedFile {
  /** At most 100 bytes. */
  readonly name: string;
  readonly size: number;
  readonly content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * The bytes of an archive with these files: root's, mode 0644, of 1970. Files begin to be read when it is their turn.
 * @throws AshlarError when a file is not as long as was said.
 */
export async function* streamArchive(
  files: Iterable<StreamedFile>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { name, size, content } of files) {
    if (!fitsOctal(size, 12)) {
      const records = formatPax([['size', String(size)]]);
      yield header('x', records.length, 'PaxHeader');
      yield Buffer.concat([records, Buffer.alloc(padding(records.length))]);
    }
    yield header('0', fitsOctal(size, 12) ? size : 0, name);
    let written = 0;
    for await (const bytes of content) {
      written += bytes.length;
      yield bytes;
    }
    if (written !== size) throw new AshlarError(`${name} has ${written} bytes, but should have had ${size}`);
    yield Buffer.alloc(padding(size));
  }
  yield Buffer.alloc(2 * BLOCK);
}

function header(flag: string, size: number, name: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  writeHeader(block, 0, {
    prefix: '',
    name: fromText(name),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    flag,
    link: '',
    major: 0,
    minor: 0,
  });
  return block;
}
