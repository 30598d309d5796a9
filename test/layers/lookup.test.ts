import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LayerBlob, lookupPaths, MergedTree, resolveTarget } from '../../src/layers/index.ts';
import { readContents } from '../../src/layers/read-contents.ts';
import { dir, file, hardlink, lacks, type RawEntry, rawTar, scratch, symlink, umociTree } from './support.ts';

function blobs(...layers: readonly (readonly RawEntry[])[]): LayerBlob[] {
  const work = scratch();
  return layers.map((entries, i) => {
    const compression = (['none', 'gzip', 'zstd'] as const)[i % 3] ?? 'none';
    const tar = rawTar(entries);
    const blob = join(work, String(i));
    writeFileSync(
      blob,
      compression === 'gzip' ? gzipSync(tar) : compression === 'zstd' ? zstdCompressSync(tar) : tar,
    );
    return { blob, compression };
  });
}

/** The layers without their blobs, by what a look-up has learnt of them. */
async function withoutBlobs(layers: readonly LayerBlob[]): Promise<readonly LayerBlob[]> {
  // Of each alone, so that none hides another.
  return Promise.all(
    layers.map(async layer => {
      const tree = new MergedTree([layer]);
      await tree.lookUp('/');
      return { ...layer, blob: '/nowhere', known: await tree.learnt(layer) };
    }),
  );
}

/** The layers without their blobs, by their contents. */
async function byContents(layers: readonly LayerBlob[]): Promise<readonly LayerBlob[]> {
  return Promise.all(
    layers.map(async layer => {
      const { contents } = await readContents(layer, {}, () => {});
      return { ...layer, blob: '/nowhere', contents };
    }),
  );
}

const base = [
  dir('./', { mode: 0o711 }),
  dir('usr'),
  dir('usr/lib', { mode: 0o750, uid: 3 }),
  file('usr/lib/x'),
  symlink('lib', 'usr/lib'),
  symlink('loop', 'loop'),
  dir('d'),
  file('d/f'),
];

describe('looking up', () => {
  it('tells directories, links, other things and nothing apart', async () => {
    const found = await lookupPaths(blobs(base), [
      '/',
      '/usr/lib',
      '/lib',
      '/usr/lib/x',
      '/nothing',
      '/usr/lib/x/y',
      '/lib/x',
    ]);
    expect(found.map(({ kind }) => kind)).toEqual([
      'directory',
      'directory',
      'symlink',
      'other',
      'absent',
      'absent',
      'absent',
    ]);
    expect(found[0]).toMatchObject({ metadata: { mode: 0o711 } });
    expect(found[1]).toMatchObject({ metadata: { mode: 0o750, uid: 3, mtime: 1_600_000_000_000_000_000n } });
    expect(found[2]).toEqual({ kind: 'symlink', target: 'usr/lib' });
  });

  it('takes the metadata of the uppermost layer that describes a directory', async () => {
    const layers = blobs(base, [dir('usr/lib', { mode: 0o700 })], [file('usr/lib/z')]);
    expect(await lookupPaths(layers, ['/usr/lib'])).toMatchObject([{ metadata: { mode: 0o700, uid: 0 } }]);
  });

  it('minds whiteouts, opaque directories and replacements', async () => {
    const layers = blobs(base, [file('.wh.lib', ''), dir('d'), file('d/.wh..wh..opq', ''), file('usr')]);
    const found = await lookupPaths(layers, ['/lib', '/d', '/d/f', '/usr', '/usr/lib']);
    expect(found.map(({ kind }) => kind)).toEqual(['absent', 'directory', 'absent', 'other', 'absent']);
  });

  it('finds the same in what it has learnt before', async () => {
    const layers = blobs(
      [
        ...base,
        dir('odd \u00fc \xff', { mode: 0o1777, pax: { 'SCHILY.xattr.user.a': 'v\0' } }),
        symlink('__proto__', '/x'),
      ],
      [file('.wh.lib', ''), dir('d'), file('d/.wh..wh..opq', '')],
    );
    const paths = ['/', '/usr/lib', '/lib', '/d', '/d/f', '/odd \u00fc \xff', '/__proto__', '/nothing'];
    const [first] = layers;
    if (first === undefined) throw new Error('two layers');
    for (const some of [layers, [first]]) {
      expect(await lookupPaths(await withoutBlobs(some), paths)).toEqual(await lookupPaths(some, paths));
    }
  });

  it('does not read further down than it must', async () => {
    const [lower, upper] = blobs([], [dir('etc')]);
    if (lower === undefined || upper === undefined) throw new Error('two layers');
    const layers = [{ ...lower, blob: '/nowhere' }, upper];
    expect(await lookupPaths(layers, ['/etc'])).toMatchObject([{ kind: 'directory' }]);
    await expect(lookupPaths(layers, ['/other'])).rejects.toThrow('/nowhere');
  });

  it('has only a root where there are no layers', async () => {
    expect((await lookupPaths([], ['/', '/x'])).map(({ kind }) => kind)).toEqual(['directory', 'absent']);
  });
});

