import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { repositoryIdentity } from '../../src/packages/index.ts';

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

it('is that of what links lead to', () => {
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

it('is that of packages in a directory that a link leads to', () => {
  const [one, other] = ['one', 'other'].map(text => {
    const directory = repository({ note: '' });
    symlinkSync(repository({ 'a.apk': text }), join(directory, 'x86_64'));
    return repositoryIdentity(directory);
  });
  expect(one).not.toBe(other);
});

it('is none for what is not there', () => {
  expect(repositoryIdentity(join(scratch, 'nothing'))).toBeUndefined();
});
