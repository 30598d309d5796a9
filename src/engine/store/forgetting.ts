/** What the index no longer knows when things are removed from the store, or have not been used for long. */
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

export interface Forgotten {
  /** Digests of blobs that are about to go. */
  readonly blobs: readonly string[];
  /** Keys of steps that builds still ask for although they made no layer. */
  readonly steps: ReadonlySet<string>;
  /** Milliseconds since 1970: what is only remembered to save time is forgotten when it is older. */
  readonly before: number;
}

/** In one transaction: a process that is killed leaves an index that names nothing that is not there. */
export function forget(connection: DatabaseSync, { blobs, steps, before }: Forgotten): void {
  const gone = JSON.stringify(blobs);
  const hex = JSON.stringify(blobs.map(digest => digest.slice(digest.indexOf(':') + 1)));
  connection.exec('BEGIN IMMEDIATE');
  try {
    for (const [table, digest, list] of [
      ['layers', 'digest', gone],
      ['blobs', 'digest', gone],
      ['images', "json_extract(record, '$.digest')", gone],
      ['downloads', "json_extract(record, '$.sha256')", hex],
    ] as const) {
      connection
        .prepare(`DELETE FROM ${table} WHERE ${digest} IN (SELECT value FROM json_each(?))`)
        .run(list);
    }
    connection.exec(
      'DELETE FROM steps WHERE diff_id IS NOT NULL AND diff_id NOT IN (SELECT diff_id FROM layers)',
    );
    forgetSteps(connection, steps, before);
    forgetBases(connection, new Set(blobs));
    forgetHistory(connection, before);
    // Those of layers of ours are of use as long as the layers are.
    connection
      .prepare('DELETE FROM contents WHERE made * 1000 < ? AND diff_id NOT IN (SELECT diff_id FROM layers)')
      .run(before);
    for (const table of ['files', 'lookups', 'listings'])
      connection.prepare(`DELETE FROM ${table} WHERE made * 1000 < ?`).run(before);
    connection.exec('COMMIT');
  } catch (error) {
    connection.exec('ROLLBACK');
    throw error;
  }
}

/** Steps that changed nothing have no layer that would tell whether somebody still wants them. */
function forgetSteps(connection: DatabaseSync, wanted: ReadonlySet<string>, before: number): void {
  const remove = connection.prepare('DELETE FROM steps WHERE key = ?');
  const rows = connection.prepare('SELECT key FROM steps WHERE diff_id IS NULL AND used < ?').all(before);
  for (const { key } of rows) if (!wanted.has(String(key))) remove.run(String(key));
}

/** What a project was made of is told as long as there is the project. */
function forgetHistory(connection: DatabaseSync, before: number): void {
  const remove = connection.prepare('DELETE FROM history WHERE project = ? AND made * 1000 < ?');
  for (const { project } of connection.prepare('SELECT DISTINCT project FROM history').all())
    if (!existsSync(String(project))) remove.run(String(project), before);
}

/** What is known of an image in a registry lets builds go on without it, as long as a layer of it is here. */
function forgetBases(connection: DatabaseSync, gone: ReadonlySet<string>): void {
  const remove = connection.prepare('DELETE FROM bases WHERE reference = ?');
  for (const { reference, record } of connection.prepare('SELECT reference, record FROM bases').all()) {
    const { manifest } = JSON.parse(String(record)) as { manifest?: { layers?: { digest: string }[] } };
    const layers = manifest?.layers ?? [];
    if (layers.length > 0 && layers.every(({ digest }) => gone.has(digest))) remove.run(String(reference));
  }
}
