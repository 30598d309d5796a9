import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../src/engine/store/database.ts';
import { Store } from '../../../src/engine/store/store.ts';
import { isRoot } from '../../support/tools.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-store-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the store', () => {
  it('is for its owner only, and leaves nothing temporary behind', () => {
    {
      using store = new Store(join(directory, 'store'));
      writeFileSync(store.temporaryPath('x'), '');
      expect(statSync(store.path).mode & 0o777).toBe(0o700);
    }
    expect(readdirSync(join(directory, 'store/tmp'))).toEqual([]);
  });

  it.runIf(isRoot)('is not used when it belongs to somebody else', async () => {
    const { chownSync } = await import('node:fs');
    mkdirSync(join(directory, 'store'));
    chownSync(join(directory, 'store'), 12345, 12345);
    expect(() => new Store(join(directory, 'store'))).toThrow('belongs to uid 12345');
  });

  it('does not serve a blob that was damaged, shortened or replaced', async () => {
    using store = new Store(join(directory, 'store'));
    const bytes = Buffer.from('content');
    const damages: readonly ((path: string) => void)[] = [
      path => writeFileSync(path, 'CONTENT'),
      path => truncateSync(path, 3),
      path => {
        rmSync(path);
        writeFileSync(path, 'another');
      },
    ];
    for (const damage of damages) {
      const digest = await store.addBytes(bytes);
      expect(await store.hasBlob({ digest, size: bytes.length })).toBe(true);
      damage(store.blobPath(digest));
      expect(await store.hasBlob({ digest, size: bytes.length })).toBe(false);
      expect(existsSync(store.blobPath(digest))).toBe(false);
    }
  });

  it('trusts a blob again after looking at it when only its times changed', async () => {
    using store = new Store(join(directory, 'store'));
    const bytes = Buffer.from('content');
    const digest = await store.addBytes(bytes);
    utimesSync(store.blobPath(digest), 1, 1);
    linkSync(store.blobPath(digest), join(directory, 'another-name'));
    expect(await store.hasBlob({ digest, size: bytes.length })).toBe(true);
  });
});

describe('the index', () => {
  it('remembers steps, also those that changed nothing', () => {
    using database = new Database(join(directory, 'index.db'));
    database.addStep('key', { diffId: undefined, created: 'now' });
    expect(database.step('key')).toEqual({ diffId: undefined, created: 'now' });
    expect(database.step('other')).toBeUndefined();
  });

  it('forgets a file digest when anything about the file changed', () => {
    using database = new Database(join(directory, 'index.db'));
    const stamp = { device: 1n, inode: 2n, size: 3n, mtime: 4n, ctime: 5n };
    database.files.set([[stamp, 'aa']]);
    expect(database.files.get([stamp])).toEqual(['aa']);
    for (const change of [{ size: 4n }, { mtime: 5n }, { ctime: 6n }, { inode: 3n }, { device: 2n }]) {
      expect(database.files.get([{ ...stamp, ...change }, stamp])).toEqual([undefined, 'aa']);
    }
  });

  it('starts anew where the file is no database or one of another version', () => {
    const path = join(directory, 'index.db');
    writeFileSync(path, 'this is not a database, not even a short one'.repeat(100));
    {
      using database = new Database(path);
      database.remember('lookups', 'k', { a: [1] });
    }
    {
      using database = new Database(path);
      expect(database.recall('lookups', 'k')).toEqual({ a: [1] });
    }
  });

  it('can be used by two connections at once', () => {
    const path = join(directory, 'index.db');
    using first = new Database(path);
    using second = new Database(path);
    first.remember('bases', 'k', 1);
    second.remember('bases', 'k', 2);
    expect(first.recall('bases', 'k')).toBe(2);
  });
});
