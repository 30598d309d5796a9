import { describe, expect, it } from 'vitest';
import { decideApply } from '../../src/stacking/index.ts';
import {
  device,
  directory,
  fifo,
  file,
  filesOf,
  layer,
  link,
  type MadeLayer,
  newDirectory,
  opaque,
  removed,
  symlink,
  type Things,
} from './layers.ts';

/** Applies images that were made on the base, each with one layer of its own: `a`, `b`, ... */
async function apply(base: Things, things: readonly Things[], considerTimes = false) {
  const below = layer('sha256:base', base);
  const own = things.map((each, i) => layer(`sha256:${'ab'[i] ?? i}`, each));
  const images = own.map((each, i) => ({ name: `oci:${'ab'[i] ?? i}`, layers: [below, each] }));
  return decideApply([below], images, { considerTimes }, filesOf(below, ...own));
}

/** Applies one image that knows nothing of the base. */
async function applyForeign(base: Things, things: Things, considerTimes = false) {
  const [below, own] = [layer('sha256:base', base), layer('sha256:a', things)];
  const images = [{ name: 'oci:a', layers: [own] }];
  return decideApply([below], images, { considerTimes }, filesOf(below, own));
}

function textsOf({ conflicts }: Awaited<ReturnType<typeof apply>>): string[] {
  return conflicts.map(({ text }) => text);
}

/** What is made, by path. */
function made({ corrections }: Awaited<ReturnType<typeof apply>>): Record<string, string> {
  const contents = corrections.flatMap(each =>
    each.kind === 'made' ? [[each.path, Buffer.from(each.content).toString()]] : [],
  );
  return Object.fromEntries(contents);
}

const LINES = '1\n2\n3\n4\n5\n';
const BASE_AND_A = '(the base, layer sha256:base, and oci:a, layer sha256:a)';
const A_AND_B = '(oci:a, layer sha256:a, and oci:b, layer sha256:b)';

describe('applying images', () => {
  it('adds the layers that are not there yet, each once and in order', async () => {
    const [base, a, b, shared]: MadeLayer[] = ['base', 'a', 'b', 'shared'].map(id =>
      layer(id, { [`/${id}`]: file(id) }),
    ) as [MadeLayer, MadeLayer, MadeLayer, MadeLayer];
    const images = [
      { name: 'a', layers: [base, shared, a] },
      { name: 'b', layers: [base, shared, b] },
    ];
    const decision = await decideApply([base], images, { considerTimes: false }, filesOf());
    expect(decision).toEqual({ layers: ['shared', 'a', 'b'], corrections: [], conflicts: [] });
  });

  it('asks for nothing where all layers are there', async () => {
    const base = layer('base', { '/f': file('f') });
    const images = [{ name: 'a', layers: [base] }];
    const decision = await decideApply([base], images, { considerTimes: false }, filesOf());
    expect(decision).toEqual({ layers: [], corrections: [], conflicts: [] });
    expect(base.asked).toBe(0);
  });

  it('changes nothing where entries are equal', async () => {
    const things = { '/d': directory(), '/d/f': file('f'), '/d/g': link('/d/f'), '/d/l': symlink('f') };
    const later = { ...things, '/d/f': file('f', { mtime: 9n }) };
    expect(await apply({}, [things, later])).toMatchObject({ corrections: [], conflicts: [] });
    expect(await applyForeign(things, later)).toMatchObject({ corrections: [], conflicts: [] });
  });

  it.each<[string, Things, Things]>([
    ['text', { '/f': file(LINES) }, { '/f': file('other\n') }],
    ['a binary', { '/f': file('\0a') }, { '/f': file('\0b') }],
    ['permissions', { '/f': file('f') }, { '/f': file('f', { mode: 0o4755, uid: 5 }) }],
    ['a directory', { '/d/f': file('f') }, { '/d': directory(0o700, { xattrs: { 'user.x': '1' } }) }],
    ['a type', { '/d/f': file('f') }, { '/d': file('d') }],
    ['a link', { '/l': symlink('a') }, { '/l': symlink('b') }],
    ['a removal', { '/d/f': file('f') }, { '/d/f': removed }],
    ['the removal of a directory', { '/d/f': file('f') }, { '/d': removed }],
    ['a new directory', { '/d/f': file('f') }, { '/d': newDirectory(), '/d/g': file('g') }],
  ])('takes %s as the only image that changed it has it', async (_, base, change) => {
    expect(await apply(base, [change, { '/other': file('') }])).toMatchObject({
      corrections: [],
      conflicts: [],
    });
    expect(await apply(base, [{ '/other': file('') }, change])).toMatchObject({
      corrections: [],
      conflicts: [],
    });
  });

  it('keeps a change where a later image has what the base had', async () => {
    const base = {
      '/etc': directory(),
      '/etc/f': file('old'),
      '/etc/gone': file('gone'),
      '/gone/f': file(''),
    };
    const a = { '/etc': directory(0o700), '/etc/f': file('new'), '/etc/gone': removed, '/gone': removed };
    const { corrections, conflicts } = await apply(base, [a, base]);
    expect(conflicts).toEqual([]);
    expect(corrections).toMatchObject([
      { kind: 'taken', path: '/etc', entry: { mode: 0o700 }, layer: 'sha256:a' },
      { kind: 'taken', path: '/etc/f', layer: 'sha256:a' },
      { kind: 'removed', path: '/etc/gone' },
      { kind: 'removed', path: '/gone' },
    ]);
  });

  it('takes the last layer of an image that has several', async () => {
    const base = layer('base', { '/f': file('0') });
    const own = [
      layer('a1', { '/f': file('1'), '/g': file('g') }),
      layer('a2', { '/f': file('2'), '/g': removed }),
    ];
    const images = [{ name: 'a', layers: [base, ...own] }];
    const decision = await decideApply([base], images, { considerTimes: false }, filesOf());
    expect(decision).toEqual({ layers: ['a1', 'a2'], corrections: [], conflicts: [] });
  });
});

