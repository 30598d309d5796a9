import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rpm } from '../../../src/stacking/mergers/rpm.ts';
import { RpmDatabase } from '../../../src/stacking/packages/rpm-database.ts';
import { contentOf, merge, type TestTree, treeOf } from './views.ts';

const DATABASE = '/var/lib/rpm/rpmdb.sqlite';

/** Versions by name. */
type System = Readonly<Record<string, string>>;

const INDEXES = { Name: 'TEXT', Providename: 'TEXT', Installtid: 'BLOB' } as const;

/** A database as rpm makes them, with a few of its tables; a package installed by `who` differs from others'. */
function database(system: System, who: string): TestTree {
  const path = join(tmpdir(), `ashlar-rows-${randomUUID()}`);
  const connection = new DatabaseSync(path);
  connection.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF');
  connection.exec("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)");
  for (const [table, type] of Object.entries(INDEXES))
    connection.exec(
      `CREATE TABLE '${table}' (key '${type}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum));
       CREATE INDEX '${table}_key_idx' ON '${table}'(key ASC)`,
    );
  for (const [name, version] of Object.entries(system)) {
    const { lastInsertRowid } = connection
      .prepare('INSERT INTO Packages (blob) VALUES (?)')
      .run(header({ 1000: name, 1001: version, 1002: '1', 1022: 'noarch', 1006: who }));
    const insert = (table: string, key: string | Buffer, index: number) =>
      connection.prepare(`INSERT INTO '${table}' VALUES (?, ?, ?)`).run(key, lastInsertRowid, index);
    insert('Name', name, 0);
    [name, `${name}(${version})`].forEach((key, i) => void insert('Providename', key, i));
    insert('Installtid', Buffer.from(who), 0);
  }
  connection.close();
  const content = readFileSync(path);
  rmSync(path);
  return treeOf({ [DATABASE]: content, '/var/lib/rpm/.touched': who });
}

/** Strings by tag. */
function header(tags: Readonly<Record<number, string>>): Buffer {
  const texts = Object.values(tags).map(text => Buffer.from(`${text}\0`));
  let offset = 0;
  const entries = Object.keys(tags).map((tag, i) => {
    const entry = Buffer.alloc(16);
    [Number(tag), 6, offset, 1].forEach((value, at) => void entry.writeUInt32BE(value, 4 * at));
    offset += texts[i]?.length ?? 0;
    return entry;
  });
  const intro = Buffer.alloc(8);
  intro.writeUInt32BE(entries.length, 0);
  intro.writeUInt32BE(offset, 4);
  return Buffer.concat([intro, ...entries, ...texts]);
}

/** The packages of a database, of which every table must tell the same. */
function systemIn(content: Buffer | undefined): System {
  using opened = new RpmDatabase(content ?? Buffer.alloc(0));
  const packages = opened.packages();
  const keys = (table: string) =>
    opened.connection
      .prepare(`SELECT hnum, idx, CAST(key AS TEXT) AS key FROM '${table}' ORDER BY hnum, idx`)
      .all()
      .map(({ hnum, idx, key }) => `${hnum} ${idx} ${key}`);
  expect(keys('Name')).toEqual(packages.map(({ number, name }) => `${number} 0 ${name}`));
  expect(keys('Providename')).toEqual(
    packages.flatMap(({ number, name, version }) => [
      `${number} 0 ${name}`,
      `${number} 1 ${name}(${version.replace('-1', '')})`,
    ]),
  );
  expect(keys('Installtid')).toHaveLength(packages.length);
  return Object.fromEntries(packages.map(({ name, version }) => [name, version.replace('-1', '')]).sort());
}

const systems = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('1', '2', '3'), {
  noNullPrototype: true,
});
const RUNS = { numRuns: 30 };

describe("rows of rpm's database", () => {
  it('are those of one part where the other one has installed the same packages again at most', () =>
    fc.assert(
      fc.asyncProperty(systems, systems, async (before, after) => {
        const [base, x, y] = [database(before, 'base'), database(after, 'x'), database(before, 'y')];
        for (const parts of [
          { x, y },
          { y, x },
        ]) {
          const result = await merge(rpm, base, parts);
          expect(result.conflicts).toEqual([]);
          expect(systemIn(contentOf(result, DATABASE))).toEqual(
            Object.fromEntries(Object.entries(after).sort()),
          );
        }
      }),
      RUNS,
    ));

  it('are of the same packages in either order where nobody disagrees', () =>
    fc.assert(
      fc.asyncProperty(systems, systems, systems, async (before, one, other) => {
        const [base, x, y] = [database(before, 'base'), database(one, 'x'), database(other, 'y')];
        const [upward, downward] = [await merge(rpm, base, { x, y }), await merge(rpm, base, { y, x })];
        const [first, second] = [upward, downward].map(result => systemIn(contentOf(result, DATABASE)));
        expect(upward.conflicts.length).toBe(downward.conflicts.length);
        if (upward.conflicts.length === 0) expect(first).toEqual(second);
      }),
      RUNS,
    ));
});
