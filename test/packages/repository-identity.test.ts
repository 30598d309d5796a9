import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
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

it('is none for what is not there', () => {
  expect(repositoryIdentity(join(scratch, 'nothing'))).toBeUndefined();
});
