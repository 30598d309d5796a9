/**
 * rpm's databases of the sqlite kind (rpm 4.16 and later): a table of numbered headers, and for each tag that rpm looks
 * packages up by a table of keys with the numbers of the headers that have them.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { clipped } from '../../support/cells.ts';
import { AshlarError, codeOf, messageOf } from '../../support/errors.ts';
import { type RpmFile, readRpmFiles } from './rpm-files.ts';
import { type RpmDetails, type RpmHeader, readRpmDetails, readRpmHeader } from './rpm-header.ts';

/** Where rpm keeps its database: of old, and now in many distributions. */
export const RPM_DIRECTORIES = ['/var/lib/rpm', '/usr/lib/sysimage/rpm'];

export const RPM_DATABASE = 'rpmdb.sqlite';

/** Its write-ahead log; what is in there counts. */
export const RPM_JOURNAL = 'rpmdb.sqlite-wal';

/** The files of kinds that are not read here. */
export const OTHER_RPM_DATABASES: ReadonlyMap<string, string> = new Map([
  ['Packages', 'Berkeley DB'],
  ['Packages.db', 'ndb'],
]);

export interface RpmPackage extends RpmHeader {
  /** Its number in this database. */
  readonly number: number;
  /** SHA-256 of the header with all that its installation added. */
  readonly identity: string;
}

/** rpm numbers packages with 32 bits; half of them are room for what a merge adds. */
export const LARGEST_NUMBER = 2 ** 31;

const LARGEST_DATABASE = 2 ** 30;

/** A database in a file and a directory of its own, gone when disposed of. */
export class RpmDatabase implements Disposable {
  readonly directory: string;
  readonly path: string;
  readonly connection: DatabaseSync;
  /** The version of SQLite that wrote it: four bytes of its header. */
  readonly writer: Uint8Array;

  /** Throws AshlarError when it is no database as rpm makes them, is damaged or has more than 1 GiB. */
  constructor(content: Uint8Array, journal: Uint8Array = new Uint8Array()) {
    if (content.length + journal.length > LARGEST_DATABASE) throw new AshlarError('it has more than 1 GiB');
    this.directory = mkdtempSync(join(tmpdir(), 'ashlar-rpm-'));
    this.path = join(this.directory, RPM_DATABASE);
    this.writer = content.slice(96, 100);
    try {
      writeFileSync(this.path, content);
      if (journal.length > 0) writeFileSync(join(this.directory, RPM_JOURNAL), journal);
      this.connection = readingSqlite(
        () => new DatabaseSync(this.path, { enableForeignKeyConstraints: false }),
      );
    } catch (error) {
      rmSync(this.directory, { recursive: true });
      throw error;
    }
    try {
      readingSqlite(() => this.#check());
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.connection.close();
    rmSync(this.directory, { recursive: true });
  }

  /** In the order of their numbers. */
  packages(): readonly RpmPackage[] {
    // A number that does not fit is null here, and 0 below.
    const sql = `SELECT CASE WHEN hnum BETWEEN 1 AND ${LARGEST_NUMBER} THEN hnum END AS number, blob FROM Packages ORDER BY hnum`;
    return readingSqlite(() => {
      const packages: RpmPackage[] = [];
      for (const { number, blob } of this.connection.prepare(sql).iterate()) {
        if (Number(number) === 0 || !(blob instanceof Uint8Array))
          throw new AshlarError('it has a package with no number or no header');
        const identity = createHash('sha256').update(blob).digest('hex');
        packages.push({ ...readRpmHeader(blob), number: Number(number), identity });
      }
      return packages;
    });
  }

  /** What the headers say beyond that, in the same order. */
  details(): readonly RpmDetails[] {
    return readingSqlite(() => {
      const details: RpmDetails[] = [];
      for (const { blob } of this.connection.prepare('SELECT blob FROM Packages ORDER BY hnum').iterate())
        if (blob instanceof Uint8Array) details.push(readRpmDetails(blob));
      return details;
    });
  }

  /** The files of all packages, as the headers have them. */
  files(): readonly RpmFile[] {
    return readingSqlite(() => {
      const files: RpmFile[] = [];
      for (const { blob } of this.connection.prepare('SELECT blob FROM Packages ORDER BY hnum').iterate())
        if (blob instanceof Uint8Array) for (const file of readRpmFiles(blob)) files.push(file);
      return files;
    });
  }

  /** The tables that packages are looked up by, sorted; words that need no quoting in SQL. */
  indexes(): readonly string[] {
    // The names of the schema itself may be other ones, and anything.
    return this.#schema()
      .flatMap(({ sql }) => INDEX_TABLE.exec(sql)?.[1] ?? [])
      .sort();
  }

  #schema(): readonly { readonly type: string; readonly name: string; readonly sql: string }[] {
    const rows = this.connection.prepare('SELECT type, name, sql FROM sqlite_schema').all();
    return rows.map(({ type, name, sql }) => ({ type: String(type), name: String(name), sql: String(sql) }));
  }

  /** Whoever made the image made this, too: only what rpm puts there, in a file that hangs together. */
  #check(): void {
    const schema = this.#schema();
    if (!schema.some(({ sql }) => PACKAGES.test(sql))) throw new AshlarError('it has no table of packages');
    for (const { type, name, sql } of schema)
      if (!RPM_SCHEMA.some(form => form.test(sql)))
        throw new AshlarError(`it has a ${type} "${clipped(name, 80)}" that rpm does not make`);
    const found = this.connection.prepare('PRAGMA quick_check(1)').get()?.quick_check;
    if (found !== 'ok') throw new AshlarError(`it is damaged: ${String(found)}`);
    // All of it in the one file, which need not survive a crash.
    this.connection.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE');
  }
}

const PACKAGES = /^CREATE TABLE 'Packages' \(hnum INTEGER PRIMARY KEY AUTOINCREMENT,\s*blob BLOB NOT NULL\)$/;

const INDEX_TABLE =
  /^CREATE TABLE '(\w+)' \(key '(TEXT|BLOB)' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, FOREIGN KEY \(hnum\) REFERENCES 'Packages'\(hnum\)\)$/;

const RPM_SCHEMA = [
  PACKAGES,
  INDEX_TABLE,
  /^CREATE INDEX '\w+' ON '\w+'\((key|hnum) ASC\)$/,
  /^CREATE TABLE sqlite_(sequence\(name,seq\)|stat1\(tbl,idx,stat\)|stat4\(tbl,idx,neq,nlt,ndlt,sample\))$/,
];

/** Does something with a database that may be damaged; what SQLite then says is an AshlarError. */
export function readingSqlite<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (codeOf(error) !== 'ERR_SQLITE_ERROR') throw error;
    throw new AshlarError(`it cannot be read: ${clipped(messageOf(error), 200)}`, { cause: error });
  }
}
