import fs, { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { repositoryIdentity } from '../../src/packages/index.ts';
import { AshlarError } from '../../src/support/errors.ts';

const scratch = mkdtempSync(join(tmpdir(), 'repositories-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function repository(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(scratch, 'repository-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
    utimesSync(join(directory, name), 1, 1);
  }
  return directory;
}

it('is the same for the same index, wherever it is and whatever lies beside it', () => {
  const one = repository({ Packages: 'Package: a', 'a.deb': 'a' });
  const other = repository({ Packages: 'Package: a', 'a.deb': 'a', 'note.txt': '' });
  expect(repositoryIdentity(one)).toBe(repositoryIdentity(other));
});

it.each([
  ['Packages', undefined],
  ['Release', undefined],
  ['repodata/repomd.xml', undefined],
  ['dists/bookworm/InRelease', 'bookworm'],
])('is another one when %s is', (name, distribution) => {
  const [one, other] = ['1', '2'].map(text => repositoryIdentity(repository({ [name]: text }), distribution));
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(one).not.toBe(other);
});

it('is that of the files where there is no index', () => {
  const [one, same, longer] = ['x86_64/a.apk', 'x86_64/a.apk', 'x86_64/b.apk'].map(name =>
    repositoryIdentity(repository({ [name]: 'content' })),
  );
  expect(one).toBe(same);
  expect(one).not.toBe(longer);
});

it('is that of what links in it lead to', () => {
  const linked = (target: string, text: string, name: string) => {
    const directory = repository({ [`${target}/${name}`]: text });
    for (const [link, to] of [
      [name, `${target}/${name}`],
      ['self', '.'],
      ['too', '.'],
      ['nowhere', 'nothing'],
      ['circle', 'circle'],
    ])
      symlinkSync(to ?? '', join(directory, link ?? ''));
    return repositoryIdentity(directory);
  };
  for (const name of ['Packages', 'a.apk']) {
    const one = linked('files', 'one', name);
    expect(linked('files', 'one', name)).toBe(one);
    expect(linked('files', 'other', name)).not.toBe(one);
  }
});

it('is another one when a link leads to other packages of it', () => {
  const [one, other] = ['v1', 'v2'].map(version => {
    const directory = repository({ 'v1/a.apk': 'one', 'v2/a.apk': 'other' });
    symlinkSync(version, join(directory, 'x86_64'));
    return repositoryIdentity(directory);
  });
  expect(one).not.toBe(other);
});

it.each([
  ['a directory of packages', 'x86_64', { 'a.apk': 'one' }],
  ['an index', 'Packages', { Packages: 'one' }],
])('is the same whatever a link out of it leads to, as managers do not see %s there', (_, name, files) => {
  const elsewhere = repository(files);
  const directory = repository({ 'x.apk': '' });
  symlinkSync(name === 'Packages' ? join(elsewhere, name) : elsewhere, join(directory, name));
  const before = repositoryIdentity(directory);
  for (const file of Object.keys(files)) writeFileSync(join(elsewhere, file), 'other text');
  expect(repositoryIdentity(directory)).toBe(before);
  rmSync(join(directory, name));
  symlinkSync('/usr', join(directory, name));
  expect(repositoryIdentity(directory)).not.toBe(before);
});

it('is that of a directory that is itself found through a link', () => {
  const directory = repository({ Packages: 'Package: a' });
  symlinkSync(directory, join(scratch, 'link'));
  expect(repositoryIdentity(join(scratch, 'link'))).toBe(repositoryIdentity(directory));
});

it('is an error that says which file cannot be read', () => {
  const directory = repository({ 'x86_64/a.apk': '' });
  const closed = join(directory, 'x86_64');
  const { readdirSync } = fs;
  const refused = Object.assign(new Error('EACCES'), { code: 'EACCES', path: closed });
  const read = vi.spyOn(fs, 'readdirSync').mockImplementation(((path: string, options: object) => {
    if (path === closed) throw refused;
    return Reflect.apply(readdirSync, fs, [path, options]);
  }) as typeof readdirSync);
  syncBuiltinESMExports();
  try {
    expect(() => repositoryIdentity(directory)).toThrow(
      new AshlarError(`cannot read ${closed} of the repository ${directory}`),
    );
  } finally {
    read.mockRestore();
    syncBuiltinESMExports();
  }
});

it('is none for what is not there', () => {
  expect(repositoryIdentity(join(scratch, 'nothing'))).toBeUndefined();
});
