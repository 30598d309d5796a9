import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConvertJob, convert } from '../../src/layers/convert.ts';
import { checkFileSystem } from '../../src/layers/file-system.ts';
import { canWriteSquashfs, QUICK_SQUASHFS, SMALLEST_SQUASHFS } from '../../src/layers/squashfs.ts';
import type { FileSystemLayer } from '../../src/layers/squashfs-layer.ts';
import { AshlarError } from '../../src/support/errors.ts';
import { isRoot } from '../support/tools.ts';
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
  sha256,
  symlink,
  type TreeEntry,
  unpackTar,
} from './support.ts';

interface Image extends FileSystemLayer {
  readonly path: string;
}

async function image(tar: Buffer, more: Partial<ConvertJob> = {}): Promise<Image> {
  const work = scratch();
  const [blob, output] = [join(work, 'layer.tar'), join(work, 'image')];
  writeFileSync(blob, tar);
  const diffId = `sha256:${sha256(tar)}`;
  const job = { compression: 'none', below: [], into: QUICK_SQUASHFS, verity: false, ...more } as const;
  return { ...(await convert({ blob, diffId, output, ...job }, () => {})), path: output };
}

function extracted({ path }: Image): Record<string, TreeEntry> {
  const directory = join(scratch(), 'tree');
  execFileSync('unsquashfs', ['-quiet', '-no-progress', '-dest', directory, path], { stdio: 'pipe' });
  return readTree(directory);
}

/** Names, types, contents, attributes and marks of overlayfs; whiteouts say no more than that they are there. */
function essence(tree: Readonly<Record<string, TreeEntry>>): Record<string, Partial<TreeEntry>> {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]): [string, Partial<TreeEntry>] => {
      if (entry.type === 'character' && entry.device === 0n) return [path, { type: 'whiteout' }];
      const { mtime: _, ...rest } = entry;
      return [path, rest];
    }),
  );
}

/** The times of what has an entry of its own. */
function times(tree: Readonly<Record<string, TreeEntry>>, paths: readonly string[]) {
  return Object.fromEntries(paths.map(path => [path, tree[path]?.mtime]));
}

const capability = {
  'SCHILY.xattr.security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
};
const opaque = (directory: string) => file(`${directory}.wh..wh..opq`, '');
const whiteout = (directory: string, name: string) => file(`${directory}.wh.${name}`, '');

/** All that a layer can hold, in an order in which it can be written as it comes. */
const awkward: readonly RawEntry[] = [
  dir('./', { mode: 0o711, uid: 3, gid: 4, mtime: 1_500_000_000 }),
  dir('etc/', { mode: 0o1750, uid: 3, gid: 4, pax: { 'SCHILY.xattr.user.note': 'hello' } }),
  opaque('etc/'),
  file('etc/text', 'content', { mode: 0o4755, uid: 1000, gid: 70_000, pax: capability }),
  hardlink('etc/same', 'etc/text'),
  symlink('etc/link', '../else/where'),
  dir('dev/'),
  { name: 'dev/null', type: '3', mode: 0o666, major: 1, minor: 3 },
  { name: 'dev/loop', type: '4', mode: 0o660, major: 7, minor: 300 },
  { name: 'dev/pipe', type: '6', mode: 0o600 },
  dir('lib/'),
  whiteout('lib/', 'gone'),
  file('lib/empty', ''),
  file('lib/zeros', Buffer.alloc(300_000)),
  file('lib/large', Buffer.alloc(700_000, 'some text that fills blocks ')),
  file('x', 'long', { pax: { path: `${'directory/'.repeat(20)}${'n'.repeat(250)}` } }),
  file('y', 'bytes', { pax: { path: Buffer.from([0x61, 0xff, 0xfe, 0x62]), hdrcharset: 'BINARY' } }),
  file('old', 'old', { mtime: 1 }),
];

/** Few names, so that entries meet. */
function anyEntries(): fc.Arbitrary<RawEntry[]> {
  const name = fc.constantFrom('a', 'b', 'c', 'a/a', 'a/b', 'b/a', 'a/b/c');
  const entry = fc.oneof(
    name.map(path => dir(`${path}/`, { mode: 0o711 })),
    fc.tuple(name, fc.string({ maxLength: 3 })).map(([path, content]) => file(path, content)),
    fc.tuple(name, name).map(([path, link]) => hardlink(path, link)),
    fc.tuple(name, fc.constantFrom('/a', 'b', '..', 'none')).map(([path, link]) => symlink(path, link)),
    name.map(path => file(path.replace(/[^/]+$/, '.wh.$&'), '')),
    name.map(path => opaque(`${path}/`)),
  );
  return fc.array(entry, { maxLength: 9 });
}

