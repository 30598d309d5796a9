/** Files whose lines are records. */
import { type ByteString, toText } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import {
  type Disagreement,
  type FileRecord,
  lastPrevails,
  type Reconciled,
  type RecordForm,
} from './records.ts';

/** The lines without what ends them; a last line need not be ended. */
export function linesOf(text: ByteString): readonly ByteString[] {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

/** Without spaces, tabs and line ends around it; other bytes may be part of a character. */
export function trimmed(text: ByteString): ByteString {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text, start)) start += 1;
  while (start < end && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

function isBlank(text: ByteString, at: number): boolean {
  return ' \t\r\n'.includes(text.charAt(at));
}

export function withoutLastNewlines(text: ByteString): ByteString {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\n') end -= 1;
  return text.slice(0, end);
}

/** A set of lines, in which the same line may stand several times. There is nothing to disagree about. */
export const lineSet: RecordForm = {
  parse: text => numbered(linesOf(text).map(line => ({ key: line, text: `${line}\n` }))),
  reconcile: disagreement => lastPrevails(disagreement, `the line ${disagreement.key}`),
};

/** Tells records with the same key apart by how many come before. */
export function numbered(records: readonly FileRecord[]): readonly FileRecord[] {
  const seen = new Map<string, number>();
  return records.map(record => {
    const count = seen.get(record.key) ?? 0;
    seen.set(record.key, count + 1);
    return count === 0 ? record : { ...record, key: `${record.key}\n${count}` };
  });
}

/**
 * Lines that are about something: what `keyOf` returns; undefined where a line cannot be understood. Comments and
 * empty lines stay as they are.
 */
export function keyedLines(
  keyOf: (line: ByteString) => string | undefined,
  reconcile: (disagreement: Disagreement) => Reconciled,
  isRemark: (line: ByteString) => boolean = line => /^[ \t]*(?:#|$)/.test(line),
): RecordForm {
  return {
    reconcile,
    parse(text) {
      const records = linesOf(text).map((line, i) => {
        const key = isRemark(line) ? `\n${line}` : keyOf(line);
        if (key === undefined) throw new AshlarError(`line ${i + 1} is not understood`);
        return { key, text: `${line}\n` };
      });
      refuseDoubles(records.filter(({ key }) => !key.startsWith('\n')));
      return numbered(records);
    },
  };
}

export function refuseDoubles(records: readonly FileRecord[]): void {
  const seen = new Set<string>();
  for (const { key } of records) {
    if (seen.has(key)) throw new AshlarError(`it has two records of ${toText(key)}`);
    seen.add(key);
  }
}
