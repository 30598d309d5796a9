/** What becomes of a package's files where parts have it in several versions: all of them are those of one part. */
import { toText } from '../../layers/index.ts';
import { sameEntry } from '../entries.ts';
import type { MergedFile, MergeInput, PartView, TreeView } from '../merger.ts';
import type { Status } from './dpkg-status.ts';
import { linesOf } from './lines.ts';
import { realPath } from './paths.ts';
import { bytesOf } from './texts.ts';

export const INFO = '/var/lib/dpkg/info';

export interface PartStatus {
  readonly view: PartView;
  readonly packages: Status;
}

/** A package that parts have changed to different versions. */
export interface Skew {
  /** As the files in `info` are called. */
  readonly name: string;
  /** The part whose version is in the merged list. */
  readonly winner: PartView;
  readonly losers: readonly PartView[];
}

/** The packages of which the merged list has a version that not all parts meant. */
export function skewsOf(base: Status, parts: readonly PartStatus[], merged: Status): readonly Skew[] {
  const names = new Set(parts.flatMap(({ packages }) => [...packages.keys()]).concat([...base.keys()]));
  return [...names].flatMap(name => {
    const version = merged.get(name)?.version;
    const changed = parts.filter(({ packages }) => packages.get(name)?.identity !== base.get(name)?.identity);
    const [winners, losers] = [true, false].map(wins =>
      changed
        .filter(({ packages }) => (packages.get(name)?.version === version) === wins)
        .map(({ view }) => view),
    );
    const winner = winners?.at(-1);
    return winner === undefined || !losers?.length ? [] : [{ name, winner, losers }];
  });
}

/** The package to which a file in `info` belongs: `libc6:amd64` of `libc6:amd64.list`. */
export function packageOf(file: string): string {
  return file.slice(0, file.lastIndexOf('.'));
}

/** The files in which the stacked layers have other versions of packages than the winners. */
export async function filesOf(skews: readonly Skew[], input: MergeInput): Promise<readonly MergedFile[]> {
  if (skews.length === 0) return [];
  const all = new Set(input.parts.flatMap(view => view.list(INFO)));
  const info = Map.groupBy(all, packageOf);
  const files = await Promise.all(skews.map(skew => filesOfOne(skew, info.get(skew.name) ?? [], input)));
  return files.flat();
}

async function filesOfOne(
  skew: Skew,
  info: readonly string[],
  input: MergeInput,
): Promise<readonly MergedFile[]> {
  const files = new Map<string, MergedFile>();
  for (const name of info) {
    const path = `${INFO}/${name}`;
    const file = await asIn(skew.winner, path, input.stacked);
    if (file !== undefined) files.set(path, file);
  }
  for (const loser of skew.losers) {
    const lists = await Promise.all([skew.winner, loser].map(view => listedIn(view, skew.name)));
    for (const path of new Set(lists.flat())) {
      const file = await ofWinner(path, skew, loser, input);
      if (file !== undefined) files.set(path, file);
    }
  }
  return [...files.values()];
}

/** What makes the tree have at the path what the view has; undefined where it has. */
async function asIn(view: TreeView, path: string, stacked: TreeView): Promise<MergedFile | undefined> {
  const [wanted, there] = [view.entry(path), stacked.entry(path)];
  if (wanted === undefined) return there && { kind: 'removed', path };
  if (there !== undefined && sameEntry(wanted, there)) return undefined;
  const version = await view.read(path);
  return version && { kind: 'file', path, ...version };
}

/** The files of a package, as layers name them. */
async function listedIn(view: TreeView, name: string): Promise<readonly string[]> {
  const list = await view.read(`${INFO}/${name}.list`);
  return linesOf(bytesOf(list?.content ?? new Uint8Array())).flatMap(
    line => realPath(view, toText(line)) ?? [],
  );
}

/**
 * What several parts changed is decided by rules like any path; so this is about what only the loser has or changed.
 */
async function ofWinner(
  path: string,
  { winner, losers }: Skew,
  loser: PartView,
  { base, parts, stacked }: MergeInput,
): Promise<MergedFile | undefined> {
  const [wanted, unwanted, there] = [winner, loser, stacked].map(view => view.entry(path));
  if (wanted?.type === 'directory' || unwanted?.type === 'directory') return undefined;
  if (wanted !== undefined) return winner.changed(path) ? undefined : asIn(winner, path, stacked);
  if (unwanted === undefined || there === undefined || !sameEntry(unwanted, there)) return undefined;
  const others = parts.filter(part => !losers.includes(part));
  const onlyLosers = [base, ...others].every(view => view.entry(path) === undefined);
  return onlyLosers ? { kind: 'removed', path } : undefined;
}
