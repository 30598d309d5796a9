import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTree } from '../../../src/disk/file-systems/source-tree.ts';
import { leastXfsSize, measureXfs } from '../../../src/disk/file-systems/xfs.ts';
import { fileSystem, MEBIBYTE, scratch, signal } from './trees.ts';

describe('the room of an xfs', () => {
  it('is a block for each small file, and inodes of the size that they have', async () => {
    const directory = scratch();
    for (let i = 0; i < 639; i++) writeFileSync(join(directory, String(i)), 'x');
    const tree = await readTree(directory, signal);
    const [small = 0, large = 0] = [512, 2048].map(inodeSize => measureXfs(tree, inodeSize));
    const empty = measureXfs({ ...tree, inodes: [], directories: new Map() }, 512);
    // Ten chunks of inodes, with eight blocks each, and names.
    expect(small - empty).toBeLessThan(639 + 10 * 8 + 20);
    expect(large - small).toBe(10 * 3 * 8);
  });

  it('counts what tells of many pieces of a file', async () => {
    const tree = await readTree(scratch(), signal);
    const inPieces = (count: number) => {
      const data = Array.from({ length: count }, (_, i) => ({ start: i << 17, end: (i << 17) + 4096 }));
      const file = { ...tree.root, type: 'file', size: count << 17, data } as const;
      return measureXfs({ ...tree, inodes: [file] }, 512) - count;
    };
    expect([18, 19, 900].map(count => inPieces(count) - inPieces(1))).toEqual([0, 1, 4]);
  });

  it('is not looked for where options fix the size', async () => {
    const directory = scratch();
    const spec = fileSystem('xfs', { createOptions: ['-d', 'agcount=2,size=310m'] });
    const request = { fileSystem: spec, tree: directory, scratch: scratch(), signal, without: [] };
    const tree = await readTree(directory, signal);
    const file = { ...tree.root, type: 'file', size: 330 * MEBIBYTE, stored: 330 * MEBIBYTE } as const;
    await expect(leastXfsSize(request, { ...tree, inodes: [tree.root, file] })).rejects.toThrow(
      'the option -d agcount=2,size=310m of mkfs.xfs cannot be used here',
    );
  });
});
