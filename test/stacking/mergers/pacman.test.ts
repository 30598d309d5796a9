import { describe, expect, it } from 'vitest';
import { pacman } from '../../../src/stacking/mergers/pacman.ts';
import { contentOf, type Files, merge, removedBy, type TestTree, treeOf } from './views.ts';

const LOCAL = '/var/lib/pacman/local';

/** A database of packages `name-version-release`, with more files of it. */
function database(packages: readonly string[], more: Files = {}): TestTree {
  const files: Record<string, string | Uint8Array> = { [`${LOCAL}/ALPM_DB_VERSION`]: '9\n' };
  for (const one of packages) {
    files[`${LOCAL}/${one}/desc`] = `%NAME%\n${one.replace(/-[^-]+-[^-]+$/, '')}\n`;
    files[`${LOCAL}/${one}/files`] = `%FILES%\nusr/share/${one}\n`;
  }
  return treeOf({ ...files, ...more });
}

describe("pacman's database", () => {
  it('needs nothing where parts have installed different packages, or removed some', async () => {
    const base = database(['base-1-1', 'old-1-1']);
    const result = await merge(pacman, base, {
      x: database(['base-1-1', 'old-1-1', 'lower-1-1', 'shared-2:1-1']),
      y: database(['base-1-1', 'upper-1-1', 'shared-2:1-1']),
    });
    expect(result.conflicts).toEqual([]);
    const shared = [`${LOCAL}/shared-2:1-1/desc`, `${LOCAL}/shared-2:1-1/files`];
    expect(result.files.filter(({ path }) => !shared.includes(path) && !path.includes('old'))).toEqual([]);
  });

  it('has the description of the part that prevails where both have installed a package', async () => {
    const desc = `${LOCAL}/p-1-1/desc`;
    const result = await merge(pacman, database([]), {
      x: database(['p-1-1'], { [desc]: '%INSTALLDATE%\n1\n' }),
      y: database(['p-1-1'], { [desc]: '%INSTALLDATE%\n2\n' }),
    });
    expect(result.conflicts).toEqual([]);
    expect(contentOf(result, desc)?.toString()).toBe('%INSTALLDATE%\n2\n');
  });

  it('has a conflict where a package is there in two versions, and the directory of one of them', async () => {
    const result = await merge(pacman, database(['p-q-1.0-1']), {
      x: database(['p-q-1.1-1']),
      y: database(['p-q-1.1rc-3']),
    });
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'package', path: LOCAL, parts: ['x', 'y'] },
        text: 'package p-q: 1.1-1 in x (newer), 1.1rc-3 in y',
      },
    ]);
    const gone = ['p-q-1.0-1', 'p-q-1.1-1'].flatMap(name =>
      ['', '/desc', '/files'].map(file => `${LOCAL}/${name}${file}`),
    );
    expect(removedBy(result).toSorted()).toEqual(gone.toSorted());
    expect(result.files.filter(({ kind }) => kind === 'file')).toEqual([]);
  });

  it('is taken from the last part where its form differs', async () => {
    const result = await merge(pacman, database([]), {
      x: database(['p-1-1']),
      y: database(['q-1-1'], { [`${LOCAL}/ALPM_DB_VERSION`]: '10\n' }),
    });
    expect(result.conflicts).toMatchObject([
      { kind: 'merge', text: 'the database has different versions: 9 in x, 10 in y' },
    ]);
    expect(removedBy(result)).toEqual([`${LOCAL}/p-1-1/desc`, `${LOCAL}/p-1-1/files`]);
    expect(contentOf(result, `${LOCAL}/ALPM_DB_VERSION`)?.toString()).toBe('10\n');
  });
});
