/** Tar archives that are no layers and of any size: written as a stream, nothing of them is kept in memory. */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText } from './bytes.ts';
import { BLOCK, padding } from './tar-entry.ts';
import { writeHeader } from './tar-header.ts';
import { fitsOctal } from './tar-number.ts';
import { formatPax } from './tar-pax.ts';

/** A regular file of an archive. */
export interface StreamedFile {
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
    const path = fromText(name);
    const large = fitsOctal(size, 12) ? [] : [['size', String(size)] as const];
    const long = path.length <= 100 ? [] : [['path', path] as const];
    const records = formatPax([...long, ...large]);
    if (records.length > 0) {
      yield header('x', records.length, fromText('PaxHeader'));
      yield Buffer.concat([records, Buffer.alloc(padding(records.length))]);
    }
    yield header('0', large.length > 0 ? 0 : size, path.slice(0, 100));
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

function header(flag: string, size: number, name: ByteString): Buffer {
  const block = Buffer.alloc(BLOCK);
  writeHeader(block, 0, {
    prefix: '',
    name,
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
