import type { Flow } from './flow.ts';
import type { Content } from './tar-reader.ts';
import type { TarWriter } from './tar-writer.ts';

/** Writes the content of a file of `size` bytes that an archive has, holes as zeros, after its header. */
export function* copyContent(writer: TarWriter, content: Content, size: number): Flow<void> {
  let written = 0;
  while (content.left > 0) {
    const piece = yield* content.next();
    if (piece === undefined) break;
    yield* writer.zeros(content.offset - written);
    yield* writer.write(piece);
    written = content.offset + piece.length;
  }
  yield* writer.zeros(size - written);
  yield* writer.pad(size);
}