describe('merging text', () => {
  const base = { '/etc': directory(0o711), '/etc/f': file(LINES) };

  it('brings edits of different lines together in a layer on top', async () => {
    const decision = await apply(base, [
      { '/etc/f': file('1\n2a\n3\n4\n5\n') },
      { '/etc/f': file('1\n2\n3\n4\n5\n6b\n', { mtime: 3n }) },
    ]);
    expect(decision.conflicts).toEqual([]);
    expect(made(decision)).toEqual({ '/etc/f': '1\n2a\n3\n4\n5\n6b\n' });
    expect(decision.corrections).toMatchObject([
      { kind: 'taken', path: '/etc', entry: { mode: 0o711 } },
      { kind: 'made', path: '/etc/f', merger: 'text', entry: { mode: 0o644, size: 14, mtime: 3n } },
    ]);
  });

  it('goes on with what has been merged so far', async () => {
    const edits = ['0\n1\n2\n3\n4\n5\n', '1\n2\n3x\n4\n5\n', '1\n2\n3\n4\n5\n6\n'];
    const decision = await apply(
      base,
      edits.map(text => ({ '/etc/f': file(text) })),
    );
    expect(made(decision)).toEqual({ '/etc/f': '0\n1\n2\n3x\n4\n5\n6\n' });
  });

  it('takes the same edit of two images once', async () => {
    const decision = await apply(base, [
      { '/etc/f': file('1\n2\nx\n4\n5\n') },
      { '/etc/f': file('1\n2\nx\n4\n5\n6\n') },
    ]);
    expect(decision).toMatchObject({ corrections: [], conflicts: [] });
  });

  it('keeps encodings and ends of lines', async () => {
    const decision = await apply({ '/f': file('ä\r\nb\r\nc') }, [
      { '/f': file('ä!\r\nb\r\nc') },
      { '/f': file('ä\r\nb\r\nc\r\nd') },
    ]);
    expect(textsOf(decision)).toEqual([]);
    expect(made(decision)).toEqual({ '/f': 'ä!\r\nb\r\nc\r\nd' });
  });

  it('shows the hunks that collide, and between whom', async () => {
    const decision = await apply(base, [
      { '/etc/f': file('1a\n2\n3\n4\n5a\n') },
      { '/etc/f': file('1b\n2\n3\n4\n5b\n') },
    ]);
    expect(decision.corrections).toEqual([]);
    expect(decision.conflicts).toEqual([
      {
        kind: 'content',
        path: '/etc/f',
        parts: ['oci:a, layer sha256:a', 'oci:b'],
        text: `couldn't merge /etc/f, specifically hunk:\n@@ -1,1 +1,1 @@\n-1\n+1b\n@@ -5,1 +5,1 @@\n-5\n+5b\n${A_AND_B}`,
      },
    ]);
  });

  it('takes a file that was not there as empty', async () => {
    const [a, b] = [{ '/new': file('a\n') }, { '/new': file('b\n') }];
    expect(textsOf(await apply({}, [a, b]))).toEqual([
      `couldn't merge /new, specifically hunk:\n@@ -0,0 +1,1 @@\n+b\n${A_AND_B}`,
    ]);
    expect(await apply({}, [a, a])).toMatchObject({ corrections: [], conflicts: [] });
  });

  it('does the same for an image that does not know the base', async () => {
    const decision = await applyForeign({ '/f': file(LINES) }, { '/f': file(`${LINES}6\n`) });
    expect(decision).toMatchObject({ corrections: [], conflicts: [] });
  });

  it('shows as much of a hunk as people read', async () => {
    const long = (text: string) => ({ '/f': file(`${text.repeat(300)}\n`.repeat(100)) });
    const [text] = textsOf(await apply({ '/f': file('') }, [long('a'), long('b')]));
    expect(text?.split('\n').length).toBe(44);
    expect(text).toContain('\n(and 60 more lines)\n');
    expect(text?.length).toBeLessThan(9000);
  });

  it('does not try what would take ages', async () => {
    const many = (end: string) => file(`${'x\n'.repeat(9000)}${end}\n`);
    expect(textsOf(await apply({ '/f': many('') }, [{ '/f': many('a') }, { '/f': many('b') }]))).toEqual([
      `existing file different, can't diff /f of type text/plain ${A_AND_B}`,
    ]);
  });
});

