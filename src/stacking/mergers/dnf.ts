/** What dnf 4 and 5 remember besides the database of rpm: why packages are there, and which transactions there were. */
import { AshlarError } from '../../support/errors.ts';
import type { Merger } from '../merger.ts';
import { mergeDatabase } from './database.ts';
import { linesOf, numbered, refuseDoubles } from './lines.ts';
import { type FileRecord, lastPrevails, type RecordForm, recordMerge } from './records.ts';
import { joined, mergeTexts, NOTHING } from './texts.ts';

const STATE = '/usr/lib/sysimage/libdnf5';

/** Of dnf 4; its reasons for packages are in there, too. */
const HISTORY = ['/var/lib/dnf', 'history.sqlite'] as const;

/** Of dnf 5; a log. */
const TRANSACTIONS = [STATE, 'transaction_history.sqlite'] as const;

const DATABASES = [HISTORY, TRANSACTIONS].map(names => names.join('/'));

/** Databases that are not merged, but whose files belong together: all of them come from the part that prevails. */
export const dnfHistory: Merger = {
  name: 'dnf history',
  whole: true,
  // With the files that SQLite keeps beside each.
  answersFor: path => DATABASES.some(database => path.startsWith(database)),
  ruledBy: path => DATABASES.find(database => path.startsWith(database)) ?? path,
  async merge(input) {
    const kept = (names: readonly [string, string]) =>
      mergeDatabase(names[0], [names[1]], input, async () => {
        throw new AshlarError(
          "only one part's history of dnf is kept: packages that others have count as installed by the user",
        );
      });
    const [history, transactions] = [await kept(HISTORY), await kept(TRANSACTIONS)];
    return joined([history, { ...transactions, conflicts: [] }]);
  },
};

/** Tables of dnf 5: `packages.toml` and others, each with a line or a table of its own for whatever is installed. */
export const dnfState: Merger = {
  name: 'dnf state',
  answersFor: path => path.startsWith(`${STATE}/`) && path.endsWith('.toml'),
  async merge(input) {
    const results = input.paths.map(path =>
      // The state of the rpm database that it belongs to: not the one of the result, which dnf finds out.
      path.endsWith('/system.toml') ? NOTHING : mergeTexts(input, path, recordMerge(tables)),
    );
    return joined(await Promise.all(results));
  },
};

/** TOML, as far as such files go: tables, and keys with values that may take several lines. */
const tables: RecordForm = {
  parse(text) {
    const records: FileRecord[] = [];
    const lines = linesOf(text);
    let table = '';
    for (let at = 0; at < lines.length; ) {
      const line = lines[at] ?? '';
      const header = /^\s*(\[.*\])\s*$/.exec(line)?.[1];
      const key = /^\s*("(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+)\s*=/.exec(line)?.[1];
      const end = header === undefined && key !== undefined ? endOfValue(lines, at) : at + 1;
      const whole = `${lines.slice(at, end).join('\n')}\n`;
      if (header !== undefined) table = header;
      if (header !== undefined) records.push({ key: header, text: whole });
      else if (key !== undefined) records.push({ key: `${table} ${key}`, text: whole });
      else if (/^\s*(#|$)/.test(line)) records.push({ key: `\n${line}`, text: whole });
      else throw new AshlarError(`line ${at + 1} is not understood`);
      at = end;
    }
    refuseDoubles(records.filter(({ key }) => !key.startsWith('\n')));
    return numbered(records);
  },
  reconcile(disagreement) {
    const { path, key, sides } = disagreement;
    if (!/\/(packages|nevras)\.toml$/.test(path)) return lastPrevails(disagreement, `the entry ${key}`);
    // What somebody wanted for its own sake is not there for others only.
    const wanted = sides.find(({ text }) => text?.includes('"User"'));
    return { text: (wanted ?? sides.at(-1))?.text, conflicts: [] };
  },
};

/** The line behind the value that begins in a line: where all brackets outside of texts are closed. */
function endOfValue(lines: readonly string[], start: number): number {
  let open = 0;
  for (let at = start; at < lines.length; at++) {
    const bare = (lines[at] ?? '').replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '');
    open += (bare.match(/[[{]/g) ?? []).length - (bare.match(/[\]}]/g) ?? []).length;
    if (open <= 0) return at + 1;
  }
  throw new AshlarError('it ends within a value');
}
