import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Limits } from '../../src/layers/limits.ts';
import { SquashfsListing } from '../../src/layers/squashfs-listing.ts';
import { lacks, scratch } from './support.ts';

/** What unsquashfs lists of a tree with seven names, whose files have 300,006 bytes together. */
function listing(): Buffer {
  const work = scratch();
  const [tree, image] = [join(work, 'tree'), join(work, 'image')];
  mkdirSync(join(tree, 'd'), { recursive: true });
  writeFileSync(join(tree, 'd/text'), 'abc');
  linkSync(join(tree, 'd/text'), join(tree, `d/${'n'.repeat(250)}`));
  symlinkSync('d', join(tree, 'link'));
  execFileSync('mkfifo', [join(tree, 'pipe')]);
  writeFileSync(join(tree, 'sparse'), '');
  truncateSync(join(tree, 'sparse'), 300_000);
  execFileSync('mksquashfs', [tree, image, '-quiet', '-no-progress'], { stdio: 'pipe' });
  return execFileSync('unsquashfs', ['-lln', image]);
}

function read(pieces: readonly Uint8Array[], limits: Partial<Limits>, imageSize = 1000): void {
  const list = new SquashfsListing(imageSize, { ...DEFAULT_LIMITS, ...limits });
  for (const piece of pieces) list.add(piece);
}

describe.skipIf(lacks('mksquashfs', 'unsquashfs'))('the list of a squashfs image', () => {
  it('tells how much would be written, in whatever pieces it comes', () => {
    const bytes = listing();
    const single = Array.from(bytes, byte => Buffer.of(byte));
    for (const pieces of [[bytes], single]) {
      read(pieces, { expandedBytes: 300_006, entries: 7 });
      expect(() => read(pieces, { expandedBytes: 300_005 })).toThrow('decompression bomb');
      expect(() => read(pieces, { entries: 6 })).toThrow('the squashfs image has more than 6 names');
    }
  });

  it('is held against the size of the image', () => {
    const bytes = listing();
    read([bytes], { ratioFreeBytes: 300_006 }, 4);
    read([bytes], { ratioFreeBytes: 0 }, 301);
    expect(() => read([bytes], { ratioFreeBytes: 0 }, 300)).toThrow(
      'the layer looks like a decompression bomb: 300 compressed bytes expand to more than 300000',
    );
  });
});
