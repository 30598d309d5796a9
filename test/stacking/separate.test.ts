import { describe, expect, it } from 'vitest';
import { type ContentsEntry, IMPLIED_DIRECTORY, type LayerContents } from '../../src/layers/index.ts';
import { separateTrees } from '../../src/stacking/index.ts';

const file: ContentsEntry = { ...IMPLIED_DIRECTORY, type: 'file', sha256: 'a'.repeat(64), size: 1 };
const directory: ContentsEntry = { ...IMPLIED_DIRECTORY };
const link = (target: string): ContentsEntry => ({ ...IMPLIED_DIRECTORY, type: 'symlink', link: target });

/** `hidden` are paths that it removes. */
function layer(
  entries: Readonly<Record<string, ContentsEntry>>,
  ...hidden: readonly string[]
): LayerContents {
  const paths = Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { entries: new Map(paths), implied: new Set(), hidden: new Set(hidden), opaque: new Set() };
}

const part = (...layers: readonly (readonly [id: string, contents: LayerContents])[]) => ({
  ids: layers.map(([id]) => id),
  layers: layers.map(([, contents]) => contents),
});

/** Where the files and links of each part come to; undefined where its layers stay. */
function separate(...parts: readonly ReturnType<typeof part>[]) {
  return separateTrees(parts).map(tree =>
    tree
      ?.filter(({ entry }) => entry.type !== 'directory')
      .map(({ path, content }) => `${path} < ${content}`),
  );
}

describe('trees that are stacked', () => {
  it('stay in their layers where nothing is in the way', () => {
    const base = ['base', layer({ a: file, lib: link('usr/lib'), 'usr/lib': directory })] as const;
    expect(separate(part(base, ['x', layer({ b: file }, 'a')]), part(['y', layer({ c: file })]))).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('do not remove what another one has, be it below or shared', () => {
    const base = ['base', layer({ a: file, b: file })] as const;
    const removing = part(base, ['x', layer({ c: file }, 'a')]);
    expect(separate(part(base), removing)).toEqual([undefined, ['b < b', 'c < c']]);
    expect(separate(removing, part(base))).toEqual([['b < b', 'c < c'], undefined]);
    // Layers of a part above come last.
    expect(separate(removing, part(['y', layer({ a: file })]))).toEqual([undefined, undefined]);
  });

  it('are written through links of lower ones, by all names of a file', () => {
    const linked = part(['x', layer({ 'a/l': link('../b/d'), 'b/d': directory, 'b/d/old': file })]);
    const above = part([
      'y',
      layer({
        'a/l': directory,
        'a/l/one': file,
        'a/l/two': { ...file, linkedTo: 'a/l/one' },
        'a/other': file,
      }),
    ]);
    expect(separate(linked, above)).toEqual([
      undefined,
      ['b/d/one < a/l/one', 'b/d/two < a/l/one', 'a/other < a/other'],
    ]);
    const [, tree] = separateTrees([linked, above]);
    expect(tree?.find(({ path }) => path === 'b/d/two')?.entry.linkedTo).toBe('b/d/one');
    // People are told of a directory under a link of an upper one; who wins is for the rules.
    expect(separate(above, linked)).toEqual([undefined, undefined]);
  });

  it('have one /usr where one of them has, and keep what was there before', () => {
    const split = part(['x', layer({ lib: directory, 'lib/a': file, 'lib/b': file, 'usr/lib/b': file })]);
    const merged = part(['y', layer({ lib: link('/usr/lib'), 'usr/lib': directory })]);
    const moved = ['usr/lib/a < lib/a', 'usr/lib/b < usr/lib/b'];
    expect(separate(split, merged)).toEqual([moved, undefined]);
    expect(separate(merged, split)).toEqual([undefined, moved]);
  });

  it.each(['lib', 'lib/a', '../lib', 'nowhere', 'loop'])(
    'stay where they are when the link leads to %s',
    target => {
      const split = part([
        'x',
        layer({ lib: directory, 'lib/a': directory, 'lib/a/f': file, loop: link('loop') }),
      ]);
      expect(separate(part(['y', layer({ lib: link(target) })]), split)).toEqual([undefined, undefined]);
    },
  );
});
