import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSmallArchive } from '../../../src/layers/index.ts';
import type { MergeResult } from '../../../src/stacking/merger.ts';
import { apk } from '../../../src/stacking/mergers/apk.ts';
import { apkFiles, APK_DB as DB, hash, hasTrigger, paragraph, scripts } from '../apk-files.ts';
import { contentOf, type Files, merge, removedBy, type TestTree, treeOf } from './views.ts';

/** A database of packages `name-version`. */
async function database(world: string, ...packages: readonly string[]): Promise<TestTree> {
  return treeOf(await apkFiles(world, ...packages));
}

function installed(result: MergeResult): readonly string[] {
  const text = contentOf(result, `${DB}/installed`)?.toString('utf8') ?? '';
  expect(text.replaceAll(/[^\n]\n\n/g, '')).not.toContain('\n\n');
  return text.split('\n\n').flatMap(one => {
    const [, name] = /^P:(.*)$/m.exec(one) ?? [];
    const [, version] = /^V:(.*)$/m.exec(one) ?? [];
    return name === undefined ? [] : [`${name}-${version}`];
  });
}

async function scriptsIn(result: MergeResult): Promise<readonly string[]> {
  const files = await readSmallArchive(contentOf(result, `${DB}/scripts.tar`) ?? Buffer.alloc(0));
  return files.map(({ content }) => content.toString().split(' ')[1]?.trim() ?? '');
}