describe('conflicts of applied images', () => {
  it.each([
    ['application/octet-stream', '\0'],
    ['application/x-executable', '\x7fELF\0'],
    ['application/gzip', '\x1f\x8b\x08'],
    ['application/vnd.sqlite3', 'SQLite format 3\0'],
  ])('are binaries of type %s', async (type, start) => {
    const binary = (end: string) => ({ '/bin/x': file(Buffer.from(start + end, 'latin1')) });
    expect(textsOf(await apply(binary('0'), [binary('1'), binary('2')]))).toEqual([
      `existing file different, can't diff /bin/x of type ${type} ${A_AND_B}`,
    ]);
    expect(textsOf(await applyForeign(binary('0'), binary('1')))).toEqual([
      `existing file different, can't diff /bin/x of type ${type} ${BASE_AND_A}`,
    ]);
  });

  it.each<[string, Things, Things, readonly string[]]>([
    [
      'permissions',
      { '/f': file('f', { mode: 0o600 }) },
      { '/f': file('f', { mode: 0o755 }) },
      ["apply can't merge files of different types: /f (mode 600, 755)"],
    ],
    [
      'types',
      { '/f': file('f') },
      { '/f': symlink('f') },
      ["apply can't merge files of different types: /f (a file, a symbolic link to f)"],
    ],
    [
      'a file where another image has a directory',
      { '/f': file('f') },
      { '/f/g/h': file('h') },
      ["apply can't merge files of different types: /f (a file, a directory)"],
    ],
    [
      'owners',
      { '/d': directory(0o755, { uid: 1, gid: 2 }) },
      { '/d': directory(0o755, { uid: 3, gid: 4 }) },
      ['two different uids on /d: 1 3', 'two different gids on /d: 2 4'],
    ],
    [
      'extended attributes',
      { '/f': file('f', { xattrs: { 'user.x': '1' } }) },
      { '/f': file('f', { xattrs: { 'user.x': '\x01"' } }) },
      ['different xattrs for /f: [user.x="1"] [user.x="\\u0001\\""]'],
    ],
    [
      'symbolic links',
      { '/l': symlink('x') },
      { '/l': symlink('y') },
      ['/l would change symlink from x to y'],
    ],
    [
      'hard links',
      { '/f': file('f'), '/g': file('f') },
      { '/f': file('f'), '/g': link('/f') },
      ['hard link /g would change location'],
    ],
    [
      'devices',
      { '/d': device('block', 1, 2) },
      { '/d': device('character', 1, 2) },
      ['block/char mismatch: /d'],
    ],
    [
      'numbers of devices',
      { '/d': device('block', 1, 2) },
      { '/d': device('block', 1, 3) },
      ['device number mismatches for /d: 1:2 1:3'],
    ],
  ])('are %s', async (_, a, b, expected) => {
    const texts = textsOf(await apply({}, [a, b]));
    expect(texts).toEqual(expected.map(text => `${text} ${A_AND_B}`));
    expect(textsOf(await applyForeign(a, b))).toEqual(expected.map(text => `${text} ${BASE_AND_A}`));
  });

  it('are whiteouts of what another image has changed', async () => {
    const base = { '/d/f': file('0'), '/d/g': file('0') };
    const expected = `apply can't remove /d/f, which has been changed ${A_AND_B}`;
    expect(textsOf(await apply(base, [{ '/d/f': file('1') }, { '/d/f': removed }]))).toEqual([expected]);
    expect(textsOf(await apply(base, [{ '/d/f': file('1') }, { '/d': removed }]))).toEqual([expected]);
    expect(textsOf(await apply(base, [{ '/d/f': file('1') }, { '/d': opaque }]))).toEqual([expected]);
    expect(textsOf(await apply(base, [{ '/d/new': file('1') }, { '/d': file('d') }]))).toEqual([
      `apply can't remove /d/new, which has been changed ${A_AND_B}`,
    ]);
  });

  it('are changes of what another image has removed', async () => {
    const base = { '/d/f': file('0') };
    expect(textsOf(await apply(base, [{ '/d/f': removed }, { '/d/f': file('1') }]))).toEqual([
      `apply can't change /d/f, which has been removed ${A_AND_B}`,
    ]);
  });

  it('are new files below what another image has made a file', async () => {
    const base = { '/d/f': file('0') };
    expect(
      textsOf(await apply(base, [{ '/d': file('d') }, { '/d/new': file('1'), '/d/more': file('1') }])),
    ).toEqual([`apply can't merge files of different types: /d (a file, a directory) ${A_AND_B}`]);
  });

  it('are told all at once', async () => {
    const things = (text: string) => ({ '/a': file(`${text}\0`), '/b': symlink(text), '/c': file(text) });
    const { conflicts } = await apply({}, [things('1'), things('2')]);
    expect(conflicts.map(({ path }) => path)).toEqual(['/a', '/b', '/c']);
  });

  it('are no FIFOs and no directories that are the same', async () => {
    const things = { '/p': fifo, '/d': directory(0o700) };
    expect((await applyForeign(things, things)).conflicts).toEqual([]);
  });
});

describe('times', () => {
  const base = { '/d': directory(), '/d/f': file('f'), '/d/l': symlink('f') };
  const later = {
    '/d': directory(0o755, { mtime: 1_000_000_000n }),
    '/d/f': file('f', { mtime: 1_000_000_000n }),
    '/d/l': symlink('f', { mtime: 1_000_000_000n }),
  };

  it('are conflicts only where they are considered, and never those of files', async () => {
    const expected = ['/d', '/d/l'].map(
      path =>
        `two different mod times on ${path} 1970-01-01T00:00:00.000Z 1970-01-01T00:00:01.000Z ${BASE_AND_A}`,
    );
    expect(textsOf(await apply(base, [later]))).toEqual([]);
    expect(textsOf(await apply(base, [later], true))).toEqual(expected);
    expect(textsOf(await applyForeign(base, later))).toEqual([]);
    expect(textsOf(await applyForeign(base, later, true))).toEqual(expected);
  });

  it('do not matter where an image alone has changed the entry', async () => {
    const change = { '/d/l': symlink('g', { mtime: 5n }) };
    expect(textsOf(await apply(base, [change], true))).toEqual([]);
  });
});
