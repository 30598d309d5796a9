import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { steadyRpmDatabases } from '../../src/packages/index.ts';
import { asRoot, buildRpms, installRpms, rpm } from '../stacking/rpms.ts';
import { has, isRoot } from '../support/tools.ts';

describe.skipIf(!isRoot || !has('rpm', 'rpmbuild'))('a database of rpm', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'rpm-times-'));
  const root = join(scratch, 'root');
  let packages: readonly string[] = [];
  beforeAll(() => {
    packages = buildRpms(join(scratch, 'build'), [{ name: 'one' }, { name: 'two' }]);
    installRpms(root, packages);
  });
  afterAll(() => void asRoot('rm', '-rf', scratch));

  const times = (format: string) =>
    rpm(root, '-qa', '--queryformat', `%{NAME} ${format}\\n`).trim().split('\n').sort();

  it('says that nothing was installed later than allowed, and is found by that time', () => {
    steadyRpmDatabases(root, 1_700_000_000);
    expect(times('%{INSTALLTIME} %{INSTALLTID}')).toEqual([
      'one 1700000000 1700000000',
      'two 1700000000 1700000000',
    ]);
    expect(rpm(root, '-q', '--tid', '1700000000').trim().split('\n').sort()).toEqual([
      'one-1.0-1.noarch',
      'two-1.0-1.noarch',
    ]);
    expect(rpm(root, '-V', '--nodeps', 'one', 'two')).toBe('');
  });

  it('is the same as that of another installation of the same packages', () => {
    const contents = ['first', 'second'].map(name => {
      const other = join(scratch, name);
      installRpms(other, packages);
      steadyRpmDatabases(other, 1_700_000_000);
      return readFileSync(join(other, 'var/lib/rpm/rpmdb.sqlite'));
    });
    expect(contents[0]?.length).toBeGreaterThan(0);
    expect(contents[0]?.equals(contents[1] ?? Buffer.alloc(0))).toBe(true);
  });

  it('that is none is an error, and one that is not there is nothing', () => {
    const empty = join(scratch, 'empty');
    mkdirSync(join(empty, 'var/lib/rpm'), { recursive: true });
    expect(() => steadyRpmDatabases(empty, 1)).not.toThrow();
    asRoot('sh', '-c', `echo nonsense >${empty}/var/lib/rpm/rpmdb.sqlite`);
    expect(() => steadyRpmDatabases(empty, 1)).toThrow();
  });
});
