/** Stanzas of fields, as dpkg, apt and debconf write them: deb822(5). */
import { type ByteString, toText } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { Conflict } from '../types.ts';
import { linesOf, refuseDoubles, trimmed, withoutLastNewlines } from './lines.ts';
import { type Disagreement, lastPrevails, type Reconciled, type RecordForm, uniteItems } from './records.ts';

/** By name as written; a value is all that follows the colon, with continuation lines, without the last newline. */
export type Fields = ReadonlyMap<string, ByteString>;

/** What a value is a set of, so that different changes can be united: items with commas between, words, lines. */
export type FieldKind = 'list' | 'words' | 'lines';

export interface StanzaKind {
  /** What a stanza is about; undefined where the fields that tell are not there. */
  readonly keyOf: (fields: Fields) => string | undefined;
  /** For messages: `the debconf question`. */
  readonly subject: string;
  readonly fields: Readonly<Record<string, FieldKind>>;
}

export function stanzaForm(kind: StanzaKind): RecordForm {
  return {
    parse(text) {
      const records = stanzasOf(text).map(stanza => {
        const key = kind.keyOf(fieldsOf(stanza));
        if (key === undefined) throw new AshlarError(`a stanza has no name: ${startOf(stanza)}`);
        return { key, text: `${stanza}\n\n` };
      });
      refuseDoubles(records);
      return records;
    },
    reconcile: disagreement => reconcileStanza(kind, disagreement),
  };
}

/** The stanzas, without the empty lines between them and without the last newline. */
export function stanzasOf(text: ByteString): readonly ByteString[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .map(stanza => withoutLastNewlines(stanza.replace(/^(?:[ \t]*\n)+/, '')))
    .filter(stanza => trimmed(stanza) !== '');
}

/** Throws an AshlarError at a line that is neither a field nor the continuation of one, or at a second one of a name. */
export function fieldsOf(stanza: ByteString): Fields {
  const fields = new Map<string, ByteString>();
  let name: string | undefined;
  for (const line of linesOf(withoutLastNewlines(stanza))) {
    const field = /^([^\s:#-][^\s:]*):(.*)$/s.exec(line);
    if (field) {
      const [, newName = '', value = ''] = field;
      if (fields.has(newName))
        throw new AshlarError(`a stanza has two fields ${toText(newName)}: ${startOf(stanza)}`);
      fields.set(newName, value);
      name = newName;
    } else if (name !== undefined && /^[ \t]/.test(line)) {
      fields.set(name, `${fields.get(name) ?? ''}\n${line}`);
    } else {
      throw new AshlarError(`a stanza has a line that is no field: ${startOf(stanza)}`);
    }
  }
  return fields;
}

/** For messages: the first line, as much of it as helps. */
export function startOf(stanza: ByteString): string {
  return JSON.stringify(toText(linesOf(stanza)[0]?.slice(0, 80) ?? ''));
}

/** Field by field, where all have the stanza; else the last change prevails. */
export function reconcileStanza(kind: StanzaKind, disagreement: Disagreement): Reconciled {
  const { path, key, base, sides } = disagreement;
  const subject = `${kind.subject} ${toText(key)}`;
  const versions: { readonly part: string; readonly fields: Fields }[] = [];
  for (const { part, text } of sides) {
    if (text === undefined) return lastPrevails(disagreement, subject);
    versions.push({ part, fields: fieldsOf(text) });
  }
  const before = base === undefined ? new Map<string, ByteString>() : fieldsOf(base);
  const merged = new Map(versions.at(-1)?.fields);
  const conflicts: Conflict[] = [];
  for (const name of new Set(versions.flatMap(({ fields }) => [...fields.keys(), ...before.keys()]))) {
    const old = before.get(name);
    const changes = versions
      .map(({ part, fields }) => ({ part, value: fields.get(name) }))
      .filter(({ value }) => value !== old);
    const values = changes.map(({ value }) => value);
    const last = values.length > 0 ? values.at(-1) : old;
    const fieldKind = kind.fields[name];
    const agreed = values.every(value => value === last);
    const result = agreed || fieldKind === undefined ? last : unite(fieldKind, old, values);
    if (result === undefined) merged.delete(name);
    else merged.set(name, result);
    if (!agreed && fieldKind === undefined)
      conflicts.push({
        kind: 'merge',
        path,
        parts: changes.map(({ part }) => part),
        text: `${subject} has different fields ${name} in ${changes.map(({ part }) => part).join(' and ')}`,
      });
  }
  const text = [...merged].map(([name, value]) => `${name}:${value}\n`).join('');
  return { text: `${text}\n`, conflicts };
}

/** The items of a value and what joins them. */
const FORMS: Record<FieldKind, { readonly split: RegExp | string; readonly joint: string }> = {
  list: { split: ',', joint: ', ' },
  words: { split: /[ \t\n]+/, joint: ' ' },
  lines: { split: /\n/, joint: '\n' },
};

function unite(
  kind: FieldKind,
  old: ByteString | undefined,
  values: readonly (ByteString | undefined)[],
): ByteString | undefined {
  const { split, joint } = FORMS[kind];
  const items = (value = '') =>
    value
      .split(split)
      .map(item => (kind === 'lines' ? item : trimmed(item)))
      .filter(item => trimmed(item) !== '');
  const united = uniteItems(
    items(old),
    values.map(value => items(value)),
  );
  const lead = kind === 'lines' ? '\n' : ' ';
  return united.length === 0 ? undefined : `${lead}${united.join(joint)}`;
}
