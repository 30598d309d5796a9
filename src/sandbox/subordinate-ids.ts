/** The files that say which ids besides their own plain users may use in user namespaces: subuid(5) and subgid(5). */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { AshlarError } from '../support/errors.ts';

/** As many as useradd(8) gives. */
const COUNT = 65_536;
/** Where useradd(8) begins. */
const FIRST = 100_000;
const HIGHEST = 2 ** 32 - 2;

export interface SubordinateUser {
  /** A name, or an id in digits for a user that has none here. */
  readonly name: string;
  readonly uid: number;
  /** The own id of the kind that the file is about: it must not be in the range. */
  readonly ownId: number;
}

/**
 * Appends a range for a user to a file unless there is one; returns whether there was none. It is the first free one
 * above all others. @throws AshlarError when no ids are left.
 */
export function addSubordinateRange(file: string, { name, uid, ownId }: SubordinateUser): boolean {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const ranges = text.split('\n').flatMap(line => {
    const [owner, start, count] = line.split(':');
    return owner === undefined || count === undefined ? [] : [{ owner, end: Number(start) + Number(count) }];
  });
  if (ranges.some(({ owner }) => owner === name || owner === String(uid))) return false;
  const free = Math.max(FIRST, ...ranges.map(({ end }) => end).filter(Number.isFinite));
  const start = ownId >= free && ownId < free + COUNT ? ownId + 1 : free;
  if (start + COUNT - 1 > HIGHEST) throw new AshlarError(`no ${COUNT} ids are left above those in ${file}`);
  const newline = text === '' || text.endsWith('\n') ? '' : '\n';
  appendFileSync(file, `${newline}${name}:${start}:${COUNT}\n`);
  return true;
}
