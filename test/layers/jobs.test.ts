/** The face: jobs in worker threads, compressors, cancellation. */
import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packLayer, unpackLayer } from '../../src/layers/index.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { dir, file, lacks, packTar, rawTar, readTree, scratch, sh, sha256, unpackTar } from './support.ts';

/** Some MiB, part noise, part text, in files of all sizes. */
function upper(): string {
  const root = join(scratch(), 'upper');
  mkdirSync(join(root, 'many'), { recursive: true });
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
    Buffer.alloc(3 << 20),
  );
  writeFileSync(join(root, 'noise'), noise);
  writeFileSync(join(root, 'text'), 'All work and no play makes Jack a dull boy. '.repeat(60_000));
  for (let i = 0; i < 300; i++) writeFileSync(join(root, 'many', String(i)), noise.subarray(0, i * 7));
  sh('find . -exec touch -d @1000000000 {} +', root);
  return root;
}

describe('packing', () => {
  it.each(['none', 'gzip', 'zstd'] as const)(
    'writes what it says, in %s, the same each time',
    async compression => {
      const directory = upper();
      const output = join(scratch(), 'blob');
      const layers = [];
      for (let i = 0; i < 2; i++)
        layers.push(await packLayer({ kind: 'upper', directory }, { compression, output }));
      expect(layers[0]).toEqual(layers[1]);
      const blob = readFileSync(output);
      const tar =
        compression === 'none' ? blob : compression === 'gzip' ? gunzipSync(blob) : zstdDecompressSync(blob);
      expect(layers[0]).toMatchObject({
        digest: `sha256:${sha256(blob)}`,
        size: blob.length,
        diffId: `sha256:${sha256(tar)}`,
        uncompressedSize: tar.length,
        entries: 304,
        mediaType: `application/vnd.oci.image.layer.v1.tar${compression === 'none' ? '' : `+${compression}`}`,
        warnings: [],
      });
      expect(statSync(output).mode & 0o777).toBe(0o644);
      const { directory: again } = await unpackTar(tar, { blob, compression });
      expect(readTree(again)).toEqual(readTree(directory));
    },
  );

  it.skipIf(lacks('gzip', 'pigz'))(
    'makes gzip that other programs accept, with no name and no time in it',
    async () => {
      const output = join(scratch(), 'blob');
      await packLayer({ kind: 'upper', directory: upper() }, { compression: 'gzip', output });
      for (const program of ['gzip', 'pigz']) execFileSync(program, ['-t'], { input: readFileSync(output) });
      expect(readFileSync(output).subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
      const tar = gunzipSync(readFileSync(output));
      expect(statSync(output).size).toBeLessThan(
        1.05 * execFileSync('gzip', ['-6'], { input: tar, maxBuffer: 1 << 28 }).length,
      );
    },
  );

  it('does without the zstd program', async () => {
    const directory = upper();
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      const layer = await packTar({ kind: 'upper', directory }, { compression: 'zstd' });
      const tar = zstdDecompressSync(layer?.tar ?? Buffer.alloc(0));
      expect(`sha256:${sha256(tar)}`).toBe(layer?.diffId);
      const { directory: again } = await unpackTar(tar, { blob: layer?.tar ?? tar, compression: 'zstd' });
      expect(readTree(again)).toEqual(readTree(directory));
    } finally {
      process.env.PATH = path;
    }
  });

  it('leaves no file behind when it fails', async () => {
    const work = scratch();
    writeFileSync(join(work, '.wh.x'), '');
    const output = join(scratch(), 'blob');
    const refusal = packLayer({ kind: 'upper', directory: work }, { compression: 'zstd', output });
    await expect(refusal).rejects.toThrow('cannot be kept in a layer');
    await expect(refusal).rejects.toBeInstanceOf(AshlarError);
    expect(existsSync(output)).toBe(false);
  });

  it('says so when there is no room for the blob', async () => {
    const small = scratch();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    onTestFinished(() => {
      execFileSync('umount', [small]);
    });
    const output = join(small, 'blob');
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const refusal = packLayer({ kind: 'upper', directory: upper() }, { compression, output });
      await expect(refusal).rejects.toThrow(/no space left/i);
      await expect(refusal).rejects.toBeInstanceOf(AshlarError);
      expect(existsSync(output)).toBe(false);
    }
  });
});

describe('a worker', () => {
  it('unpacks, and its errors are those of the caller', async () => {
    const work = scratch();
    const good = rawTar([dir('./'), file('x', 'hello')]);
    writeFileSync(join(work, 'good'), good);
    writeFileSync(join(work, 'bad'), rawTar([file('../x')]));
    const job = { compression: 'none', owners: 'keep', diffId: `sha256:${sha256(good)}` } as const;
    const unpacked = await unpackLayer({ ...job, blob: join(work, 'good'), directory: join(work, 'a') });
    expect(unpacked).toEqual({
      entries: 2,
      bytes: good.length,
      impliedDirectories: [],
      opaqueRoot: false,
      warnings: [],
    });
    expect(readFileSync(join(work, 'a/x'), 'utf8')).toBe('hello');
    const refusal = unpackLayer({ ...job, blob: join(work, 'bad'), directory: join(work, 'b') });
    await expect(refusal).rejects.toThrow('entry "../x"');
    await expect(refusal).rejects.toBeInstanceOf(AshlarError);
  });

  it.each(['gzip', 'zstd'] as const)(
    'stops when it is told to, in %s, and closes what it had open',
    async compression => {
      const directory = upper();
      sh('for i in $(seq 20); do cp noise noise$i; done', directory);
      const output = join(scratch(), 'blob');
      const open = () => readdirSync('/proc/self/fd').length;
      const before = open();
      const controller = new AbortController();
      const packing = packLayer(
        { kind: 'upper', directory },
        { compression, output, signal: controller.signal },
      );
      setTimeout(() => controller.abort(new Error('enough')), 100);
      await expect(packing).rejects.toThrow('enough');
      expect(existsSync(output)).toBe(false);
      await new Promise(resolve => setTimeout(resolve, 100));
      expect(open()).toBeLessThanOrEqual(before);
      await expect(
        packLayer(
          { kind: 'upper', directory },
          { compression, output, signal: AbortSignal.abort(new Error('never')) },
        ),
      ).rejects.toThrow('never');
    },
  );
});
