import { open } from 'node:fs/promises';

const ZEROS = Buffer.alloc(1 << 16);

/** Writes a new file of these pieces; where they have nothing but zeros, it has holes. */
export async function writeSparse(pieces: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  await using file = await open(path, 'wx', 0o644);
  let end = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += ZEROS.length) {
      const block = piece.subarray(at, at + ZEROS.length);
      if (ZEROS.compare(block, 0, block.length, 0, block.length) !== 0)
        await file.write(block, 0, block.length, end + at);
    }
    end += piece.length;
  }
  await file.truncate(end);
}