describe.skipIf(lacks('mksquashfs', 'unsquashfs') || !isRoot)('a tar layer as squashfs', () => {
  it('has everything that the layer has, in the form of overlayfs', async () => {
    const tar = rawTar(awkward);
    const unpacked = readTree((await unpackTar(tar)).directory);
    const made = await image(tar);
    const tree = extracted(made);
    expect(made.warnings).toEqual([]);
    expect(essence(tree)).toEqual(essence(unpacked));
    expect(tree['lib/gone']).toMatchObject({ type: 'character', device: 0n });
    const timed = ['.', 'etc', 'etc/text', 'etc/link', 'dev/null', 'lib/large', 'old'];
    expect(times(tree, timed)).toEqual(times(unpacked, timed));
  });

  it('is the same in every run, from any compression', async () => {
    const tar = rawTar(awkward);
    const [first, second] = [await image(tar, { verity: true }), await image(tar, { verity: true })];
    expect(second).toMatchObject({ digest: first.digest, size: first.size, rootHash: first.rootHash });
    expect(first.digest).toBe(`sha256:${sha256(readFileSync(first.path))}`);
    const gzipped = await compressed(tar);
    expect(gzipped).toMatchObject({ digest: first.digest });
  });

  async function compressed(tar: Buffer): Promise<FileSystemLayer> {
    const work = scratch();
    const blob = join(work, 'layer.tar.gz');
    writeFileSync(blob, gzipSync(tar));
    return convert(
      {
        ...{ blob, compression: 'gzip', diffId: `sha256:${sha256(tar)}`, below: [] },
        ...{ into: QUICK_SQUASHFS, verity: true, output: join(work, 'image') },
      },
      () => {},
    );
  }

  it('takes SOURCE_DATE_EPOCH for nothing: times were set where they are due', async () => {
    const tar = rawTar(awkward);
    const before = process.env.SOURCE_DATE_EPOCH;
    process.env.SOURCE_DATE_EPOCH = '1000';
    try {
      const { digest } = await image(tar);
      delete process.env.SOURCE_DATE_EPOCH;
      expect((await image(tar)).digest).toBe(digest);
    } finally {
      if (before !== undefined) process.env.SOURCE_DATE_EPOCH = before;
    }
  });

  it('says of implied directories what lower layers say', async () => {
    const tar = rawTar([file('var/tmp/file'), file('srv/file')]);
    const plain = extracted(await image(tar));
    expect(plain['var/tmp']).toMatchObject({ mode: '755', owner: '0:0', mtime: 0n });
    const xattrs = [{ name: 'user.a', value: Buffer.from('b') }];
    const below = [
      { path: '/', mode: 0o700, uid: 0, gid: 0, mtime: 0n, xattrs: [] },
      { path: '/var/tmp', mode: 0o1777, uid: 0, gid: 0, mtime: 5_000_000_000n, xattrs },
    ];
    const tree = extracted(await image(tar, { below }));
    expect(tree['.']).toMatchObject({ mode: '700' });
    expect(tree['var/tmp']).toMatchObject({
      mode: '1777',
      mtime: 5_000_000_000n,
      xattrs: { 'user.a': '62' },
    });
    expect(tree.var).toMatchObject({ mode: '755' });
  });

  it('takes entries in any order: what came last holds', async () => {
    const tar = rawTar([
      file('a', 'first'),
      hardlink('b', 'a'),
      file('a', 'second'),
      file('d/file'),
      dir('d/', { mode: 0o700 }),
      opaque('d/'),
      file('was-directory/below'),
      file('was-directory', 'now a file'),
      whiteout('', 'back'),
      file('back'),
      dir('.', { mode: 0o750 }),
    ]);
    const tree = extracted(await image(tar));
    expect(essence(tree)).toEqual(essence(readTree((await unpackTar(tar)).directory)));
    expect(tree.b?.content).toBe(sha256('first'));
    expect(tree.a?.content).toBe(sha256('second'));
  });

  it('is what unpacking gives, for any entries in any order', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries(), async entries => {
        const tar = rawTar(entries);
        const unpacked = await unpackTar(tar).catch(error => String(error));
        const made = await image(tar).catch(error => String(error));
        if (typeof unpacked === 'string' || typeof made === 'string') {
          expect(made).toBe(unpacked);
          return;
        }
        expect(essence(extracted(made))).toEqual(essence(readTree(unpacked.directory)));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  /** What packing a tar gives, with the image from the same pass. */
  async function packed(tar: Buffer, lowest = true) {
    const work = scratch();
    const [path, output] = [join(work, 'given.tar'), join(work, 'image')];
    writeFileSync(path, tar);
    const squashfs = { into: QUICK_SQUASHFS, verity: true, output, lowest };
    const layer = await packTar({ kind: 'tar', path }, { squashfs });
    if (!layer) throw new Error('no layer');
    return { ...layer, output };
  }

  it('can be made while the layer is packed, with the same bytes', async () => {
    for (const lowest of [true, false]) {
      const { tar, squashfs, output } = await packed(rawTar(awkward.slice(0, -3)), lowest);
      const { path, ...converted } = await image(tar, { verity: true });
      expect(squashfs).toEqual(converted);
      expect(readFileSync(output)).toEqual(readFileSync(path));
    }
  });

  it('can be made while changes are packed, with the same bytes', async () => {
    const { directory } = await unpackTar(rawTar(awkward));
    const squashfs = {
      into: QUICK_SQUASHFS,
      verity: true,
      output: join(scratch(), 'image'),
      lowest: false,
    };
    const layer = await packTar({ kind: 'upper', directory }, { squashfs });
    if (!layer) throw new Error('no layer');
    expect(layer.squashfs).toMatchObject({ digest: (await image(layer.tar, { verity: true })).digest });
  });

  it('is made while a layer is packed only if that gives the same, for any entries in any order', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries(), fc.boolean(), async (entries, lowest) => {
        const root = dir('./', { mode: 0o751, mtime: 1_500_000_000 });
        const layer = await packed(rawTar([...entries, root]), lowest).catch(() => undefined);
        if (layer?.squashfs) {
          const converted = await image(layer.tar, { verity: true });
          expect(layer.squashfs.digest).toBe(converted.digest);
        } else if (layer) expect(existsSync(layer.output)).toBe(false);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('takes a later look at a layer whose entries change others, and at what layers below say', async () => {
    const changing = await packed(rawTar([dir('./'), file('a', '1'), file('a', '2')]));
    expect(changing.squashfs).toBeUndefined();
    expect(existsSync(changing.output)).toBe(false);
    const implying = rawTar([dir('./'), file('tmp/a', '1')]);
    expect((await packed(implying)).squashfs).toBeDefined();
    expect((await packed(implying, false)).squashfs).toBeUndefined();
    const rootless = rawTar([file('a', '1')]);
    expect((await packed(rootless)).squashfs).toBeDefined();
    expect((await packed(rootless, false)).squashfs).toBeUndefined();
    const hiding = rawTar([dir('./'), opaque('')]);
    expect((await packed(hiding)).squashfs).toBeDefined();
    expect((await packed(hiding, false)).squashfs).toBeUndefined();
  });

  it('comes back as the same tar layer', async () => {
    const work = scratch();
    const path = join(work, 'base.tar');
    // Sorted, as our own layers are; squashfs has no times before 1970 and no ACLs.
    writeFileSync(
      path,
      rawTar([dir('./'), dir('a/'), file('a/one'), hardlink('a/two', 'a/one'), symlink('b', 'a')]),
    );
    const layer = await packTar({ kind: 'tar', path });
    if (!layer) throw new Error('no layer');
    const made = await image(layer.tar);
    const directory = join(work, 'tree');
    execFileSync('unsquashfs', ['-quiet', '-no-progress', '-dest', directory, made.path], { stdio: 'pipe' });
    expect((await packTar({ kind: 'upper', directory }))?.diffId).toBe(layer.diffId);
  });

  it('leaves out what squashfs cannot hold, and says so', async () => {
    const acl = Buffer.from('0200000001000600ffffffff04000400ffffffff20000400ffffffff', 'hex');
    const pax = { 'SCHILY.xattr.system.posix_acl_access': acl, 'SCHILY.xattr.user.ok': '1' };
    const { warnings, path } = await image(rawTar([dir('./'), file('f', 'x', { pax, mtime: 0 })]));
    expect(warnings).toEqual([
      'the attribute system.posix_acl_access, which squashfs cannot hold, was left out: "f"',
    ]);
    expect(extracted({ path } as Image).f?.xattrs).toEqual({ 'user.ok': '31' });
  });

  it('has no device 0:0, which would hide what is below it, and says so in any order', async () => {
    const device = { name: 'd/zero', type: '3', mode: 0o666 };
    for (const more of [[], [dir('d/')]]) {
      const made = await image(rawTar([device, file('d/file'), ...more]));
      expect(made.warnings).toEqual(['a device 0:0 was left out: "d/zero"']);
      expect(Object.keys(extracted(made)).sort()).toEqual(['.', 'd', 'd/file']);
    }
  });

  it('says in the end what mksquashfs had to say, however much', () => {
    const programs = scratch();
    const program = join(programs, 'mksquashfs');
    writeFileSync(
      program,
      '#!/bin/sh\nyes complaint | head -c 1000000 >&2\ncat >/dev/null\necho last >&2\nexit 1',
    );
    chmodSync(program, 0o755);
    const script = `
      import { QUICK_SQUASHFS, SquashfsWriter } from '${resolve('src/layers/squashfs.ts')}';
      await using writer = new SquashfsWriter('${programs}/image', QUICK_SQUASHFS, { give() {} });
      for (let i = 0; i < 4; i++) await writer.write(Buffer.alloc(1 << 20));
      await writer.finish().catch(error => console.log(error.message));`;
    const env = { ...process.env, PATH: `${programs}:${process.env.PATH}` };
    // In a process of its own, since a writer that waits for ever would do so with its whole thread.
    const args = ['--input-type=module-typescript', '-e', script];
    const said = execFileSync(process.execPath, args, { env, encoding: 'utf8', timeout: 60_000 });
    expect(said).toMatch(/^mksquashfs failed: [\s\S]*complaint\nlast\n$/);
    expect(said.length).toBeLessThan(2100);
  });

  it('is refused for a layer that is not the one with this diff ID, and leaves no file', async () => {
    const work = scratch();
    const [blob, output] = [join(work, 'layer.tar'), join(work, 'image')];
    writeFileSync(blob, rawTar([file('a')]));
    const job = { blob, output, diffId: `sha256:${'0'.repeat(64)}`, into: QUICK_SQUASHFS } as const;
    const converting = convert({ ...job, compression: 'none', below: [], verity: false }, () => {});
    await expect(converting).rejects.toThrow('has the diff ID');
    expect(() => readFileSync(output)).toThrow('ENOENT');
  });

  it('is refused for a layer with a hostile name', async () => {
    await expect(image(rawTar([file('../../etc/passwd')]))).rejects.toThrow(AshlarError);
  });

  it('is smaller with more effort', async () => {
    const tar = rawTar([
      file('text', Buffer.from(Array.from({ length: 40_000 }, (_, i) => `${i % 977} `).join(''))),
    ]);
    const [quick, small] = [await image(tar), await image(tar, { into: SMALLEST_SQUASHFS })];
    expect(small.size).toBeLessThanOrEqual(quick.size);
    expect(essence(extracted(small))).toEqual(essence(extracted(quick)));
  });

  it('is checked against its label and its root hash', async () => {
    const { path, rootHash = '' } = await image(rawTar(awkward), { verity: true });
    const check = (more: object) => checkFileSystem({ blob: path, kind: 'squashfs', ...more }, () => {});
    expect(check({ rootHash })).toEqual({ unverified: false });
    expect(check({})).toEqual({ unverified: true });
    expect(() => check({ rootHash: sha256('') })).toThrow('invalid root hash');
    expect(() => check({ kind: 'erofs' })).toThrow('labelled erofs but contains something else');
    const bytes = readFileSync(path);
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(() => check({ rootHash })).toThrow('the verity data is wrong');
    writeFileSync(path, bytes.subarray(0, 600));
    expect(() => check({})).toThrow('cut short');
  });

  it('tells what mksquashfs here can do', async () => {
    const directory = scratch();
    mkdirSync(join(directory, 'in'));
    expect(await canWriteSquashfs('gzip', join(directory, 'a'))).toBe(true);
    expect(await canWriteSquashfs('none' as 'gzip', join(directory, 'b'))).toBe(false);
  });
});
