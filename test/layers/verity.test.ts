import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendVerity, hasVerity, VERITY_BLOCK, verifyVerity } from '../../src/layers/verity.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { lacks, scratch, sha256 } from './support.ts';

function padded(size: number): number {
  return Math.ceil(size / VERITY_BLOCK) * VERITY_BLOCK;
}

/** Bytes that differ from block to block. */
function content(size: number, seed = 1): Buffer {
  return Buffer.from(
    Uint32Array.from({ length: Math.ceil(size / 4) }, (_, i) => i * 2654435761 + seed).buffer,
    0,
    size,
  );
}

function inFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, 'r+');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function withVerity(size: number): { readonly path: string; readonly root: string } {
  const path = join(scratch(), 'image');
  writeFileSync(path, content(size));
  return { path, root: inFile(path, fd => appendVerity(fd)) };
}

function verify(path: string, size: number, root: string): void {
  inFile(path, fd => verifyVerity(fd, size, root));
}

function veritysetupAgrees(path: string, size: number, root: string): boolean {
  const args = ['verify', path, path, root, `--hash-offset=${padded(size)}`];
  return spawnSync('veritysetup', args).status === 0;
}

/** Around one block, and one block of hashes (128 blocks). */
const SIZES = [1, 4095, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 300 * 4096];
/** Two levels of blocks of hashes are not enough. */
const THREE_LEVELS = (128 * 128 + 1) * 4096;

describe.skipIf(lacks('veritysetup'))('verity data beside veritysetup', () => {
  it.each([...SIZES, THREE_LEVELS])('is what it verifies, for %i bytes', size => {
    const { path, root } = withVerity(size);
    expect(veritysetupAgrees(path, size, root)).toBe(true);
    expect(() => verify(path, size, root)).not.toThrow();
  });

  it.each(SIZES)('is verified when it was made there with a salt of its own, for %i bytes', size => {
    const path = join(scratch(), 'image');
    writeFileSync(path, Buffer.concat([content(size), Buffer.alloc(padded(size) - size)]));
    const format = [`--hash-offset=${padded(size)}`, `--data-blocks=${padded(size) / VERITY_BLOCK}`];
    const text = execFileSync('veritysetup', ['format', path, path, ...format], { encoding: 'utf8' });
    const root = /Root hash:\s+([0-9a-f]{64})/.exec(text)?.[1] ?? '';
    expect(() => verify(path, size, root)).not.toThrow();
    expect(() => verify(path, size, sha256('another'))).toThrow('invalid root hash');
  });
});

describe('verity data', () => {
  it('is the same for the same content, and another for other content', () => {
    const [first, second] = [withVerity(50_000), withVerity(50_000)];
    expect(second.root).toBe(first.root);
    expect(readFileSync(second.path).equals(readFileSync(first.path))).toBe(true);
    const path = join(scratch(), 'other');
    writeFileSync(path, content(50_000, 2));
    expect(inFile(path, fd => appendVerity(fd))).not.toBe(first.root);
  });

  it('tells of every byte that the file has in the end, in order', () => {
    const path = join(scratch(), 'image');
    writeFileSync(path, content(600_000));
    const seen: Buffer[] = [];
    inFile(path, fd => appendVerity(fd, bytes => seen.push(Buffer.from(bytes))));
    expect(sha256(Buffer.concat(seen))).toBe(sha256(readFileSync(path)));
  });

  it('is found where the content ends, and only there', () => {
    const { path } = withVerity(5000);
    expect(inFile(path, fd => hasVerity(fd, 5000))).toBe(true);
    expect(inFile(path, fd => hasVerity(fd, 4096))).toBe(false);
    expect(inFile(path, fd => hasVerity(fd, 50_000))).toBe(false);
  });

  it('is refused with a flipped bit anywhere in content, superblock and hashes', () => {
    const size = 200 * VERITY_BLOCK;
    const { path, root } = withVerity(size);
    const damagedPath = join(scratch(), 'damaged');
    // The UUID alone stands for nothing; the digest of the blob covers it.
    const uuid = { from: size + 16, to: size + 32 };
    // Behind the fields of the superblock its block is unused.
    const unused = { from: size + 512, to: size + VERITY_BLOCK };
    fc.assert(
      fc.property(fc.nat(statSync(path).size - 1), fc.nat(7), (at, bit) => {
        fc.pre(![uuid, unused].some(({ from, to }) => at >= from && at < to));
        copyFileSync(path, damagedPath);
        const bytes = readFileSync(damagedPath);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        writeFileSync(damagedPath, bytes);
        expect(() => verify(damagedPath, size, root)).toThrow(AshlarError);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['another kind of hash', 32, 'sha512\0'],
    ['another version', 8, '\x02\0\0\0'],
    ['other blocks', 64, '\0\x02\0\0'],
    ['content of another size', 72, '\x05\0\0\0'],
    ['a salt that is too long', 80, '\x01\x01'],
  ])('is refused for %s', (_, at, bytes) => {
    const { path, root } = withVerity(8192);
    const damaged = readFileSync(path);
    damaged.write(bytes, 8192 + at, 'latin1');
    writeFileSync(path, damaged);
    expect(() => verify(path, 8192, root)).toThrow('the verity data is wrong');
  });

  it('is refused when it is cut short, or not there at all', () => {
    const { path, root } = withVerity(600_000);
    writeFileSync(path, readFileSync(path).subarray(0, -VERITY_BLOCK));
    expect(() => verify(path, 600_000, root)).toThrow('the verity data is wrong');
    writeFileSync(path, content(600_000));
    expect(() => verify(path, 600_000, root)).toThrow('there is no hash area behind the content');
  });
});
