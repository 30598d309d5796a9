import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packagesIn } from '../../../src/stacking/packages/list.ts';
import { has } from '../../support/tools.ts';
import { filesAt, treeOf } from '../mergers/views.ts';
import { asRoot, buildRpms, installRpms } from '../rpms.ts';

/** `name version architecture`, by the order of the list. */
async function listOf(files: Parameters<typeof treeOf>[0]): Promise<readonly string[]> {
  const { packages, unread } = await packagesIn(treeOf(files));
  expect(unread).toEqual([]);
  return packages.map(
    ({ manager, name, version, architecture }) => `${manager}: ${name} ${version} ${architecture}`,
  );
}

describe('the packages of a tree', () => {
  it('come out of the status of dpkg, but for those that are removed', async () => {
    const stanza = (name: string, state: string) =>
      `Package: ${name}\nStatus: ${state}\nArchitecture: amd64\nVersion: 1:2.0-1\nDescription: x\n more\n\n`;
    expect(
      await listOf({
        '/var/lib/dpkg/status':
          stanza('libc6', 'install ok installed') + stanza('gone', 'deinstall ok config-files'),
      }),
    ).toEqual(['dpkg: libc6 1:2.0-1 amd64']);
  });

  it('come out of the files of images that were made without dpkg', async () => {
    expect(
      await listOf({
        '/var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2024a-0\nArchitecture: all\n',
        '/var/lib/dpkg/status.d/tzdata.md5sums': 'd41d8cd98f00b204e9800998ecf8427e  usr/x\n',
      }),
    ).toEqual(['dpkg: tzdata 2024a-0 all']);
  });

  it.skipIf(!has('rpm', 'rpmbuild'))('come out of the database of rpm, its log included', async () => {
    const work = mkdtempSync(join(tmpdir(), 'ashlar-list-test-'));
    onTestFinished(() => void asRoot('rm', '-rf', work));
    const packages = buildRpms(work, [
      { name: 'one', preamble: ['Epoch: 3'] },
      { name: 'two', version: '2.0~rc1' },
    ]);
    for (const one of packages) installRpms(join(work, 'root'), [one]);
    const files = filesAt(join(work, 'root'), '/var/lib/rpm');
    const list = ['rpm: one 3:1.0-1 noarch', 'rpm: two 2.0~rc1-1 noarch'];
    expect(await listOf(files)).toEqual(list);
    const moved = Object.entries(files).map(([path, content]) => [
      path.replace('/var/lib/rpm', '/usr/lib/sysimage/rpm'),
      content,
    ]);
    expect(await listOf(Object.fromEntries(moved))).toEqual(list);
  });

  it('come out of the database of apk', async () => {
    expect(
      await listOf({
        '/lib/apk/db/installed':
          'C:Q1aaa=\nP:musl\nV:1.2.3-r4\nA:x86_64\nF:lib\nR:ld.so\n\nC:Q1b=\nP:zlib\nV:1-r0\nA:x86_64\n\n',
      }),
    ).toEqual(['apk: musl 1.2.3-r4 x86_64', 'apk: zlib 1-r0 x86_64']);
  });

  it('come out of the directories of pacman', async () => {
    expect(
      await listOf({
        '/var/lib/pacman/local/ALPM_DB_VERSION': '9\n',
        '/var/lib/pacman/local/gcc-libs-1:13.2.1-3/desc':
          '%NAME%\ngcc-libs\n\n%VERSION%\n1:13.2.1-3\n\n%ARCH%\nx86_64\n\n',
      }),
    ).toEqual(['pacman: gcc-libs 1:13.2.1-3 x86_64']);
  });

  it('are named where their database cannot be read', async () => {
    const files = {
      '/var/lib/rpm/Packages.db': 'RpmP',
      '/usr/lib/sysimage/rpm/rpmdb.sqlite': 'SQLite format 3\0 and no more',
      '/lib/apk/db/installed': 'X:\n',
    };
    const { packages, unread } = await packagesIn(treeOf(files));
    expect(packages).toEqual([]);
    expect(unread.map(({ path }) => path).sort()).toEqual(Object.keys(files).sort());
  });
});
