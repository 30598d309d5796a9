import { rmSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { FileStamp, StatCache } from '../../layers/index.ts';
import { lockFile } from '../../linux/index.ts';
import type { Digest } from '../../oci/index.ts';
import { type Forgotten, forget } from './forgetting.ts';

/** Raised when a table changes; an index of another version is made anew: it holds nothing that cannot be made again. */
const VERSION = 7;

const SCHEMA = `
  CREATE TABLE steps (key TEXT PRIMARY KEY, diff_id TEXT, created TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE layers (
    diff_id TEXT NOT NULL, compression TEXT NOT NULL, media_type TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (diff_id, compression)) WITHOUT ROWID;
  CREATE TABLE blobs (digest TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE images (key TEXT PRIMARY KEY, record TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE bases (reference TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE files (inode TEXT PRIMARY KEY, stamp TEXT NOT NULL, what TEXT NOT NULL, made INTEGER NOT NULL DEFAULT (unixepoch())) WITHOUT ROWID;
  CREATE TABLE downloads (url TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE lookups (key TEXT PRIMARY KEY, answer TEXT NOT NULL, made INTEGER NOT NULL DEFAULT (unixepoch())) WITHOUT ROWID;
  CREATE TABLE history (project TEXT NOT NULL, image TEXT NOT NULL, record TEXT NOT NULL, made INTEGER NOT NULL DEFAULT (unixepoch()), PRIMARY KEY (project, image)) WITHOUT ROWID;
  CREATE TABLE contents (diff_id TEXT PRIMARY KEY, contents BLOB NOT NULL, made INTEGER NOT NULL DEFAULT (unixepoch()));
  CREATE TABLE listings (identity TEXT PRIMARY KEY, entries BLOB NOT NULL, made INTEGER NOT NULL DEFAULT (unixepoch()));
`;

export interface StepRecord {
  /** Undefined when the step changed nothing. */
  readonly diffId: Digest | undefined;
  /** RFC 3339. */
  readonly created: string;
}

export interface LayerBlob {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Tables of text to JSON text: small memories with one key. */
export type Memory = 'images' | 'bases' | 'downloads' | 'lookups';

const MEMORIES: Readonly<Record<Memory, { readonly key: string; readonly value: string }>> = {
  images: { key: 'key', value: 'record' },
  bases: { key: 'reference', value: 'record' },
  downloads: { key: 'url', value: 'record' },
  lookups: { key: 'key', value: 'answer' },
};

/** Files that are remembered by one statement. */
const AT_ONCE = 4096;

/**
 * The index of the store: what is known about steps, layers, blobs and files. SQLite in WAL mode: other builds read and
 * write at the same time, and a process that is killed leaves it consistent.
 */
export class Database implements Disposable {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** `onOld` is called when what was there is of another version, or unreadable, and is begun anew. */
  constructor(path: string, onOld: () => void = () => {}) {
    this.#connection = open(path, onOld);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  step(key: string): StepRecord | undefined {
    const row = this.#get('SELECT diff_id, created FROM steps WHERE key = ?', key);
    if (!row) return undefined;
    return {
      diffId: row.diff_id === null ? undefined : (String(row.diff_id) as Digest),
      created: String(row.created),
    };
  }

  addStep(key: string, { diffId, created }: StepRecord): void {
    this.#run('INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?)', key, diffId ?? null, created, Date.now());
  }

  layer(diffId: Digest, compression: string): LayerBlob | undefined {
    const row = this.#get('SELECT * FROM layers WHERE diff_id = ? AND compression = ?', diffId, compression);
    if (!row) return undefined;
    return {
      mediaType: String(row.media_type),
      digest: String(row.digest) as Digest,
      size: Number(row.size),
    };
  }

  addLayer(diffId: Digest, compression: string, { mediaType, digest, size }: LayerBlob): void {
    this.#run(
      'INSERT OR REPLACE INTO layers VALUES (?, ?, ?, ?, ?)',
      diffId,
      compression,
      mediaType,
      digest,
      size,
    );
  }

  /** The file stamp of a blob when its content was last known to be right. */
  blobStamp(digest: Digest): string | undefined {
    const stamp = this.#get('SELECT stamp FROM blobs WHERE digest = ?', digest)?.stamp;
    return stamp === undefined ? undefined : String(stamp);
  }

  addBlobStamp(digest: Digest, stamp: string): void {
    this.#run('INSERT OR REPLACE INTO blobs VALUES (?, ?)', digest, stamp);
  }

  /** What is known of files that did not change since they were read. */
  readonly files: StatCache = {
    get: stamps => {
      const rows = this.#prepare(
        'SELECT inode, stamp, what FROM files WHERE inode IN (SELECT value FROM json_each(?))',
      ).all(JSON.stringify(stamps.map(inodeOf)));
      const known = new Map(rows.map(({ inode, stamp, what }) => [`${inode} ${stamp}`, String(what)]));
      return stamps.map(stamp => known.get(`${inodeOf(stamp)} ${timesOf(stamp)}`));
    },
    set: files => {
      // Large trees are not to be in memory as text as well.
      for (let at = 0; at < files.length; at += AT_ONCE)
        this.#run(
          `INSERT OR REPLACE INTO files (inode, stamp, what)
           SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)`,
          JSON.stringify(
            files.slice(at, at + AT_ONCE).map(([stamp, what]) => [inodeOf(stamp), timesOf(stamp), what]),
          ),
        );
    },
  };

  /** What the last build of an image in a project was made of, as text. */
  history(project: string, image: string): string | undefined {
    const row = this.#get('SELECT record FROM history WHERE project = ? AND image = ?', project, image);
    return row && String(row.record);
  }

  addHistory(project: string, image: string, record: string): void {
    this.#run(
      'INSERT OR REPLACE INTO history (project, image, record) VALUES (?, ?, ?)',
      project,
      image,
      record,
    );
  }

  /** The compressed entries of a directory by its identity. */
  listing(identity: string): Uint8Array | undefined {
    const entries = this.#get('SELECT entries FROM listings WHERE identity = ?', identity)?.entries;
    return entries instanceof Uint8Array ? entries : undefined;
  }

  hasListing(identity: string): boolean {
    return this.#get('SELECT 1 FROM listings WHERE identity = ?', identity) !== undefined;
  }

  addListing(identity: string, entries: Uint8Array): void {
    this.#run('INSERT OR REPLACE INTO listings (identity, entries) VALUES (?, ?)', identity, entries);
  }

  /** What a layer says, in the form of `encodeContents`. */
  contents(diffId: Digest): Uint8Array | undefined {
    const contents = this.#get('SELECT contents FROM contents WHERE diff_id = ?', diffId)?.contents;
    if (!(contents instanceof Uint8Array)) return undefined;
    this.#refresh('contents', 'diff_id', diffId);
    return contents;
  }

  hasContents(diffId: Digest): boolean {
    return this.#get('SELECT 1 FROM contents WHERE diff_id = ?', diffId) !== undefined;
  }

  addContents(diffId: Digest, contents: Uint8Array): void {
    this.#run('INSERT OR REPLACE INTO contents (diff_id, contents) VALUES (?, ?)', diffId, contents);
  }

  recall(memory: Memory, key: string): unknown {
    const { key: column, value } = MEMORIES[memory];
    const text = this.#get(`SELECT ${value} AS value FROM ${memory} WHERE ${column} = ?`, key)?.value;
    if (memory === 'lookups' && text !== undefined) this.#refresh(memory, column, key);
    return text === undefined ? undefined : JSON.parse(String(text));
  }

  /** What is of use is not forgotten. Most often there is nothing to write. */
  #refresh(table: 'lookups' | 'contents', column: string, key: string): void {
    const old = this.#get(`SELECT 1 FROM ${table} WHERE ${column} = ? AND made < unixepoch() - 86400`, key);
    if (old) this.#run(`UPDATE ${table} SET made = unixepoch() WHERE ${column} = ?`, key);
  }

  remember(memory: Memory, key: string, value: unknown): void {
    const text = JSON.stringify(value);
    const { key: column, value: valueColumn } = MEMORIES[memory];
    if (memory === 'images')
      this.#run('INSERT OR REPLACE INTO images VALUES (?, ?, ?)', key, text, Date.now());
    else this.#run(`INSERT OR REPLACE INTO ${memory} (${column}, ${valueColumn}) VALUES (?, ?)`, key, text);
  }

  /** Removes what is about to lose its files, and what has not been of use for long. */
  forget(what: Forgotten): void {
    forget(this.#connection, what);
  }

  #get(sql: string, ...values: readonly SQLInputValue[]) {
    return this.#prepare(sql).get(...values);
  }

  #run(sql: string, ...values: readonly SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function inodeOf({ device, inode }: FileStamp): string {
  return `${device}:${inode}`;
}

function timesOf({ size, mtime, ctime }: FileStamp): string {
  return `${size} ${mtime} ${ctime}`;
}

function open(path: string, onOld: () => void): DatabaseSync {
  // SQLite does not wait for others when it goes over to WAL: of two builds that make the index together, one would fail.
  using _lock = lockFile(`${path}.lock`, { mode: 'exclusive', wait: true });
  try {
    return openCurrent(path);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    // Not a database, or one of another version: everything in it can be found out again.
    onOld();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return openCurrent(path);
  }
}

class OtherVersion extends Error {}

function openCurrent(path: string): DatabaseSync {
  const connection = new DatabaseSync(path);
  try {
    connection.exec('PRAGMA busy_timeout = 20000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    const version = Number(connection.prepare('PRAGMA user_version').get()?.user_version);
    // In one transaction: a process that is killed leaves no half of the tables.
    if (version === 0) connection.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT`);
    if (version !== 0 && version !== VERSION) throw new OtherVersion();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  if (error instanceof OtherVersion) return true;
  // SQLITE_CORRUPT, SQLITE_NOTADB (https://www.sqlite.org/rescode.html)
  return error instanceof Error && 'errcode' in error && (error.errcode === 11 || error.errcode === 26);
}
