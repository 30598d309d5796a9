import { describe, expect, it } from 'vitest';
import { pathDifferences } from '../../../src/engine/images/path-difference.ts';
import type { ContentsEntry } from '../../../src/layers/index.ts';

const FILE: ContentsEntry = {
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 3,
  mtime: 0n,
  sha256: 'aa',
  link: '',
  major: 0,
  minor: 0,
  xattrs: [],
};

function tree(entries: Readonly<Record<string, Partial<ContentsEntry>>>) {
  return new Map(Object.entries(entries).map(([path, entry]) => [path, { entry: { ...FILE, ...entry } }]));
}

describe('the differences of two trees', () => {
  it('are sorted by path, and none where only times differ', () => {
    const found = pathDifferences(
      tree({ same: { mtime: 1n }, gone: {}, 'z/changed': {} }),
      tree({ same: { mtime: 2n }, 'a/new': {}, 'z/changed': { sha256: 'bb', size: 4 } }),
    );
    expect(found.map(({ change, path }) => `${change} ${path}`)).toEqual([
      'added /a/new',
      'removed /gone',
      'changed /z/changed',
    ]);
  });

  it.each<readonly [string, Partial<ContentsEntry>, Partial<ContentsEntry>, readonly string[]]>([
    ['contents of one size', {}, { sha256: 'bb' }, ['content']],
    ['modes', {}, { mode: 0o4755 }, ['mode']],
    ['owners', { uid: 1 }, { uid: 2 }, ['owner']],
    ['groups', {}, { gid: 2 }, ['owner']],
    ['types', {}, { type: 'directory', size: 0, sha256: '' }, ['type']],
    [
      'targets of links, whatever their modes',
      { type: 'symlink', link: 'a', mode: 0o777 },
      { type: 'symlink', link: 'b', mode: 0o755 },
      ['link'],
    ],
    ['devices', { type: 'character', minor: 3 }, { type: 'character', minor: 5 }, ['device']],
    ['attributes', {}, { xattrs: [{ name: 'user.a', value: Buffer.from('1') }] }, ['xattrs']],
    [
      'values of attributes',
      { xattrs: [{ name: 'user.a', value: Buffer.from('2') }], mode: 0o600 },
      { xattrs: [{ name: 'user.a', value: Buffer.from('1') }] },
      ['mode', 'xattrs'],
    ],
  ])('name %s', (_, before, after, what) => {
    expect(pathDifferences(tree({ p: before }), tree({ p: after }))).toMatchObject([
      { change: 'changed', what },
    ]);
  });

  it('show names as text, and what people want to know of an entry', () => {
    const link = { type: 'symlink', link: '\xc3\xa4', size: 0, sha256: '' } as const;
    expect(pathDifferences(tree({}), tree({ '\xc3\xbc': link, f: {} }))).toEqual([
      {
        change: 'added',
        path: '/f',
        after: { type: 'file', mode: '0644', uid: 0, gid: 0, size: 3, sha256: 'aa' },
      },
      { change: 'added', path: '/ü', after: { type: 'symlink', mode: '0644', uid: 0, gid: 0, link: 'ä' } },
    ]);
  });
});
