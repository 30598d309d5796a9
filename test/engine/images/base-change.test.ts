import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeBetween } from '../../../src/engine/images/base-change.ts';
import { pathDifferences } from '../../../src/engine/images/path-difference.ts';
import { type ContentsEntry, type LayerContents, mergeContents } from '../../../src/layers/index.ts';

function entry(type: ContentsEntry['type'], more: Partial<ContentsEntry> = {}): ContentsEntry {
  const nothing = { mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0n, sha256: '', link: '' } as const;
  return { type, ...nothing, major: 0, minor: 0, xattrs: [], ...more };
}

function layer(entries: Readonly<Record<string, ContentsEntry>>): LayerContents {
  const sorted = Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
  return { entries: new Map(sorted), implied: new Set(), hidden: new Set(), opaque: new Set() };
}

const file = (sha256: string, mode = 0o644) => entry('file', { sha256, mode, size: 1 });
const directory = (mode: number) => entry('directory', { mode });

/** Trees of a few names, three deep, in which one name is a file here and a directory there. */
const trees = fc
  .dictionary(
    fc.constantFrom('a', 'b', 'a/b', 'a/c', 'a-b', 'a/b/c', 'a/b/d', 'b/a'),
    fc.oneof(
      fc.constantFrom('1', '2').map(content => file(content)),
      fc.constantFrom(0o644, 0o600).map(mode => file('1', mode)),
      fc.constantFrom(0o755, 0o700).map(directory),
      fc.constant(entry('symlink', { link: 'x' })),
    ),
  )
  .map(wanted => {
    const paths = Object.keys(wanted).sort();
    const isDirectory = (path: string) => path === '' || wanted[path]?.type === 'directory';
    const parent = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const possible = (path: string): boolean =>
      path === '' || (isDirectory(parent(path)) && possible(parent(path)));
    return Object.fromEntries([
      ['', directory(0o755)],
      ...paths.filter(possible).map(path => [path, wanted[path]]),
    ]) as Record<string, ContentsEntry>;
  });

describe('the change between two bases', () => {
  it('makes the one out of the other, as a layer on top', () => {
    fc.assert(
      fc.property(trees, trees, (old, young) => {
        const [before, after] = [layer(old), layer(young)];
        const change = changeBetween(mergeContents([before]), mergeContents([after]));
        expect(pathDifferences(mergeContents([before, change]), mergeContents([after]))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('says nothing of what is the same, and removes a directory as a whole', () => {
    const old = layer({ '': directory(0o755), same: file('1'), d: directory(0o755), 'd/e': file('1') });
    const young = layer({ '': directory(0o755), same: file('1'), n: file('2') });
    const change = changeBetween(mergeContents([old]), mergeContents([young]));
    expect([...change.entries.keys()]).toEqual(['n']);
    expect([...change.hidden]).toEqual(['d']);
  });

  it('forgets the other names of hard links, which may be in other layers', () => {
    const young = layer({ a: file('1'), b: { ...file('1'), linkedTo: 'a' } });
    const change = changeBetween(mergeContents([]), mergeContents([young]));
    expect(change.entries.get('b')).toEqual(file('1'));
  });
});
