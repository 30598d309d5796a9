import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keepArchives, lendArchives, listArchives } from '../../../src/engine/steps/package-archives.ts';
import { collectGarbage } from '../../../src/engine/store/gc.ts';
import { Store } from '../../../src/engine/store/store.ts';

describe('packages that were fetched', () => {
  const scratch = join(tmpdir(), `ashlar-archives-${process.pid}`);
  mkdirSync(scratch);
  afterAll(() => rmSync(scratch, { recursive: true }));

  /** A directory of a run, with files in it. */
  function run(name: string, files: Readonly<Record<string, string>> = {}): string {
    const directory = join(scratch, name);
    mkdirSync(join(directory, 'sub'), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
    return directory;
  }

  it('are there for the next run of the same manager, without being copied', () => {
    using store = new Store(join(scratch, 'store'));
    const first = run('first', { 'a.deb': 'a', 'sub/b.rpm': 'b', lock: '', 'c.deb.part': '' });
    keepArchives('apt', first, store);
    const second = run('second');
    lendArchives('apt', second, store);
    expect(readFileSync(join(second, 'a.deb'), 'utf8')).toBe('a');
    expect(readFileSync(join(second, 'sub/b.rpm'), 'utf8')).toBe('b');
    expect(statSync(join(second, 'a.deb')).ino).toBe(statSync(join(first, 'a.deb')).ino);
    expect(
      listArchives(store)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['apt/a.deb', 'apt/sub/b.rpm']);

    const other = run('other');
    lendArchives('zypper', other, store);
    expect(existsSync(join(other, 'a.deb'))).toBe(false);
  });

  it('make room for what has come in their place', () => {
    using store = new Store(join(scratch, 'store-2'));
    keepArchives('apt', run('old', { 'a.deb': 'old' }), store);
    keepArchives('apt', run('new', { 'a.deb': 'new' }), store);
    const third = run('third');
    lendArchives('apt', third, store);
    expect(readFileSync(join(third, 'a.deb'), 'utf8')).toBe('new');
  });

  it('are collected with all that nobody needs', async () => {
    const path = join(scratch, 'store-3');
    {
      using store = new Store(path);
      keepArchives('apt', run('collected', { 'a.deb': 'a' }), store);
    }
    const options = { store: path, olderThan: 0, all: true, dryRun: false };
    const { removed } = await collectGarbage(options, () => {}, new AbortController().signal);
    expect(removed.map(({ use }) => use)).toEqual(['package apt/a.deb']);
    using store = new Store(path);
    expect(listArchives(store)).toEqual([]);
  });
});
