import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSource, readSource, readTree } from '../../../src/disk/file-systems/source-tree.ts';
import { AT_FDCWD, FileDescriptor, openAt } from '../../../src/linux/index.ts';
import { scratch } from '../../layers/support.ts';

const { signal } = new AbortController();

/** What is read of a file of seven bytes that had `size` when its tree was. */
async function read(length: number, from: number, size = 7): Promise<string> {
  const tree = scratch();
  writeFileSync(join(tree, 'file'), 'content');
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, 0));
  using source = openSource(root.fd, 'file');
  const into = Buffer.alloc(length, '?');
  readSource(source.fd, into, from, { ...(await readTree(tree, signal)).root, path: 'file', size });
  return into.toString();
}

describe('the content of a file', () => {
  it('is followed by zeros', async () => {
    expect(await read(4, 2)).toBe('nten');
    expect(await read(8, 4)).toBe('ent\0\0\0\0\0');
    expect(await read(2, 9)).toBe('\0\0');
  });

  it('is not made up where the file has become shorter', async () => {
    await expect(read(16, 0, 8)).rejects.toThrow('"/file" changed while it was read');
    await expect(read(4, 9, 16)).rejects.toThrow('"/file" changed while it was read');
  });
});

describe('the holes of a file', () => {
  const PIECE = 1 << 16;
  /** Each piece with a byte at one place in it, or with none. */
  const pieces = fc.array(fc.option(fc.nat(PIECE - 1), { nil: undefined }), { minLength: 1, maxLength: 9 });

  it('are its zeros, whether or not they are stored', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(PIECE - 1), async (places, rest) => {
        const tree = scratch();
        const content = Buffer.alloc(places.length * PIECE + rest);
        for (const [i, place] of places.entries()) if (place !== undefined) content[i * PIECE + place] = 1;
        writeFileSync(join(tree, 'full'), content);
        const fd = openSync(join(tree, 'sparse'), 'w');
        for (const [i, place] of places.entries())
          if (place !== undefined) writeSync(fd, content, i * PIECE + place, 1, i * PIECE + place);
        ftruncateSync(fd, content.length);
        closeSync(fd);
        const [full, sparse] = (await readTree(tree, signal)).inodes.slice(1);
        expect(sparse).toEqual({ ...full, path: 'sparse', mtime: sparse?.mtime });
        const data = full?.data ?? [{ start: 0, end: content.length }];
        const kept = places.flatMap((place, i) => (place === undefined ? [] : [i]));
        const found = data.flatMap(({ start, end }) =>
          Array.from({ length: Math.ceil((end - start) / PIECE) }, (_, i) => start / PIECE + i),
        );
        expect(found).toEqual(kept);
        expect(full?.stored).toBe(kept.length * PIECE);
      }),
      { numRuns: 40 },
    );
  });
});
