import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dir,
  file,
  hardlink,
  lacks,
  packTar,
  type RawEntry,
  rawTar,
  readTree,
  scratch,
  symlink,
  unpackTar,
} from './support.ts';

async function rewritten(entries: readonly RawEntry[], sourceDateEpoch?: number) {
  const path = join(scratch(), 'base.tar');
  writeFileSync(path, rawTar(entries));
  const layer = await packTar(
    { kind: 'tar', path },
    sourceDateEpoch === undefined ? {} : { sourceDateEpoch },
  );
  if (layer === undefined) throw new Error('no layer');
  return { layer, list: (...options: string[]) => list(layer.tar, ...options) };
}

function list(tar: Buffer, ...options: string[]): string[] {
  return execFileSync('tar', ['-tPf', '-', ...options], { input: tar, encoding: 'utf8' })
    .trim()
    .split('\n');
}

describe('a tar archive as a base', () => {
  it('gets canonical names', async () => {
    const { list } = await rewritten([
      dir('./'),
      dir('./usr'),
      file('/usr//x'),
      symlink('./l', './odd//target'),
      hardlink('./h', '/usr/x'),
    ]);
    expect(list()).toEqual(['/', 'usr/', 'usr/x', 'l', 'h']);
    expect(
      list('-v')
        .slice(-2)
        .map(line => line.split('2020-09-13 12:26 ')[1]),
    ).toEqual(['l -> ./odd//target', 'h link to usr/x']);
  });

  it('has entries that lead through its symlinks put where these lead', async () => {
    const { list } = await rewritten([
      dir('usr'),
      dir('usr/lib'),
      symlink('lib', 'usr/lib'),
      symlink('abs', '/usr'),
      file('lib/a'),
      file('abs/lib/b'),
      hardlink('h', 'lib/a'),
      symlink('lib64', 'lib'),
      file('lib64/c'),
    ]);
    expect(list()).toEqual([
      'usr/',
      'usr/lib/',
      'lib',
      'abs',
      'usr/lib/a',
      'usr/lib/b',
      'h',
      'lib64',
      'usr/lib/c',
    ]);
  });

  it('keeps a symlink to a directory against a directory entry', async () => {
    const { list } = await rewritten([dir('usr'), symlink('u', 'usr'), dir('u'), dir('u/x')]);
    expect(list()).toEqual(['usr/', 'u', 'usr/x/']);
  });

  it('keeps its whiteouts, each once', async () => {
    const { list } = await rewritten([
      dir('d'),
      file('d/.wh..wh..opq', ''),
      file('d/.wh..wh..opq', ''),
      file('./.wh.gone', ''),
      hardlink('.wh.too', '.wh.gone'),
    ]);
    expect(list()).toEqual(['d/', 'd/.wh..wh..opq', '.wh.gone', '.wh.too']);
  });

  it('has its times clamped and keeps attributes and large owners', async () => {
    const { layer } = await rewritten(
      [
        file('x', 'x', { mtime: 3_000_000_000, uid: 5, pax: { uid: '3000000', 'SCHILY.xattr.user.a': 'b' } }),
        file('y', 'y', { mtime: 5 }),
      ],
      1000,
    );
    const tree = readTree((await unpackTar(layer.tar)).directory);
    expect(tree.x).toMatchObject({
      owner: '3000000:0',
      mtime: 1_000_000_000_000n,
      xattrs: { 'user.a': '62' },
    });
    expect(tree.y?.mtime).toBe(5_000_000_000n);
  });

  it('has no layer when it is empty', async () => {
    const path = join(scratch(), 'base.tar');
    writeFileSync(path, Buffer.alloc(10240));
    expect(await packTar({ kind: 'tar', path })).toBeUndefined();
  });

  it.each([
    ['gzip', 'gzip -c'],
    ['zstd', 'zstd -qc'],
    ['xz', 'xz -c'],
    ['bzip2', 'bzip2 -c'],
  ])('may be compressed with %s', async (program, command) => {
    if (lacks(program)) return;
    const path = join(scratch(), 'base');
    writeFileSync(path, rawTar([file('x')]));
    execFileSync('bash', ['-euc', `${command} ${path} > ${path}.packed`]);
    const plain = await packTar({ kind: 'tar', path });
    const layer = await packTar({ kind: 'tar', path: `${path}.packed` });
    expect(layer?.diffId).toBe(plain?.diffId);
  });

  it('says what it is when it is no archive', async () => {
    const path = join(scratch(), 'base');
    writeFileSync(path, Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(2000)]));
    await expect(packTar({ kind: 'tar', path })).rejects.toThrow('squashfs file system, no tar archive');
    await expect(packTar({ kind: 'tar', path: `${path}.missing` })).rejects.toThrow('cannot open');
  });

  it('unpacks to the tree of the original', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'a/b', 'a/c', 'b/a', './a/b/c', '/c/a');
    const entry: fc.Arbitrary<RawEntry> = fc.oneof(
      name.map(n => dir(n)),
      fc.tuple(name, fc.string()).map(([n, content]) => file(n, content)),
      fc.tuple(name, fc.constantFrom('a', 'b', '/a', '../b', 'a/c', '..')).map(([n, t]) => symlink(n, t)),
      fc.tuple(name, name).map(([n, t]) => hardlink(n, t)),
      name.map(n => file(n.replace(/([^/]+)$/, '.wh.$1'), '')),
      name.map(n => file(`${n}/.wh..wh..opq`, '')),
    );
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 8 }), async entries => {
        const original = rawTar([dir('./'), ...entries]);
        const unpacked = await unpackTar(original).catch(() => undefined);
        const path = join(scratch(), 'base.tar');
        writeFileSync(path, original);
        const packing = packTar({ kind: 'tar', path });
        if (unpacked === undefined) {
          await expect(packing).rejects.toThrow('entry');
          return;
        }
        const layer = await packing;
        const again = await unpackTar(layer?.tar ?? Buffer.alloc(0));
        const plain = (directory: string) =>
          JSON.stringify(readTree(directory), (key, value) =>
            typeof value === 'bigint' ? (key === 'mtime' ? undefined : String(value)) : value,
          );
        expect(plain(again.directory)).toBe(plain(unpacked.directory));
        compared++;
      }),
      { numRuns: 100 },
    );
    expect(compared).toBeGreaterThan(10);
  });
});
