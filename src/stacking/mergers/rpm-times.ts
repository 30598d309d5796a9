/** When packages were installed, in databases of rpm: a header says it, and so do the keys of one table. */
import { RpmDatabase, readingSqlite } from '../packages/rpm-database.ts';
import { rewriteRpmDatabase } from './rpm-rows.ts';

/** The time of its installation, and of the transaction that it was part of: both are seconds since 1970. */
const TIMES = new Set([1008, 1128]);

const ENTRY_SIZE = 16;

/** The table that packages are looked up in by their transaction. */
const TRANSACTIONS = 'Installtid';

/**
 * The bytes of a database in which nothing was installed later than `latest`, in seconds since 1970. They do not tell
 * when else it was made. Throws AshlarError when it is no database as rpm makes them.
 */
export function steadyRpmDatabase(content: Uint8Array, journal: Uint8Array, latest: number): Uint8Array {
  using database = new RpmDatabase(content, journal);
  readingSqlite(() => {
    const { connection } = database;
    const tables = [
      { name: 'Packages', column: 'blob', steady: steadyHeader },
      ...(database.indexes().includes(TRANSACTIONS)
        ? [{ name: TRANSACTIONS, column: 'key', steady: steadyKey }]
        : []),
    ];
    for (const { name, column, steady } of tables) {
      const change = connection.prepare(`UPDATE ${name} SET ${column} = ? WHERE rowid = ?`);
      for (const row of connection.prepare(`SELECT rowid AS number, ${column} AS bytes FROM ${name}`).all()) {
        const { number, bytes } = row;
        if (bytes instanceof Uint8Array && typeof number === 'number')
          change.run(steady(bytes, latest), number);
      }
    }
  });
  return rewriteRpmDatabase(database, [], []);
}

function steadyHeader(blob: Uint8Array, latest: number): Uint8Array {
  const header = Buffer.from(blob);
  const store = header.length < 8 ? 0 : 8 + header.readUInt32BE(0) * ENTRY_SIZE;
  if (store > header.length) return header;
  for (let entry = 8; entry < store; entry += ENTRY_SIZE) {
    const time = store + header.readUInt32BE(entry + 8);
    if (!TIMES.has(header.readUInt32BE(entry)) || time + 4 > header.length) continue;
    header.writeUInt32BE(Math.min(header.readUInt32BE(time), latest), time);
  }
  return header;
}

/** rpm writes keys as the machine has its numbers, which is the same on all machines that ashlar runs on. */
function steadyKey(blob: Uint8Array, latest: number): Uint8Array {
  const key = Buffer.from(blob);
  if (key.length === 4) key.writeUInt32LE(Math.min(key.readUInt32LE(), latest));
  return key;
}
