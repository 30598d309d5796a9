import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc16 } from '../../../src/disk/crc16.ts';
import { attributesOf } from '../../../src/disk/file-systems/ext-attributes.ts';
import { directoryBlocks, type ExtName, nameBlocks } from '../../../src/disk/file-systems/ext-directory.ts';
import {
  addMapping,
  extentBlocks,
  extentTree,
  type Mapping,
} from '../../../src/disk/file-systems/ext-extents.ts';
import { findBit, setBits } from '../../../src/disk/file-systems/ext-groups.ts';
import { Gatherer } from '../../../src/disk/file-systems/gatherer.ts';
import { readAcl } from '../../../src/disk/file-systems/posix-acl.ts';

const blockSizes = fc.constantFrom(1024, 2048, 4096, 65_536);

describe('CRC-16', () => {
  it('gives the known value of the digits', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x4b37);
  });
});

describe('bitmaps', () => {
  it('have the bits that were set, and find the first one', () => {
    const ranges = fc.array(fc.tuple(fc.nat(250), fc.nat(60)), { maxLength: 6 });
    fc.assert(
      fc.property(ranges, fc.nat(319), fc.constantFrom(0, 1), (all, from, value) => {
        const [bitmap, bits] = [Buffer.alloc(40), new Array<number>(320).fill(0)];
        for (const [start, count] of all) {
          setBits(bitmap, start, count);
          bits.fill(1, start, start + count);
        }
        expect(bits.map((_, i) => ((bitmap[i >> 3] ?? 0) >> (i % 8)) & 1)).toEqual(bits);
        const first = bits.indexOf(value, from);
        expect(findBit(bitmap, from, 320, value)).toBe(first === -1 ? 320 : first);
      }),
    );
  });
});

describe('a gatherer', () => {
  it('writes what came, in fewer pieces where they meet', () => {
    const pieces = fc.array(fc.tuple(fc.constantFrom(0, 0, 7), fc.integer({ min: 1, max: 90_000 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(pieces, all => {
        const [expected, written] = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)];
        const places: number[] = [];
        const gatherer = new Gatherer((bytes, at) => {
          places.push(at);
          Buffer.from(bytes).copy(written, at);
        });
        let at = 0;
        for (const [i, [gap, length]] of all.entries()) {
          at += gap;
          expected.fill(i + 1, at, at + length);
          gatherer.put(expected.subarray(at, at + length), at);
          at += length;
        }
        gatherer.flush();
        expect(written.equals(expected)).toBe(true);
        const gaps = all.filter(([gap]) => gap > 0).length;
        expect(places.length).toBeLessThanOrEqual(1 + gaps + Math.floor(at / (1 << 16)));
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }),
      { numRuns: 20 },
    );
  });
});

describe('extents', () => {
  /** What a tree says, leaf by leaf. */
  function read(node: Buffer, blocks: ReadonlyMap<number, Buffer>): Mapping[] {
    expect(node.readUInt16LE(0)).toBe(0xf30a);
    expect(node.readUInt16LE(2)).toBeLessThanOrEqual(node.readUInt16LE(4));
    return Array.from({ length: node.readUInt16LE(2) }, (_, i) => 12 * (i + 1)).flatMap(at => {
      const offset = node.readUInt32LE(at);
      if (node.readUInt16LE(6) === 0) {
        const block = node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32;
        return [{ offset, block, count: node.readUInt16LE(at + 4) }];
      }
      const below = blocks.get(node.readUInt32LE(at + 4)) ?? Buffer.alloc(0);
      const found = read(below, blocks);
      expect(found[0]?.offset).toBe(offset);
      return found;
    });
  }

  it('are found again in trees of all heights, with as many blocks as were said', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), blockSizes, (pieces, blockSize) => {
        const mappings: Mapping[] = [];
        for (let i = 0; i < pieces; i++) addMapping(mappings, i * 3, { block: 2 ** 33 + i * 5, count: 2 });
        const places = Array.from({ length: extentBlocks(pieces, blockSize) }, (_, i) => 100 + i);
        const tree = extentTree(mappings, places, blockSize, 17);
        expect(tree.blocks.map(({ block }) => block)).toEqual(places);
        const blocks = new Map(tree.blocks.map(({ block, bytes }) => [block, bytes]));
        expect(read(tree.map, blocks)).toEqual(mappings);
      }),
      {
        numRuns: 15,
        examples: [
          [4, 1024],
          [5, 1024],
          [84 * 4 + 1, 1024],
          [20_000, 1024],
        ],
      },
    );
  });

  it('meet where they can, and are never too long', () => {
    const runs = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 70_000 })), { maxLength: 20 });
    fc.assert(
      fc.property(runs, all => {
        const mappings: Mapping[] = [];
        let [offset, block, pieces] = [0, 1000, 0];
        let joined = 0;
        for (const [jump, count] of all) {
          if (jump || joined === 0) {
            pieces += Math.ceil(joined / 32_768);
            joined = 0;
            block += 9;
          }
          addMapping(mappings, offset, { block, count });
          [offset, block, joined] = [offset + count, block + count, joined + count];
        }
        expect(mappings.reduce((sum, { count }) => sum + count, 0)).toBe(offset);
        expect(Math.max(0, ...mappings.map(({ count }) => count))).toBeLessThanOrEqual(32_768);
        expect(mappings.length).toBe(pieces + Math.ceil(joined / 32_768));
      }),
    );
  });
});

