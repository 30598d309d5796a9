/** Files that are a series of records (lines, stanzas, blocks), each of which is told from others by a key. */
import type { ByteString } from '../../layers/index.ts';
import type { Conflict } from '../types.ts';
import type { TextMerge, TextSide } from './texts.ts';

export interface FileRecord {
  /** No two records of a file have the same one. */
  readonly key: string;
  /** As it stands in the file, with what ends it. */
  readonly text: ByteString;
}

/** A record that several parts changed, each in a way of its own. */
export interface Disagreement {
  readonly path: string;
  readonly key: string;
  /** Undefined where it is new. */
  readonly base: ByteString | undefined;
  /** Those that changed it, lowest first; without text where they removed it. */
  readonly sides: readonly RecordSide[];
}

export interface RecordSide {
  readonly part: string;
  readonly text: ByteString | undefined;
}

/** What becomes of a record; without text it is removed. */
export interface Reconciled {
  readonly text: ByteString | undefined;
  readonly conflicts: readonly Conflict[];
}

export interface RecordForm {
  /** In the order of the file. Throws an AshlarError that names the record that cannot be understood. */
  parse(text: ByteString): readonly FileRecord[];
  reconcile(disagreement: Disagreement): Reconciled;
}

/** Record by record: what one part changed is in the result, what several changed differently is reconciled. */
export function recordMerge(form: RecordForm): TextMerge {
  return (path, base, sides) => {
    const { records, conflicts } = mergeRecords(form, path, base, sides);
    return { text: records.map(({ text }) => text).join(''), conflicts };
  };
}

export interface MergedRecords {
  /** Those of the base first, new ones behind what they follow in their part. */
  readonly records: readonly FileRecord[];
  readonly conflicts: readonly Conflict[];
}

export function mergeRecords(
  form: RecordForm,
  path: string,
  base: ByteString,
  sides: readonly TextSide[],
): MergedRecords {
  const before = recordMap(form.parse(base));
  const after = sides.map(({ part, text }) => ({ part, records: recordMap(form.parse(text)) }));
  const records: FileRecord[] = [];
  const conflicts: Conflict[] = [];
  for (const key of mergedOrder([before, ...after.map(side => side.records)].map(map => [...map.keys()]))) {
    const old = before.get(key);
    const changes = after
      .map(side => ({ part: side.part, text: side.records.get(key) }))
      .filter(({ text }) => text !== old);
    const agreed = changes.every(({ text }) => text === changes[0]?.text);
    const result = agreed
      ? { text: changes.length > 0 ? changes[0]?.text : old, conflicts: [] }
      : form.reconcile({ path, key, base: old, sides: changes });
    if (result.text !== undefined) records.push({ key, text: result.text });
    conflicts.push(...result.conflicts);
  }
  return { records, conflicts };
}

function recordMap(records: readonly FileRecord[]): ReadonlyMap<string, ByteString> {
  return new Map(records.map(({ key, text }) => [key, text]));
}

/** The last change prevails, and people are told what they were. */
export function lastPrevails(
  { path, sides }: Disagreement,
  subject: string,
  kind: Conflict['kind'] = 'merge',
): Reconciled {
  const parts = sides.map(({ part }) => part);
  const removers = sides.filter(({ text }) => text === undefined).map(({ part }) => part);
  const changers = sides.filter(({ text }) => text !== undefined).map(({ part }) => part);
  const text =
    removers.length > 0
      ? `${subject} is removed in ${removers.join(' and ')} and changed in ${changers.join(' and ')}`
      : `${subject} differs in ${parts.join(' and ')}`;
  return { text: sides.at(-1)?.text, conflicts: [{ kind, path, parts, text }] };
}

/** A set three-way: what anybody added is in, what anybody removed is out. In the order of the base, then of the others. */
export function uniteItems(
  base: readonly string[],
  versions: readonly (readonly string[])[],
): readonly string[] {
  const [before, ...after] = [base, ...versions].map(items => new Set(items));
  const kept = base.filter(item => after.every(version => version.has(item)));
  const added = versions.flat().filter(item => !before?.has(item));
  return [...new Set([...kept, ...added])];
}

/**
 * All keys, each once. Those of the first list in its order; what another list adds comes behind the key that it
 * follows there, and behind what lists before it have added at that place.
 */
export function mergedOrder(lists: readonly (readonly string[])[]): readonly string[] {
  // The order as a chain: names of keys begin with a colon, so that none is the start.
  const next = new Map<string, string | undefined>();
  const START = '';
  next.set(START, undefined);
  for (const list of lists) {
    const own = new Set(list);
    let last = START;
    for (const key of list) {
      const name = `:${key}`;
      if (!next.has(name)) {
        for (let at = next.get(last); at !== undefined && !own.has(at.slice(1)); at = next.get(last))
          last = at;
        next.set(name, next.get(last));
        next.set(last, name);
      }
      last = name;
    }
  }
  const order: string[] = [];
  for (let at = next.get(START); at !== undefined; at = next.get(at)) order.push(at.slice(1));
  return order;
}
