import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rpm as merger } from '../../../src/stacking/mergers/rpm.ts';
import { has } from '../../support/tools.ts';
import { asRoot, buildRpms, installedIn, installRpms, rpm } from '../rpms.ts';
import { contentOf, type Files, filesAt, merge, removedBy, treeOf } from './views.ts';

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
      { name: 'gpg-pubkey' },
      { name: 'gpg-pubkey', version: '2.0' },
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

  it('have a conflict where a package is there in two versions, and the one of the last part', async () => {
    const [x, y] = [baseWith('moving-1.1'), baseWith('moving-1.1~rc1')];
    const result = await merge(merger, tree(base), { x: tree(x), y: tree(y) });
    expect(result.conflicts).toEqual([
      {
        ...{ kind: 'package', path: DATABASE, parts: ['x', 'y'] },
        text: 'package moving.noarch: 1.1-1 in x (newer), 1.1~rc1-1 in y',
      },
    ]);
    const root = rootWith(contentOf(result, DATABASE), x, y);
    expect(installedIn(root)).toEqual(['common-1.0-1.noarch', 'moving-1.1~rc1-1.noarch']);
  });

  it('keep all versions of what is meant to be installed in several', async () => {
    const root = await stacked(
      baseWith('kernel-1.0', 'gpg-pubkey-1.0'),
      baseWith('kernel-2.0', 'gpg-pubkey-2.0'),
    );
    expect(
      installedIn(root).filter(name => !name.startsWith('common') && !name.startsWith('moving')),
    ).toEqual(
      ['gpg-pubkey-1.0', 'gpg-pubkey-2.0', 'kernel-1.0', 'kernel-2.0'].map(name => `${name}-1.noarch`),
    );
  });

  it('are brought together where parts share nothing', async () => {
    const [x, y] = [over(), over()];
    install(x, 'common-1.0', 'shared-1.0');
    install(y, 'shared-1.0', 'upper-1.0');
    const result = await merge(merger, treeOf({}), { x: tree(x), y: tree(y) });
    expect(result.conflicts).toEqual([]);
    const root = rootWith(contentOf(result, DATABASE), x, y);
    expect(installedIn(root)).toEqual(['common', 'shared', 'upper'].map(name => `${name}-1.0-1.noarch`));
  });

  it('have the same bytes whenever they are merged, of however many parts', async () => {
    const roots = {
      x: baseWith('kernel-1.0'),
      y: baseWith('kernel-2.0', 'shared-1.0'),
      z: baseWith('moving-1.1'),
    };
    const trees = Object.fromEntries(Object.entries(roots).map(([name, root]) => [name, tree(root)]));
    const database = contentOf(await merge(merger, tree(base), trees), DATABASE);
    const again = contentOf(await merge(merger, tree(base), trees), DATABASE);
    expect(database?.equals(again ?? Buffer.alloc(0))).toBe(true);
    expect(installedIn(rootWith(database, ...Object.values(roots)))).toEqual(
      ['common-1.0', 'kernel-1.0', 'kernel-2.0', 'moving-1.1', 'shared-1.0'].map(name => `${name}-1.noarch`),
    );
  });

  it('are read with what only their log has, and leave no log', async () => {
    // Without rpm at the end, which would write the log into the database.
    const log = logOf(
      readFileSync(join(base, DATABASE)),
      `
      DELETE FROM Name WHERE key = 'common';
      DELETE FROM Packages WHERE hnum NOT IN (SELECT hnum FROM Name);`,
    );
    const x = tree(base, { [`${DATABASE}-wal`]: log });
    const y = baseWith('kernel-1.0');
    for (const parts of [
      { x, y: tree(y) },
      { y: tree(y), x },
    ]) {
      const result = await merge(merger, tree(base), parts);
      expect(result.conflicts).toEqual([]);
      expect(removedBy(result)).toEqual([`${DATABASE}-wal`, `${DATABASE}-shm`]);
      const root = rootWith(contentOf(result, DATABASE), base, y);
      expect(installedIn(root)).toEqual(['kernel-1.0-1.noarch', 'moving-1.0-1.noarch']);
    }
  });

  it('are taken from the last part where they are of another kind', async () => {
    const y = treeOf({ [`${DIRECTORY}/Packages.db`]: 'RpmP', [`${DIRECTORY}/Index.db`]: 'RpmX' });
    const x = treeOf({ [`${DIRECTORY}/Packages.db`]: 'RpmPx', [`${DIRECTORY}/Index.db`]: 'RpmX' });
    const result = await merge(merger, treeOf({}), { x, y });
    expect(result.conflicts).toMatchObject([
      {
        kind: 'merge',
        parts: ['x', 'y'],
        text: expect.stringMatching(/^the database of x is of the kind ndb, .*--rebuilddb/),
      },
    ]);
    expect(contentOf(result, `${DIRECTORY}/Packages.db`)?.toString()).toBe('RpmP');
  });

  it('are only ever asked in SQL that nothing in them has a part in', async () => {
    const stranger = join(work, 'stranger');
    const sql = `Name' WHERE 0; ATTACH '${stranger}' AS evil; CREATE TABLE evil.t(a); --`;
    const y = changed(
      readFileSync(join(baseWith('kernel-1.0'), DATABASE)),
      `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = '${sql.replaceAll("'", "''")}' WHERE name = 'Group'`,
    );
    expect(Buffer.from(y).includes(sql)).toBe(true);
    await merge(merger, tree(base), { x: tree(baseWith('kernel-2.0')), y: tree(base, { [DATABASE]: y }) });
    expect(existsSync(stranger)).toBe(false);
  });

  it('are a conflict where one part removes them', async () => {
    const result = await merge(merger, tree(base), { x: treeOf({}), y: tree(baseWith('kernel-1.0')) });
    expect(result.conflicts).toMatchObject([
      { kind: 'removed', parts: ['x', 'y'], text: 'the database: removed in x, changed in y' },
    ]);
  });

  it('are refused with a reason when they are damaged or not of rpm', async () => {
    const [x, y] = [baseWith('kernel-1.0'), baseWith('kernel-2.0')];
    const sound = readFileSync(join(y, DATABASE));
    const bad: readonly [RegExp, Uint8Array][] = [
      [/no database|not a database/, Buffer.alloc(4096, 'x')],
      [/no table of packages/, new Uint8Array()],
      [/damaged|malformed/, sound.subarray(0, sound.length / 2)],
      [/damaged|malformed/, Buffer.concat([sound.subarray(0, 8192), Buffer.alloc(sound.length - 8192, 1)])],
      [
        /trigger "evil" that rpm does not make/,
        changed(sound, 'CREATE TRIGGER evil AFTER INSERT ON Name BEGIN SELECT 1; END'),
      ],
      [/view "evil"/, changed(sound, 'CREATE VIEW evil AS SELECT randomblob(1000000000)')],
      [
        /table "evil"/,
        changed(sound, "CREATE TABLE 'evil' (key TEXT DEFAULT (randomblob(9)), hnum INTEGER)"),
      ],
      [/no number or no header/, changed(sound, "INSERT INTO Packages VALUES (9007199254740993, x'00')")],
      [/not the length/, changed(sound, "UPDATE Packages SET blob = x'0000000100'")],
      [
        /no name/,
        changed(sound, `UPDATE Packages SET blob = x'${'00000001'}${'00000000'}${'00'.repeat(16)}'`),
      ],
      [/other tables/, changed(sound, "DROP TABLE 'Enhancename'")],
    ];
    for (const [text, database] of bad) {
      const result = await merge(merger, tree(base), { x: tree(x), y: tree(y, { [DATABASE]: database }) });
      expect(result.conflicts).toMatchObject([
        { kind: 'merge', parts: ['x', 'y'], text: expect.stringMatching(text) },
      ]);
      expect(contentOf(result, DATABASE)?.equals(database)).toBe(true);
    }
  });

  /** The database with statements done to it. */
  function changed(content: Uint8Array, sql: string): Uint8Array {
    const path = join(mkdtempSync(join(work, 'changed-')), 'db');
    writeFileSync(path, content);
    const database = new DatabaseSync(path, { enableForeignKeyConstraints: false, defensive: false });
    database.exec(`PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE; ${sql}`);
    database.close();
    return readFileSync(path);
  }

  /** What statements add to the log of the database. */
  function logOf(content: Uint8Array, sql: string): Uint8Array {
    const path = join(mkdtempSync(join(work, 'log-')), 'db');
    writeFileSync(path, content);
    const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${sql}`);
    const log = readFileSync(`${path}-wal`);
    database.close();
    return log;
  }
});
