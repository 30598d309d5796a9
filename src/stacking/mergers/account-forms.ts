/** Files of users and groups: passwd(5), group(5), shadow(5), gshadow(5). */
import { type ByteString, toText } from '../../layers/index.ts';
import type { Conflict } from '../types.ts';
import { keyedLines, linesOf } from './lines.ts';
import { type Disagreement, lastPrevails, type Reconciled, type RecordForm, uniteItems } from './records.ts';

/** How different changes of a field are brought together; `last` without a word: nobody means anything by it. */
type FieldRule = 'conflict' | 'members' | 'secret' | 'last';

export interface AccountFile {
  /** For messages: `user`. */
  readonly subject: string;
  /** By position; the first one is the name. */
  readonly fields: readonly { readonly name: string; readonly rule: FieldRule }[];
  /** The position of the number that has to be of one name only. */
  readonly number?: number;
}

const field = (name: string, rule: FieldRule = 'conflict') => ({ name, rule });

export const PASSWD: AccountFile = {
  subject: 'user',
  fields: [
    ...[field('name'), field('password', 'secret'), field('uid'), field('gid')],
    ...[field('comment'), field('home'), field('shell')],
  ],
  number: 2,
};

export const GROUP: AccountFile = {
  subject: 'group',
  fields: [field('name'), field('password', 'secret'), field('gid'), field('members', 'members')],
  number: 2,
};

/** Days on which something was changed are those of builds. */
export const SHADOW: AccountFile = {
  subject: 'user',
  fields: [
    ...[field('name'), field('password', 'secret'), field('day of the last change', 'last')],
    ...[field('minimum age'), field('maximum age'), field('warning'), field('inactivity')],
    ...[field('expiration'), field('reserved field')],
  ],
};

export const GSHADOW: AccountFile = {
  subject: 'group',
  fields: [
    ...[field('name'), field('password', 'secret')],
    ...[field('administrators', 'members'), field('members', 'members')],
  ],
};

/** Lines by name. Those of NIS (`+::::`), comments and empty lines stay as they are. */
export function accountForm(file: AccountFile): RecordForm {
  return keyedLines(
    line => {
      const fields = line.split(':');
      return fields.length === file.fields.length && fields[0] !== '' ? fields[0] : undefined;
    },
    disagreement => reconcileAccount(file, disagreement),
    line => /^(?:[#+-]|$)/.test(line),
  );
}

function reconcileAccount(file: AccountFile, disagreement: Disagreement): Reconciled {
  const { path, key, base, sides } = disagreement;
  const subject = `${file.subject} ${toText(key)}`;
  if (sides.some(({ text }) => text === undefined)) return lastPrevails(disagreement, subject, 'account');
  const before = fieldsOf(base);
  const versions = sides.map(({ part, text }) => ({ part, fields: fieldsOf(text) }));
  const conflicts: Conflict[] = [];
  const merged = file.fields.map(({ name, rule }, i) => {
    const old = before?.[i];
    const changes = versions
      .map(({ part, fields }) => ({ part, value: fields?.[i] ?? '' }))
      .filter(({ value }) => value !== old);
    const last = changes.at(-1)?.value ?? old ?? '';
    if (changes.every(({ value }) => value === last)) return last;
    const values = changes.map(({ value }) => value);
    if (rule === 'members') return uniteItems(items(old), values.map(items)).join(',');
    if (rule === 'last') return last;
    const parts = changes.map(({ part }) => part);
    const said = changes.map(({ part, value }) => `${toText(value) || 'none'} in ${part}`).join(', ');
    const text = rule === 'secret' ? `different ${name}s in ${parts.join(' and ')}` : `${name} ${said}`;
    conflicts.push({ kind: 'account', path, parts, text: `${subject}: ${text}` });
    return last;
  });
  return { text: `${merged.join(':')}\n`, conflicts };
}

function fieldsOf(line: ByteString | undefined): readonly string[] | undefined {
  return line?.replace(/\n$/, '').split(':');
}

function items(value = ''): readonly string[] {
  return value.split(',').filter(item => item !== '');
}

/** Which name has which number, in the lines that have one. */
export function numbersOf(file: AccountFile, text: ByteString): ReadonlyMap<string, string> {
  const { number } = file;
  if (number === undefined) return new Map();
  const fields = linesOf(text).map(line => line.split(':'));
  return new Map(
    fields
      .filter(each => each.length === file.fields.length)
      .map(each => [each[0] ?? '', each[number] ?? '']),
  );
}
