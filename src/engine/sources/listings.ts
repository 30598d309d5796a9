/** What was in directories, entry by entry: so that a later build can say what in them has changed. */
import { deflateSync, inflateSync } from 'node:zlib';
import type { ListedEntry } from '../../layers/index.ts';
import type { Database } from '../store/database.ts';

/** Paths to descriptions. */
type Listing = Readonly<Record<string, string>>;

/** Remembers the entries of a directory, unless its identity was met before. */
export function rememberListing(
  identity: string,
  entries: readonly ListedEntry[],
  database: Pick<Database, 'hasListing' | 'addListing'>,
): void {
  if (entries.length === 0 || database.hasListing(identity)) return;
  const listed: Listing = Object.fromEntries(entries.map(({ path, description }) => [path, description]));
  database.addListing(identity, deflateSync(JSON.stringify(listed), { level: 1 }));
}

/**
 * The paths, relative to the directory, that are new, gone or different in it; undefined when one of the two was never
 * listed.
 */
export function changedPaths(
  before: string,
  after: string,
  database: Pick<Database, 'listing'>,
): readonly string[] | undefined {
  const [old, now] = [before, after].map(identity => readListing(identity, database));
  if (!old || !now) return undefined;
  const paths = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...paths].filter(path => old[path] !== now[path]).sort();
}

function readListing(identity: string, database: Pick<Database, 'listing'>): Listing | undefined {
  const bytes = database.listing(identity);
  return bytes && (JSON.parse(inflateSync(bytes).toString()) as Listing);
}