describe('directories', () => {
  it('have all names in order, in as many blocks as were counted', () => {
    const names = fc.uniqueArray(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 255 }), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(names, blockSizes, fc.boolean(), fc.nat(4), (all, blockSize, checksums, least) => {
        const form = { blockSize, types: true, checksums };
        const entries = ['.', '..', ...all].map(
          (name, i): ExtName => ({ name, inode: 11 + i, type: 'symlink' }),
        );
        const blocks = [...directoryBlocks(entries, form, least, checksums ? 5 : undefined)];
        expect(blocks.length).toBe(Math.max(least, nameBlocks(all, form)));
        const found: ExtName[] = [];
        for (const bytes of blocks) {
          let at = 0;
          while (at < blockSize) {
            const inode = bytes.readUInt32LE(at);
            const name = bytes.toString('latin1', at + 8, at + 8 + bytes.readUInt8(at + 6));
            if (inode !== 0) found.push({ name, inode, type: 'symlink' });
            const length = bytes.readUInt16LE(at + 4);
            at += length === 0xffff ? 65_536 : length;
          }
          expect(at).toBe(blockSize);
          if (checksums) expect(bytes.readUInt8(blockSize - 5)).toBe(0xde);
        }
        expect(found).toEqual(entries);
      }),
      { numRuns: 40 },
    );
  });
});

describe('attributes', () => {
  const xattr = (name: string, length: number) => ({ name, value: Buffer.alloc(length, name) });

  it('are the same in whatever order they come', () => {
    const named = fc.uniqueArray(fc.stringMatching(/^(user|trusted|security)\.[a-z]{1,9}$/), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(named, fc.array(fc.nat(120), { minLength: 6, maxLength: 6 }), (names, lengths) => {
        const all = names.map((name, i) => xattr(name, lengths[i] ?? 0));
        const made = attributesOf(all, 96, 1024, 'file');
        expect(attributesOf(all.toReversed(), 96, 1024, 'file')).toEqual(made);
        if (all.length > 0) expect(made.inside.length + (made.block?.length ?? 0)).toBeGreaterThan(0);
      }),
    );
  });

  it('are refused where they have no room or the file system no place for them', () => {
    const large = xattr('user.large', 4096);
    expect(() => attributesOf([large], 96, 4096, 'etc/file')).toThrow('"/etc/file" has too many attributes');
    const fits = xattr('user.large', 4096 - 32 - 4 - 16 - 8);
    expect(attributesOf([fits], 96, 4096, 'file').block?.length).toBe(4096);
    const strange = xattr('btrfs.compression', 3);
    expect(() => attributesOf([strange], 96, 4096, 'etc/file')).toThrow(
      'ext4 cannot hold the attribute "btrfs.compression" of "/etc/file"',
    );
  });
});

describe('ACLs', () => {
  it('are read entry by entry', () => {
    const bytes = Buffer.from('0200000001000600ffffffff0200040005000000', 'hex');
    expect(readAcl(bytes)).toEqual([
      { tag: 1, permissions: 6, id: 0xffffffff },
      { tag: 2, permissions: 4, id: 5 },
    ]);
  });
});
