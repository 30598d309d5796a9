import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { keepArchives, lendArchives, listArchives } from '../../../src/engine/steps/package-archives.ts';
import { collectGarbage } from '../../../src/engine/store/gc.ts';
import { Store } from '../../../src/engine/store/store.ts';

describe('packages that were fetched', () => {
  const scratch = join(tmpdir(), `ashlar-archives-${process.pid}`);
  mkdirSync(scratch);
  afterAll(() => rmSync(scratch, { recursive: true }));

  const refuse = (text: string) => expect.fail(text);

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
    keepArchives('apt', first, store, refuse);
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
    keepArchives('apt', run('old', { 'a.deb': 'old' }), store, refuse);
    keepArchives('apt', run('new', { 'a.deb': 'new' }), store, refuse);
    const third = run('third');
    lendArchives('apt', third, store);
    expect(readFileSync(join(third, 'a.deb'), 'utf8')).toBe('new');
  });

  it('are files that are there, whatever the tree has put beside them', () => {
    using store = new Store(join(scratch, 'store-4'));
    const elsewhere = run('elsewhere', { 'private.rpm': '' });
    const planted = run('planted', { 'a.deb': '' });
    symlinkSync(elsewhere, join(planted, 'link'));
    symlinkSync(join(elsewhere, 'private.rpm'), join(planted, 'sub/link.rpm'));
    for (const name of ['one', 'two']) symlinkSync('.', join(planted, name));
    writeFileSync(Buffer.from(join(planted, '\xff.deb'), 'latin1'), '');
    mkdirSync(join(planted, 'b.deb'));
    writeFileSync(join(planted, 'b.deb/x.deb'), '');
    keepArchives('apt', planted, store, refuse);
    expect(listArchives(store).map(({ name }) => name)).toEqual(['apt/a.deb']);
    symlinkSync(elsewhere, join(scratch, 'replaced'));
    keepArchives('apt', join(scratch, 'replaced'), store, refuse);
    expect(listArchives(store)).toHaveLength(1);
  });

  it('come in the place of directories that have their names, which are lent to nobody', () => {
    using store = new Store(join(scratch, 'store-7'));
    mkdirSync(join(store.path, 'packages/apt/a.deb'), { recursive: true });
    writeFileSync(join(store.path, 'packages/apt/a.deb/x.deb'), '');
    const before = run('before');
    lendArchives('apt', before, store);
    expect(readdirSync(before)).toEqual(['sub']);
    keepArchives('apt', run('fetched', { 'a.deb': 'a', 'b.deb': 'b' }), store, refuse);
    const after = run('after');
    lendArchives('apt', after, store);
    expect(readdirSync(after).sort()).toEqual(['a.deb', 'b.deb', 'sub']);
    expect(readFileSync(join(after, 'a.deb'), 'utf8')).toBe('a');
  });

  it('are done without, with a warning, where they cannot be kept', () => {
    using store = new Store(join(scratch, 'store-5'));
    mkdirSync(join(store.path, 'packages'), { recursive: true });
    writeFileSync(join(store.path, 'packages/apt'), '');
    const warnings: string[] = [];
    keepArchives('apt', run('refused', { 'a.deb': '' }), store, text => warnings.push(text));
    expect(warnings).toEqual([expect.stringMatching(/^packages that were fetched are not kept: ENOTDIR/)]);
  });

  it('are not missed when they are collected while they are lent', () => {
    using store = new Store(join(scratch, 'store-6'));
    keepArchives('apt', run('to-lend', { 'a.deb': '', 'b.deb': '' }), store, refuse);
    const directory = run('borrower');
    const { linkSync } = fs;
    const link = vi.spyOn(fs, 'linkSync').mockImplementationOnce((from, to) => {
      rmSync(from);
      linkSync(from, to);
    });
    syncBuiltinESMExports();
    try {
      lendArchives('apt', directory, store);
      expect(link).toHaveBeenCalledTimes(2);
    } finally {
      link.mockRestore();
      syncBuiltinESMExports();
    }
    expect(readdirSync(directory).filter(name => name.endsWith('.deb'))).toHaveLength(1);
  });

  it('are collected with all that nobody needs', async () => {
    const path = join(scratch, 'store-3');
    {
      using store = new Store(path);
      keepArchives('apt', run('collected', { 'a.deb': 'a' }), store, refuse);
    }
    const options = { store: path, olderThan: 0, all: true, dryRun: false };
    const { removed } = await collectGarbage(options, () => {}, new AbortController().signal);
    expect(removed.map(({ use }) => use)).toEqual(['package apt/a.deb']);
    using store = new Store(path);
    expect(listArchives(store)).toEqual([]);
  });
});
