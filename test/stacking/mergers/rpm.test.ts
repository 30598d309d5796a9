import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rpm as merger } from '../../../src/stacking/mergers/rpm.ts';
import { has } from '../../support/tools.ts';
import { asRoot, buildRpms, installedIn, installRpms, rpm } from '../rpms.ts';
import { contentOf, type Files, filesAt, merge, treeOf } from './views.ts';

const DIRECTORY = '/var/lib/rpm';
const DATABASE = `${DIRECTORY}/rpmdb.sqlite`;

describe.skipIf(!has('rpm', 'rpmbuild'))('rpm databases', () => {
  const work = mkdtempSync(join(tmpdir(), 'ashlar-rpm-test-'));
  const packages: Record<string, string> = {};
  let roots = 0;
  let base = '';

  beforeAll(() => {
    const recipes = [
      { name: 'common' },
      { name: 'shared', preamble: ['Provides: sharing = 1'] },
      {
        name: 'lower',
        preamble: ['Requires: sharing', 'Recommends: nothing'],
        files: { '/etc/lower.conf': 'a=1\n' },
      },
      {
        name: 'upper',
        preamble: ['Requires: sharing', 'Provides: config(upper)'],
        files: { '/opt/upper': 'u' },
      },
      { name: 'moving' },
      { name: 'moving', version: '1.1~rc1' },
      { name: 'moving', version: '1.1' },
      { name: 'kernel', preamble: ['Provides: installonlypkg(kernel)'] },
      { name: 'kernel', version: '2.0', preamble: ['Provides: installonlypkg(kernel)'] },
    ];
    const built = buildRpms(join(work, 'build'), recipes);
    recipes.forEach(({ name, version = '1.0' }, i) => {
      packages[`${name}-${version}`] = built[i] ?? '';
    });
    base = join(work, 'base');
    install(base, 'common-1.0', 'moving-1.0');
  });
  afterAll(() => void asRoot('rm', '-rf', work));

  function install(root: string, ...names: readonly string[]): void {
    installRpms(
      root,
      names.map(name => packages[name] ?? name),
    );
  }

  /** A new root with all that others have, the last one's files above. */
  function over(...others: readonly string[]): string {
    roots += 1;
    const root = join(work, `root-${roots}`);
    asRoot('mkdir', root);
    for (const other of others) asRoot('cp', '-a', `${other}/.`, root);
    return root;
  }

  /** The base with more packages. */
  function baseWith(...names: readonly string[]): string {
    const root = over(base);
    install(root, ...names);
    return root;
  }

  const tree = (root: string, more: Files = {}) => treeOf({ ...filesAt(root, DIRECTORY), ...more });

  /** A root with the files of both and the database that the merge made. */
  async function stacked(x: string, y: string): Promise<string> {
    const result = await merge(merger, tree(base), { x: tree(x), y: tree(y) });
    expect(result.conflicts).toEqual([]);
    return rootWith(contentOf(result, DATABASE), x, y);
  }

  function rootWith(database: Uint8Array | undefined, ...below: readonly string[]): string {
    const root = over(...below);
    asRoot('sh', '-c', 'rm "$0"/rpmdb.sqlite* && chmod 777 "$0"', join(root, DIRECTORY));
    writeFileSync(join(root, DATABASE), database ?? '');
    return root;
  }

  it('hold what both parts installed, each package once, as rpm sees it', async () => {
    const root = await stacked(baseWith('shared-1.0', 'lower-1.0'), baseWith('shared-1.0', 'upper-1.0'));
    expect(installedIn(root)).toEqual(
      ['common-1.0', 'lower-1.0', 'moving-1.0', 'shared-1.0', 'upper-1.0'].map(name => `${name}-1.noarch`),
    );
    expect(rpm(root, '-Va')).toBe('');
    expect(rpm(root, '-q', '--whatprovides', 'sharing')).toBe('shared-1.0-1.noarch\n');
    expect(rpm(root, '-q', '--whatrequires', 'sharing').split('\n').sort().join(' ').trim()).toBe(
      'lower-1.0-1.noarch upper-1.0-1.noarch',
    );
    expect(rpm(root, '-qf', '/etc/lower.conf', '/opt/upper')).toBe(
      'lower-1.0-1.noarch\nupper-1.0-1.noarch\n',
    );
    rpm(root, '-e', '--force-debian', 'lower', 'common');
    install(root, 'moving-1.1');
    expect(installedIn(root)).toEqual(
      ['moving-1.1', 'shared-1.0', 'upper-1.0'].map(name => `${name}-1.noarch`),
    );
    const before = rpm(root, '-qa', '--provides', '--requires');
    rpm(root, '--rebuilddb');
    expect(rpm(root, '-qa', '--provides', '--requires')).toBe(before);
  });

  it('lose what a part removed or upgraded', async () => {
    const x = over(base);
    rpm(x, '-e', '--force-debian', 'common');
    const root = await stacked(x, baseWith('moving-1.1', 'upper-1.0', 'shared-1.0'));
    expect(installedIn(root)).toEqual(
      ['moving-1.1', 'shared-1.0', 'upper-1.0'].map(name => `${name}-1.noarch`),
    );
  });
});