describe("apk's database", () => {
  it('holds what both parts installed, with triggers and scripts', async () => {
    const result = await merge(apk, await database('base\n', 'base-1-r0'), {
      x: await database('base\nlower\n', 'base-1-r0', 'shared-2-r0', 'trigger-lower-1-r0'),
      y: await database('base\nupper>1\n', 'base-1-r0', 'shared-2-r0', 'trigger-upper-1-r0'),
    });
    expect(result.conflicts).toEqual([]);
    const all = ['base-1-r0', 'shared-2-r0', 'trigger-lower-1-r0', 'trigger-upper-1-r0'];
    expect(installed(result)).toEqual(all);
    expect(await scriptsIn(result)).toEqual(all);
    expect(contentOf(result, `${DB}/installed`)?.toString('utf8')).toContain(paragraph('trigger-lower-1-r0'));
    expect(contentOf(result, `${DB}/triggers`)?.toString()).toBe(
      all
        .filter(hasTrigger)
        .map(one => `${hash(one)} /usr/lib/${one} /etc\n`)
        .join(''),
    );
    expect(contentOf(result, '/etc/apk/world')?.toString()).toBe('base\nlower\nupper>1\n');
  });

  it('loses what a part removed or upgraded, with its scripts', async () => {
    const result = await merge(apk, await database('a\nb\n', 'a-1-r0', 'b-1-r0', 'trigger-1-r0'), {
      x: await database('b\n', 'b-1-r0', 'trigger-1-r0'),
      y: await database('a\nb\nc\n', 'a-1-r0', 'b-1-r1'),
    });
    expect(result.conflicts).toEqual([]);
    expect(installed(result)).toEqual(['b-1-r1']);
    expect(await scriptsIn(result)).toEqual(['b-1-r1']);
    expect(contentOf(result, `${DB}/triggers`)?.toString()).toBe('');
    expect(contentOf(result, '/etc/apk/world')?.toString()).toBe('b\nc\n');
  });

  it('has a conflict where a package is there in two versions, and the one of the last part', async () => {
    const result = await merge(apk, await database('', 'p-1.9-r0'), {
      x: await database('', 'p-1.10-r0'),
      y: await database('', 'p-1.10_rc1-r0'),
    });
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'package', path: `${DB}/installed`, parts: ['x', 'y'] },
        text: 'package p: 1.10-r0 in x (newer), 1.10_rc1-r0 in y',
      },
    ]);
    expect(installed(result)).toEqual(['p-1.10_rc1-r0']);
    expect(await scriptsIn(result)).toEqual(['p-1.10_rc1-r0']);
  });

  it('has a conflict where one part removes what the other one upgrades', async () => {
    const result = await merge(apk, await database('', 'p-1-r0', 'q-1-r0'), {
      x: await database('', 'q-1-r0'),
      y: await database('', 'p-1-r1', 'q-1-r0'),
    });
    expect(result.conflicts).toMatchObject([{ kind: 'removed', text: 'package p: removed in x, 1-r1 in y' }]);
  });

  it('has a conflict where two parts ask for a package under different conditions', async () => {
    const result = await merge(apk, await database('', 'p-1-r0'), {
      x: await database('p\n', 'p-1-r0'),
      y: await database('p=1-r0\n', 'p-1-r0'),
    });
    expect(result.conflicts).toMatchObject([
      { path: '/etc/apk/world', text: 'package p: unpinned in x, =1-r0 in y' },
    ]);
    expect(contentOf(result, '/etc/apk/world')?.toString()).toBe('p=1-r0\n');
  });

  it('knows scripts by hexadecimal hashes, too', async () => {
    const hex = (name: string) => `X1${Buffer.from(hash(name).slice(2), 'base64').toString('hex')}`;
    const withHex = async (...packages: readonly string[]) => {
      return treeOf({
        ...(await filesOf(await database('', ...packages))),
        [`${DB}/scripts.tar`]: await scripts(packages, hex),
      });
    };
    const result = await merge(apk, await withHex('a-1'), {
      x: await withHex('a-1', 'b-1'),
      y: await withHex('c-1'),
    });
    expect(await scriptsIn(result)).toEqual(['b-1', 'c-1']);
  });

  it.each<[string, Files, RegExp]>([
    [
      'a paragraph without name',
      { [`${DB}/installed`]: 'V:1\nA:x\n\n' },
      /^the database of y cannot be merged: it has a package without/,
    ],
    ['scripts that are no archive', { [`${DB}/scripts.tar`]: 'x'.repeat(2000) }, /no tar archive/],
    [
      'no database any more',
      { [`${DB}/installed`]: undefined as unknown as string },
      /^the database: removed in y, changed in x$/,
    ],
  ])('is taken from the last part where that has %s', async (_, change, text) => {
    const y: Record<string, string | Uint8Array> = {
      [`${DB}/installed`]: `${paragraph('y-1')}\n\n`,
      [`${DB}/lock`]: '',
      ...change,
    };
    const files = Object.fromEntries(Object.entries(y).filter(([, content]) => content !== undefined));
    const result = await merge(apk, await database('', 'a-1'), {
      x: await database('', 'a-1', 'x-1'),
      y: treeOf(files),
    });
    expect(result.conflicts).toMatchObject([{ parts: ['x', 'y'], text: expect.stringMatching(text) }]);
    for (const [path, content] of Object.entries(files).filter(([path]) => path !== `${DB}/lock`))
      expect(contentOf(result, path)?.toString()).toBe(content.toString());
    expect(removedBy(result)).toContain(`${DB}/triggers`);
  });

  const systems = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'trigger-d', 'e'),
    fc.constantFrom('1-r0', '1-r1', '2-r0'),
    { noNullPrototype: true },
  );
  const names = (packages: Readonly<Record<string, string>>) =>
    Object.entries(packages)
      .map(entry => entry.join('-'))
      .sort();

  it('is what one part made of it when the other one changed no package, whichever comes first', () =>
    fc.assert(
      fc.asyncProperty(systems, systems, async (before, after) => {
        fc.pre(names(before).join() !== names(after).join());
        const [base, x] = [await database('', ...names(before)), await database('', ...names(after))];
        const y = await touched(base);
        for (const parts of [
          { x, y },
          { y, x },
        ]) {
          const result = await merge(apk, base, parts);
          expect(result.conflicts).toEqual([]);
          expect(installed(result).toSorted()).toEqual(names(after));
        }
      }),
    ));

  it('has the same packages in either order where nobody disagrees', () =>
    fc.assert(
      fc.asyncProperty(systems, systems, systems, async (before, one, other) => {
        const base = await database('', ...names(before));
        const [x, y] = [
          await touched(await database('', ...names(one))),
          await database('', ...names(other)),
        ];
        const [upward, downward] = [await merge(apk, base, { x, y }), await merge(apk, base, { y, x })];
        expect(upward.conflicts.length).toBe(downward.conflicts.length);
        if (upward.conflicts.length > 0 || upward.files.length === 0) return;
        expect(installed(upward).toSorted()).toEqual(installed(downward).toSorted());
        expect((await scriptsIn(upward)).toSorted()).toEqual((await scriptsIn(downward)).toSorted());
      }),
    ));
});

/** The same database, of which apk has changed something that says nothing of packages. */
async function touched(tree: TestTree): Promise<TestTree> {
  return treeOf({ ...(await filesOf(tree)), [`${DB}/lock`]: 'touched' });
}

async function filesOf(tree: TestTree): Promise<Files> {
  const files: Record<string, Uint8Array> = {};
  for (const path of tree.paths) files[path] = (await tree.read(path))?.content ?? new Uint8Array();
  return files;
}