describe('resolving', () => {
  it('follows the links of the parents, across layers, and lists the parents', async () => {
    const { path, found, parents } = await resolveTarget(
      blobs(base, [symlink('usr/local', '../d')]),
      '/usr/local/f',
    );
    expect([path, found.kind]).toEqual(['/d/f', 'other']);
    expect(parents.map(parent => [parent.path, parent.mode])).toEqual([
      ['/', 0o711],
      ['/d', 0o755],
    ]);
  });

  it('does not follow the last component, and needs none', async () => {
    const tree = new MergedTree(blobs(base));
    expect(await tree.resolve('/lib')).toMatchObject({ path: '/lib', found: { kind: 'symlink' } });
    expect(await tree.resolve('/lib/new/deep/x')).toMatchObject({
      path: '/usr/lib/new/deep/x',
      found: { kind: 'absent' },
    });
    const { parents } = await tree.resolve('/lib/new/deep/x');
    expect(parents.map(({ path }) => path)).toEqual(['/', '/usr', '/usr/lib']);
    expect(await tree.resolve('/')).toMatchObject({ path: '/', found: { kind: 'directory' }, parents: [] });
  });

  it('reads a layer once for all trees that have it', async () => {
    const layers = blobs(base, [dir('d'), file('d/g')]);
    await new MergedTree(layers).lookUp('/usr');
    for (const { blob } of layers) rmSync(blob);
    const [lower, upper] = layers.map(layer => new MergedTree([layer]));
    expect(await lower?.lookUp('/d/f')).toEqual({ kind: 'other' });
    expect(await upper?.lookUp('/d/f')).toEqual({ kind: 'absent' });
  });

  it('stays inside', async () => {
    const layers = blobs([symlink('up', '../../..'), symlink('abs', '/etc'), dir('etc')]);
    expect((await resolveTarget(layers, '/up/etc/passwd')).path).toBe('/etc/passwd');
    expect((await resolveTarget(layers, '/abs/passwd')).path).toBe('/etc/passwd');
  });

  it('refuses loops and ways through files', async () => {
    await expect(resolveTarget(blobs(base), '/loop/x')).rejects.toThrow('too many symbolic links');
    await expect(resolveTarget(blobs(base), '/d/f/x')).rejects.toThrow(
      '"/d/f" of the image is not a directory',
    );
    await expect(resolveTarget(blobs(base), '/a/../../x')).rejects.toThrow('leads out');
  });
});

it.skipIf(lacks('umoci'))('says of random layers what umoci makes of them', async () => {
  const name = fc.constantFrom('a', 'b', 'a/a', 'a/b', 'b/a', 'a/a/a', 'b/a/b');
  const entry: fc.Arbitrary<RawEntry> = fc.oneof(
    fc.tuple(name, fc.constantFrom(0o700, 0o755)).map(([n, mode]) => dir(n, { mode })),
    name.map(n => file(n)),
    // Never a parent of other entries: umoci would write through a link of a lower layer, overlayfs covers it.
    fc.constantFrom('s', 'a/s').map(n => symlink(n, 'target')),
    fc.constantFrom('.wh.s', 'a/.wh.s', 's', 'a/s').map(n => file(n, '')),
    name.map(n => file(n.replace(/([^/]+)$/, '.wh.$1'), '')),
    name.map(n => file(`${n}/.wh..wh..opq`, '')),
    fc.tuple(name, name).map(([n, t]) => hardlink(n, t)),
  );
  const layer = fc
    .uniqueArray(entry, { maxLength: 5, selector: ({ name: n }) => String(n).replace('.wh.', '') })
    .filter(isOneTree);
  const paths = ['/', '/a', '/b', '/a/a', '/a/b', '/b/a', '/a/a/a', '/b/a/b', '/s', '/a/s'];
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 3 }), async layers => {
      // Umoci does not make the directory of a whiteout, which overlayfs cannot do without.
      const full = layers.map(entries => [dir('./'), ...entries.flatMap(whole)]);
      const packed = blobs(...full);
      const found = await lookupPaths(packed, paths).catch(() => undefined);
      if (found) {
        expect(await lookupPaths(await withoutBlobs(packed), paths)).toEqual(found);
        expect(await lookupPaths(await byContents(packed), paths)).toEqual(found);
      }
      const root = (() => {
        try {
          return umociTree(full.map(entries => rawTar(entries)));
        } catch {
          return undefined;
        }
      })();
      // Umoci takes some layers that contradict themselves, and refuses hard links to nothing as we do.
      if (found === undefined || root === undefined) return;
      const wanted = paths.map(path => literally(root, path));
      expect(found).toMatchObject(wanted);
      compared++;
    }),
    { numRuns: 40 },
  );
  expect(compared).toBeGreaterThan(5);
});

/** A whiteout after the entry of its directory. */
/** Not with one name as a file and as the directory of another entry, of which everybody makes something else. */
function isOneTree(entries: readonly RawEntry[]): boolean {
  const names = entries.map(({ name }) => String(name).replace('.wh.', ''));
  return entries.every(
    ({ type }, i) =>
      type === '5' || !names.some(other => other.startsWith(`${names[i]?.replace(/\/$/, '')}/`)),
  );
}

function whole(entry: RawEntry): RawEntry[] {
  const slash = String(entry.name).indexOf('/.wh.');
  return slash === -1 ? [entry] : [dir(String(entry.name).slice(0, slash)), entry];
}

/** What is at a path when no link is followed. */
function literally(root: string, path: string): object {
  const parents = path
    .split('/')
    .slice(1, -1)
    .map((_, i, all) => all.slice(0, i + 1).join('/'));
  if (parents.some(parent => !isDirectory(join(root, parent)))) return { kind: 'absent' };
  const stat = lstatSync(root + path, { throwIfNoEntry: false });
  if (stat === undefined) return { kind: 'absent' };
  if (stat.isDirectory()) return { kind: 'directory', metadata: { mode: stat.mode & 0o7777 } };
  return stat.isSymbolicLink() ? { kind: 'symlink', target: 'target' } : { kind: 'other' };
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
