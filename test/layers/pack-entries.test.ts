/** Layers from entries that were put together, and files that are taken out of layers. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ContentsEntry } from '../../src/layers/contents.ts';
import {
  decodeContents,
  extractLayerFiles,
  type NewEntry,
  readLayerContents,
  readLayerFiles,
} from '../../src/layers/index.ts';
import { readContents } from '../../src/layers/read-contents.ts';
import { readFiles } from '../../src/layers/read-files.ts';
import {
  file,
  hardlink,
  packTar,
  rawTar,
  readTree,
  scratch,
  sh,
  sha256,
  symlink,
  unpackTar,
} from './support.ts';

const plain: ContentsEntry = {
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 1_000_000_000n * 1_000_000_000n,
  sha256: '',
  link: '',
  major: 0,
  minor: 0,
  xattrs: [],
};

function entry(path: string, more: Partial<ContentsEntry> = {}, content?: string): NewEntry {
  const bytes = content === undefined ? {} : { content: Buffer.from(content) };
  return { kind: 'entry', path, entry: { ...plain, ...more }, ...bytes };
}

const directory = (path: string, mode = 0o755): NewEntry => entry(path, { type: 'directory', mode });
const removed = (path: string): NewEntry => ({ kind: 'removed', path });

async function pack(entries: readonly NewEntry[], options: { readonly sourceDateEpoch?: number } = {}) {
  const packed = await packTar({ kind: 'entries', entries }, options);
  if (packed === undefined) throw new Error('there is no layer');
  const names = execFileSync('tar', ['-tPf', '-'], { input: packed.tar, encoding: 'utf8' });
  return { ...packed, names: names.trim().split('\n') };
}

describe('a layer of entries', () => {
  const entries = [
    entry('a-b', {}, 'x'),
    directory('a', 0o700),
    removed('z'),
    entry('a/c', {}, 'y'),
    removed('a/d'),
    removed('a/c'),
    directory(''),
    directory('a/e'),
    entry('a/e/f', { type: 'symlink', link: '../c', mode: 0o777 }),
  ];

  it('has the root first, each directory before what it holds, and whiteouts before their siblings', async () => {
    const { names } = await pack(entries);
    expect(names).toEqual(['/', '.wh.z', 'a/', 'a/.wh.c', 'a/.wh.d', 'a/c', 'a/e/', 'a/e/f', 'a-b']);
  });

  it('is the same in whatever order the entries come', async () => {
    expect((await pack(entries.toReversed())).diffId).toBe((await pack(entries)).diffId);
  });

  it('keeps everything that an entry says, and has it in its contents', async () => {
    const all = [
      directory('', 0o711),
      entry(
        'f',
        { mode: 0o4750, uid: 7, gid: 8, xattrs: [{ name: 'user.x', value: Buffer.from('v') }] },
        'text',
      ),
      entry('empty'),
      entry('null', { type: 'character', major: 1, minor: 3 }),
      entry('pipe', { type: 'fifo' }),
      entry('caf\xe9', {}, 'name'),
    ];
    const { tar, contents } = await pack(all);
    const tree = readTree((await unpackTar(tar)).directory);
    expect(tree['.']).toMatchObject({ mode: '711' });
    expect(tree.f).toMatchObject({
      ...{ mode: '4750', owner: '7:8', content: sha256('text'), mtime: 1_000_000_000n * 1_000_000_000n },
      xattrs: { 'user.x': Buffer.from('v').toString('hex') },
    });
    expect(tree.empty).toMatchObject({ content: sha256('') });
    expect([tree.null?.type, tree.pipe?.type, tree['caf\xe9']?.content]).toEqual([
      'character',
      'fifo',
      sha256('name'),
    ]);
    const blob = join(scratch(), 'blob');
    writeFileSync(blob, tar);
    const read = await readContents({ blob, compression: 'none' }, {}, () => {});
    expect(decodeContents(contents ?? Buffer.alloc(0))).toEqual(read.contents);
  });

  it('links the names of one file, whichever of them comes first, unless one was changed', async () => {
    const { tar } = await pack([
      directory(''),
      entry('z', { mode: 0o600 }, 'same'),
      entry('b', { mode: 0o600, linkedTo: 'z' }, 'same'),
      entry('c', { mode: 0o600, linkedTo: 'z' }, 'changed'),
      entry('d', { mode: 0o644, linkedTo: 'z' }, 'same'),
      entry('e', { linkedTo: 'elsewhere' }, 'alone'),
    ]);
    const tree = readTree((await unpackTar(tar)).directory);
    expect(tree.z).toMatchObject({ sameAs: 'b', content: sha256('same') });
    for (const name of ['b', 'c', 'd', 'e']) expect(tree[name]).not.toHaveProperty('sameAs');
    expect(tree.c?.content).toBe(sha256('changed'));
    expect(tree.d?.mode).toBe('644');
    expect(tree.e?.content).toBe(sha256('alone'));
  });

  it('has what is in files of ours, which are one where they are the same', async () => {
    const work = scratch();
    sh('truncate -s 3M holes; printf end >> holes; printf other > other', work);
    const from = (name: string) => ({ content: join(work, name) });
    const names = [
      { ...entry('a'), ...from('holes') },
      { ...entry('b', { linkedTo: 'a' }), ...from('holes') },
      { ...entry('c', { linkedTo: 'a' }), ...from('other') },
    ];
    const { tar, contents } = await pack([directory(''), ...names]);
    const tree = readTree((await unpackTar(tar)).directory);
    const whole = sha256(readFileSync(join(work, 'holes')));
    expect(tree.a?.content).toBe(whole);
    expect(tree.b).toMatchObject({ sameAs: 'a' });
    expect(tree.c?.content).toBe(sha256('other'));
    const { entries: said } = decodeContents(contents ?? Buffer.alloc(0));
    expect(said.get('a')).toMatchObject({ size: (3 << 20) + 3, sha256: whole });
  });

  it('sets later times back to the epoch', async () => {
    const { contents } = await pack([directory(''), entry('f', {}, 'x')], { sourceDateEpoch: 5 });
    const { entries: found } = decodeContents(contents ?? Buffer.alloc(0));
    expect(found.get('f')?.mtime).toBe(5_000_000_000n);
  });

  it('is no layer without entries, and refuses names that would delete files', async () => {
    expect(await packTar({ kind: 'entries', entries: [] })).toBeUndefined();
    await expect(pack([entry('a/.wh.b', {}, 'x')])).rejects.toThrow('"a/.wh.b" cannot be kept in a layer');
  });
});

describe('files of a layer', () => {
  const wanted = (path: string, content: string | Buffer) => ({
    path,
    size: Buffer.byteLength(content),
    sha256: sha256(content),
  });

  it('are found in one pass, by all their names and through links on the way', async () => {
    const large = Buffer.alloc(3_000_000, 'large');
    const blob = join(scratch(), 'blob');
    const tar = rawTar([
      file('usr/lib/x', 'one'),
      symlink('lib', 'usr/lib'),
      file('lib/y', 'two'),
      hardlink('z', 'lib/y'),
      file('same-size', 'six'),
      file('replaced', 'old'),
      file('replaced', 'new'),
      file('empty', ''),
      file('large', large as never),
    ]);
    writeFileSync(blob, gzipSync(tar));
    const found = await readLayerFiles({
      blob,
      compression: 'gzip',
      files: [
        wanted('usr/lib/x', 'one'),
        wanted('usr/lib/y', 'two'),
        wanted('z', 'two'),
        wanted('replaced', 'new'),
        wanted('empty', ''),
        wanted('large', large),
      ],
    });
    expect([...found].map(([path, content]) => [path, sha256(content)])).toEqual([
      ['usr/lib/x', sha256('one')],
      ['usr/lib/y', sha256('two')],
      ['z', sha256('two')],
      ['replaced', sha256('new')],
      ['empty', sha256('')],
      ['large', sha256(large)],
    ]);
  });

  it('have their holes', async () => {
    const work = scratch();
    sh(
      'truncate -s 700000 s; printf data | dd of=s bs=1 seek=300000 conv=notrunc status=none; tar -S -cf s.tar s',
      work,
    );
    const content = readFileSync(join(work, 's'));
    const tar = { blob: join(work, 's.tar'), compression: 'none' } as const;
    const found = await readFiles(tar, [wanted('s', content)], () => {});
    expect(sha256(found.get('s') ?? '')).toBe(sha256(content));
  });

  it('are written into a directory, whatever their size, with their holes', async () => {
    const work = scratch();
    sh(
      'truncate -s 40M s; printf data | dd of=s bs=1 seek=300000 conv=notrunc status=none; tar -S -cf s.tar s',
      work,
    );
    const sum = sh('sha256sum s', work).slice(0, 64);
    const size = 40 * 1024 ** 2;
    const small = join(work, 'small.tar');
    writeFileSync(small, rawTar([file('other', 'two'), file('a', 'one')]));
    const directory = join(work, 'out');
    mkdirSync(directory);
    const files = [{ path: 's', size, sha256: sum }];
    await extractLayerFiles({ blob: join(work, 's.tar'), compression: 'none', files, directory });
    await extractLayerFiles({ blob: small, compression: 'none', files: [wanted('a', 'one')], directory });
    expect(readdirSync(directory).toSorted()).toEqual([sum, sha256('one')].toSorted());
    expect(sh(`sha256sum out/${sum}`, work).slice(0, 64)).toBe(sum);
    const { size: whole, blocks } = statSync(join(directory, sum));
    expect(whole).toBe(size);
    expect(blocks * 512).toBeLessThan(1 << 20);
    await expect(
      extractLayerFiles({ blob: small, compression: 'none', files: [wanted('b', 'six')], directory }),
    ).rejects.toThrow('does not hold the file "/b"');
  });

  it('are read no further than the last one of them', async () => {
    const blob = join(scratch(), 'blob');
    const rest = Buffer.alloc(8 << 20, 'no tar archive');
    const entries = [file('first', 'here'), file('second', 'x'.repeat(3 << 20))];
    writeFileSync(blob, rawTar(entries, rest));
    const tar = { blob, compression: 'none' } as const;
    let steps = 0;
    const found = await readFiles(tar, [wanted('first', 'here')], () => {
      steps++;
    });
    expect(found.get('first')).toEqual(Buffer.from('here'));
    expect(steps).toBeLessThan(4);
    await expect(readContents(tar, {}, () => {})).rejects.toThrow('invalid tar header');
  });

  it('are an error when they are not there, or too large together', async () => {
    const blob = join(scratch(), 'blob');
    writeFileSync(blob, rawTar([file('a', 'x')]));
    const tar = { blob, compression: 'none' } as const;
    await expect(readLayerFiles({ ...tar, files: [wanted('b', 'y')] })).rejects.toThrow(
      `the layer ${blob} does not hold the file "/b"`,
    );
    const large = { path: 'one', size: 257 * 1024 ** 2, sha256: sha256('') };
    await expect(readLayerFiles({ ...tar, files: [large] })).rejects.toThrow(
      '"/one" has 269484032 bytes: no file that is merged may have more than 268435456',
    );
    const half = { size: 200 * 1024 ** 2, sha256: sha256('') };
    await expect(
      readLayerFiles({
        ...tar,
        files: [
          { path: 'one', ...half },
          { path: 'two', ...half },
        ],
      }),
    ).rejects.toThrow('"/two" has 209715200 bytes: too much to be merged with the other files');
  });
});

it('contents are read in a worker, too, which tells what is wrong with a layer', async () => {
  const blob = join(scratch(), 'blob');
  const tar = rawTar([file('a', 'x')]);
  writeFileSync(blob, tar);
  const { contents, diffId } = await readLayerContents({ blob, compression: 'none' });
  expect(diffId).toBe(`sha256:${sha256(tar)}`);
  expect([...decodeContents(contents).entries.keys()]).toEqual(['a']);
  await expect(readLayerContents({ blob, compression: 'gzip' })).rejects.toThrow(
    'labelled gzip-compressed data but contains uncompressed data',
  );
});
