/** Users and groups, the numbers that belong to them, and the shells that they may have. */
import { type ByteString, toText } from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { Merger } from '../merger.ts';
import type { Conflict } from '../types.ts';
import { type AccountFile, accountForm, GROUP, GSHADOW, numbersOf, PASSWD, SHADOW } from './account-forms.ts';
import { lineSet, linesOf } from './lines.ts';
import { recordMerge } from './records.ts';
import { joined, mergeTexts, NOTHING, type TextMerge, type TextSide } from './texts.ts';

const FILES: ReadonlyMap<string, TextMerge> = new Map([
  ['/etc/passwd', accountMerge(PASSWD)],
  ['/etc/group', accountMerge(GROUP)],
  ['/etc/shadow', accountMerge(SHADOW)],
  ['/etc/gshadow', accountMerge(GSHADOW)],
  ['/etc/subuid', rangeMerge],
  ['/etc/subgid', rangeMerge],
  ['/etc/shells', recordMerge(lineSet)],
]);

export const accounts: Merger = {
  name: 'accounts',
  // With what programs leave behind as the last version: either one will do.
  answersFor: path => FILES.has(path.replace(/-$/, '')),
  async merge(input) {
    const results = input.paths.map(path => {
      const merge = FILES.get(path);
      return merge ? mergeTexts(input, path, merge) : NOTHING;
    });
    return joined(await Promise.all(results));
  },
};

function accountMerge(file: AccountFile): TextMerge {
  const merge = recordMerge(accountForm(file));
  return (path, base, sides) => {
    const { text, conflicts } = merge(path, base, sides);
    return { text, conflicts: [...conflicts, ...sharedNumbers(file, path, text, sides)] };
  };
}

/** What one part says that others do not know of. */
interface Claim {
  readonly part: string;
  /** What else the part knows. */
  readonly known: ReadonlyMap<string, string>;
  readonly key: string;
  readonly value: string;
}

/** Numbers that mean one name in one part and another one in another. */
function sharedNumbers(
  file: AccountFile,
  path: string,
  merged: ByteString,
  sides: readonly TextSide[],
): readonly Conflict[] {
  const left = numbersOf(file, merged);
  const claims = claimsOf(sides, text => numbersOf(file, text)).filter(({ key }) => left.has(key));
  const unit = file.fields[file.number ?? 0]?.name;
  return [...Map.groupBy(claims, ({ value }) => value)].flatMap(([number, own]): Conflict[] => {
    const rivals = rivalsAmong(own, (a, b) => a.key !== b.key);
    if (rivals.length === 0) return [];
    const said = rivals.map(({ part, key }) => `${toText(key)} in ${part}`).join(', ');
    return [{ kind: 'account', path, parts: partsOf(rivals), text: `${unit} ${number} is ${said}` }];
  });
}

/** Each is compared with each. */
const MOST_CLAIMS = 5000;

/** What not all parts say. */
function claimsOf(
  sides: readonly TextSide[],
  read: (text: ByteString) => ReadonlyMap<string, string>,
): readonly Claim[] {
  const all = sides.map(({ part, text }) => ({ part, known: read(text) }));
  const claims = all.flatMap(({ part, known }) =>
    [...known]
      .filter(([key, value]) => !all.every(other => other.known.get(key) === value))
      .map(([key, value]) => ({ part, known, key, value })),
  );
  if (claims.length > MOST_CLAIMS) throw new AshlarError(`there are ${claims.length} differences`);
  return claims;
}

/** Those that clash with what a part says that does not know of them. */
function rivalsAmong(claims: readonly Claim[], clash: (a: Claim, b: Claim) => boolean): readonly Claim[] {
  const knows = (a: Claim, b: Claim) => a.known.get(b.key) === b.value;
  return claims.filter(a => claims.some(b => clash(a, b) && !knows(a, b) && !knows(b, a)));
}

function partsOf(claims: readonly Claim[]): readonly string[] {
  return [...new Set(claims.map(({ part }) => part))];
}

/** Subordinate ids, subuid(5): a user may have several ranges, but two users must not have the same ids. */
function rangeMerge(path: string, base: ByteString, sides: readonly TextSide[]): ReturnType<TextMerge> {
  const { text, conflicts } = recordMerge(lineSet)(path, base, sides);
  const claims = claimsOf(
    sides,
    each => new Map(linesOf(each).map(line => [line, line.split(':')[0] ?? ''])),
  );
  const rivals = rivalsAmong(claims, (a, b) => a.value !== b.value && overlap(a.key, b.key));
  if (rivals.length === 0) return { text, conflicts };
  const said = rivals.map(({ part, key }) => `${toText(key)} in ${part}`).join(', ');
  const conflict: Conflict = { kind: 'account', path, parts: partsOf(rivals), text: `the same ids: ${said}` };
  return { text, conflicts: [...conflicts, conflict] };
}

function overlap(a: ByteString, b: ByteString): boolean {
  const [one, other] = [a, b].map(line => {
    const [, start, count] = line.split(':').map(Number);
    return { start: start ?? 0, end: (start ?? 0) + (count ?? 0) };
  });
  return one !== undefined && other !== undefined && one.start < other.end && other.start < one.end;
}
