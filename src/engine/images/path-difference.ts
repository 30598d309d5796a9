/** What two trees hold differently, path by path, from the contents of their layers. Times are no difference. */
import { type ContentsEntry, type MergedEntry, toText, type Xattr } from '../../layers/index.ts';

/** A tree as `mergeContents` gives it. */
export type MergedContents = ReadonlyMap<string, Pick<MergedEntry, 'entry'>>;

/** What of an entry is another one. */
export type Aspect = 'type' | 'content' | 'link' | 'device' | 'mode' | 'owner' | 'xattrs';

/** An entry, as far as people care. */
export interface PathState {
  readonly type: ContentsEntry['type'];
  /** Octal: `0644`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file. */
  readonly size?: number;
  /** Of a file's content. */
  readonly sha256?: string;
  /** Target of a symbolic link. */
  readonly link?: string;
}

export type PathDifference =
  | { readonly change: 'added'; readonly path: string; readonly after: PathState }
  | { readonly change: 'removed'; readonly path: string; readonly before: PathState }
  | {
      readonly change: 'changed';
      readonly path: string;
      readonly what: readonly Aspect[];
      readonly before: PathState;
      readonly after: PathState;
    };

/** Sorted by path. */
export function pathDifferences(before: MergedContents, after: MergedContents): readonly PathDifference[] {
  const differences: PathDifference[] = [];
  for (const [name, { entry: old }] of before) {
    const young = after.get(name)?.entry;
    const path = `/${toText(name)}`;
    if (young === undefined) {
      differences.push({ change: 'removed', path, before: stateOf(old) });
      continue;
    }
    const what = changedAspects(old, young);
    if (what.length > 0)
      differences.push({ change: 'changed', path, what, before: stateOf(old), after: stateOf(young) });
  }
  for (const [name, { entry }] of after) {
    if (!before.has(name))
      differences.push({ change: 'added', path: `/${toText(name)}`, after: stateOf(entry) });
  }
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What of the second entry is another one than in the first. */
export function changedAspects(one: ContentsEntry, other: ContentsEntry): readonly Aspect[] {
  const different: readonly (readonly [Aspect, boolean])[] = [
    ['type', one.type !== other.type],
    ['content', one.type === other.type && one.sha256 !== other.sha256],
    ['link', one.type === other.type && one.link !== other.link],
    ['device', one.type === other.type && (one.major !== other.major || one.minor !== other.minor)],
    ['mode', one.mode !== other.mode && one.type !== 'symlink'],
    ['owner', one.uid !== other.uid || one.gid !== other.gid],
    ['xattrs', !sameXattrs(one.xattrs, other.xattrs)],
  ];
  return different.filter(([, differs]) => differs).map(([aspect]) => aspect);
}

function sameXattrs(some: readonly Xattr[], others: readonly Xattr[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ name, value }, i) => {
      const other = others[i];
      return other !== undefined && name === other.name && Buffer.compare(value, other.value) === 0;
    })
  );
}

function stateOf({ type, mode, uid, gid, size, sha256, link }: ContentsEntry): PathState {
  return {
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    ...(type === 'file' && { size, sha256 }),
    ...(type === 'symlink' && { link: toText(link) }),
  };
}
