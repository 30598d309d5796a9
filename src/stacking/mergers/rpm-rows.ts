/** Moves packages between databases of rpm, with all that they are looked up by. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { LARGEST_NUMBER, type RpmDatabase, readingSqlite } from '../packages/rpm-database.ts';

export interface AddedRows {
  readonly from: RpmDatabase;
  /** Of packages in that database, ascending. */
  readonly numbers: readonly number[];
}

/**
 * The bytes of `database` without the packages `removed`, and with those that are `added`, which get new numbers in
 * their order. The same bytes whenever it is made of the same ones. The database itself is changed, too.
 * Throws AshlarError when SQLite finds something wrong with one of them.
 */
export function rewriteRpmDatabase(
  database: RpmDatabase,
  removed: readonly number[],
  added: readonly AddedRows[],
): Uint8Array {
  return readingSqlite(() => {
    exchange(database, removed, added);
    return compacted(database);
  });
}

function exchange(database: RpmDatabase, removed: readonly number[], added: readonly AddedRows[]): void {
  const { connection } = database;
  const indexes = database.indexes();
  connection.exec('PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536');
  connection.exec('CREATE TEMP TABLE chosen (old INTEGER PRIMARY KEY, new INTEGER)');
  choose(connection, removed, 0);
  for (const table of [...indexes, 'Packages'])
    connection.exec(`DELETE FROM main.'${table}' WHERE hnum IN (SELECT old FROM chosen)`);
  for (const { from, numbers } of added) {
    connection.prepare('ATTACH ? AS part').run(from.path);
    choose(connection, numbers, lastNumber(connection) + 1);
    const chosen = 'FROM chosen CROSS JOIN part.';
    connection.exec(
      `INSERT INTO main.Packages (hnum, blob) SELECT new, blob ${chosen}Packages ON hnum = old ORDER BY old`,
    );
    for (const table of indexes)
      connection.exec(
        `INSERT INTO main.'${table}' SELECT key, new, idx ${chosen}'${table}' AS rows ON hnum = old ORDER BY old, rows.rowid`,
      );
    connection.exec('DETACH part');
  }
}

/** Fills the table of chosen packages: their numbers, and new ones from `first` on. */
function choose(connection: DatabaseSync, numbers: readonly number[], first: number): void {
  connection.exec('DELETE FROM chosen');
  connection
    .prepare('INSERT INTO chosen SELECT value, key + ? FROM json_each(?)')
    .run(first, JSON.stringify(numbers));
}

/** The last number that a package has got, be it gone; not one that cannot be. */
function lastNumber(connection: DatabaseSync): number {
  const sql = `SELECT max(number) AS last FROM (
    SELECT hnum AS number FROM main.Packages
    UNION ALL SELECT seq FROM main.sqlite_sequence WHERE name = 'Packages' AND seq BETWEEN 1 AND ${LARGEST_NUMBER})`;
  return Number(connection.prepare(sql).get()?.last);
}

/** A copy without gaps, in one file. */
function compacted({ connection, directory, writer }: RpmDatabase): Uint8Array {
  const path = join(directory, 'compacted');
  connection.prepare('VACUUM INTO ?').run(path);
  const content = readFileSync(path);
  // The version of SQLite here must not make a difference.
  content.set(writer, 96);
  return content;
}
