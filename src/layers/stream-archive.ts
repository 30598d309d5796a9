/** Tar archives that are no layers and of any size: written as a stream, nothing of them is kept in memory. */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText } from './bytes.ts';
import { BLOCK, padding } from './tar-entry.ts';
import { writeHeader } from './tar-header.ts';
import { fitsOctal } from './tar-number.ts';
import { formatPax } from './tar-pax.ts';

/** A regular file of an archive; a directory where its name ends with a slash. */
export interface StreamedFile {
  readonly name: string;
  /** Number of its user and group; root's when absent. */
  readonly owner?: number;
  readonly size: number;
  readonly content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * The bytes of an archive with these files: mode 0644, directories 0755, of 1970. Files begin to be read when it is their turn.
 * @throws AshlarError when a file is not as long as was said.
 */
export async function* streamArchive(
  files: Iterable<StreamedFile>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { name, size, content, owner = 0 } of files) {
    const path = fromText(name);
    const large = fitsOctal(size, 12) ? [] : [['size', String(size)] as const];
    const long = path.length <= 100 ? [] : [['path', path] as const];
    const records = formatPax([...long, ...large]);
    if (records.length > 0) {
      yield header('x', records.length, fromText('PaxHeader'), 0);
      yield Buffer.concat([records, Buffer.alloc(padding(records.length))]);
    }
    const flag = name.endsWith('/') ? '5' : '0';
    yield header(flag, large.length > 0 ? 0 : size, path.slice(0, 100), owner);
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

function header(flag: string, size: number, name: ByteString, owner: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  writeHeader(block, 0, {
    prefix: '',
    name,
    mode: flag === '5' ? 0o755 : 0o644,
    uid: owner,
    gid: owner,
    size,
    mtime: 0,
    flag,
    link: '',
    major: 0,
    minor: 0,
  });
  return block;
}
