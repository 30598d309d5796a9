/** Conflicts in words, and those that forbid a result. */
import { type ByteString, type ContentsEntry, toText } from '../layers/index.ts';
import { printable } from '../support/cells.ts';
import { AshlarError, type SourceSpan } from '../support/errors.ts';
import { differentXattrs, octal, sameContent, sameMode, sameXattrs, substance, thing } from './entries.ts';
import { type Opinion, otherNames } from './opinions.ts';
import { type Present, type State, sameState } from './pile.ts';
import type { Conflict, ConflictKind, DecidedConflict } from './types.ts';

/** Opinions that are the same, and who has them. */
interface Camp {
  readonly state: Opinion['state'];
  /** `a`, `a and b`. */
  readonly names: string;
}

/** What opinions, not all of them equal, disagree about. */
export function conflictOf(path: ByteString, opinions: readonly Opinion[]): Conflict {
  const torn = tornLink(path, opinions);
  const camps = campsOf(opinions);
  const kind = kindOf(camps);
  return {
    kind: torn === undefined ? kind : 'hard link',
    path: `/${toText(path)}`,
    parts: [...new Set(opinions.map(({ part }) => part.name))],
    text: [...textsOf(kind, camps), ...(torn === undefined ? [] : [torn])].join('; '),
  };
}

function campsOf(opinions: readonly Opinion[]): Camp[] {
  const camps: { state: Opinion['state']; names: string[] }[] = [];
  for (const { part, state } of opinions) {
    const camp = camps.find(known => sameState(known.state, state));
    if (camp) camp.names.push(part.name);
    else camps.push({ state, names: [part.name] });
  }
  return camps.map(({ state, names }) => ({ state, names: names.join(' and ') }));
}

function kindOf(camps: readonly Camp[]): ConflictKind {
  const entries = camps.flatMap(({ state }) => (state.kind === 'present' ? [state.entry] : []));
  if (entries.length < camps.length) return 'removed';
  if (new Set(entries.map(({ type }) => type)).size > 1) return 'type';
  return allAlike(entries, sameContent) ? 'attributes' : 'content';
}

function textsOf(kind: ConflictKind, camps: readonly Camp[]): string[] {
  if (kind === 'attributes') return attributeTexts(camps);
  const what = camps.map(({ state, names }) => {
    if (state.kind === 'removed') return `removed by ${names}${removal(state)}`;
    return `${kind === 'type' ? thing(state.entry) : substance(state.entry)} in ${names}`;
  });
  return [what.join(', '), ...(kind === 'content' ? attributeTexts(camps) : [])];
}

function removal({ cut }: Extract<State, { kind: 'removed' }>): string {
  const at = `/${toText(cut.at)}`;
  switch (cut.how) {
    case 'removed':
      return ` with ${at}`;
    case 'opaque':
      return `, which made ${at} anew`;
    case 'replaced':
      return `, where ${at} is no directory`;
  }
}

function attributeTexts(camps: readonly Camp[]): string[] {
  const present = camps.flatMap(({ state, names }) =>
    state.kind === 'present' ? [{ entry: state.entry, names }] : [],
  );
  const entries = present.map(({ entry }) => entry);
  const each = (say: (entry: ContentsEntry) => string) =>
    present.map(({ entry, names }) => `${say(entry)} in ${names}`).join(', ');
  return [
    ...(allAlike(entries, sameMode) ? [] : [`mode ${each(({ mode }) => octal(mode))}`]),
    ...(allAlike(entries, sameOwner) ? [] : [`owner ${each(({ uid, gid }) => `${uid}:${gid}`)}`]),
    ...(allAlike(entries, sameXattrs) ? [] : xattrTexts(present)),
  ];
}

function sameOwner(a: ContentsEntry, b: ContentsEntry): boolean {
  return a.uid === b.uid && a.gid === b.gid;
}

function xattrTexts(present: readonly { entry: ContentsEntry; names: string }[]): string[] {
  const [first, ...others] = present;
  if (first === undefined) return [];
  const names = new Set(others.flatMap(({ entry }) => differentXattrs(first.entry, entry)));
  return [...names].toSorted().map(name => {
    const having = present.filter(({ entry }) => entry.xattrs.some(xattr => xattr.name === name));
    if (having.length === present.length) return `xattr ${toText(name)} is not the same`;
    return `xattr ${toText(name)} only in ${having.map(({ names }) => names).join(' and ')}`;
  });
}

function allAlike(
  entries: readonly ContentsEntry[],
  alike: (a: ContentsEntry, b: ContentsEntry) => boolean,
): boolean {
  const [first, ...others] = entries;
  return first === undefined || others.every(other => alike(first, other));
}

/** A part has several names for the file, and another part replaces only some of them: they come apart. */
function tornLink(path: ByteString, opinions: readonly Opinion[]): string | undefined {
  for (const { part, state } of opinions) {
    if (!isFile(state)) continue;
    for (const name of otherNames(path, state, part)) {
      const tearing = opinions.find(other => {
        const replaces = isFile(other.state) && !sameState(other.state, state);
        return replaces && !sameState(other.part.pile.state(name), other.state);
      });
      if (tearing === undefined) continue;
      return `one file with /${toText(name)} in ${part.name}, of which ${tearing.part.name} replaces only one name`;
    }
  }
  return undefined;
}

function isFile(state: State): state is Present {
  return state.kind === 'present' && state.entry.type === 'file';
}

/** So many conflicts of one kind in one directory are listed one by one. */
const LISTED = 5;

/**
 * The conflicts as lines for people, in their order; many of one kind between the same parts in one directory are
 * one line.
 */
export function conflictLines(conflicts: readonly (Conflict | DecidedConflict)[]): string[] {
  const groups = Map.groupBy(conflicts, ({ kind, path, parts }) =>
    JSON.stringify([kind, path.slice(0, path.lastIndexOf('/')), parts]),
  );
  const lines = [...groups.values()].flatMap(group => {
    const [first] = group;
    if (first === undefined || group.length <= LISTED)
      return group.map(({ path, text }) => `${path}: ${text}`);
    const directory = first.path.slice(0, first.path.lastIndexOf('/') + 1);
    return `${directory}: ${group.length} paths (${first.kind}), as ${first.path}: ${first.text}`;
  });
  // Paths and names of packages are whatever an image has.
  return lines.map(printable);
}

/** Throws an AshlarError that lists all conflicts that the rules do not allow, if there are any. */
export function refuseConflicts(conflicts: readonly DecidedConflict[], at?: SourceSpan): void {
  const refused = conflicts.filter(({ policy }) => policy === 'error');
  if (refused.length === 0) return;
  const count = refused.length === 1 ? 'a conflict' : `${refused.length} conflicts`;
  throw new AshlarError(
    [`${count} between the parts of the stack:`, ...conflictLines(refused).map(line => `  ${line}`)].join(
      '\n',
    ),
    {
      at,
      hint: 'rules under "conflicts" say which part wins: "last", "first" or "warn", for all or by path',
    },
  );
}
