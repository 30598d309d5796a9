/** What a layer has to say so that a tree comes out of the layers below it. Pure functions. */
import type { ByteString } from './bytes.ts';
import type { ContentsEntry } from './contents.ts';
import type { MergedEntry } from './merge-contents.ts';
import { splitLast } from './names.ts';
import type { NewEntry } from './pack-entries.ts';
import type { Surveyed } from './survey.ts';
import type { Xattr } from './tar-entry.ts';

/**
 * The entries of the layer, with the directories that they lie in; nothing where the tree is what is below. Times
 * alone are no difference. `isLeftOut` tells of paths below of which nothing is to be said.
 */
export function differenceOf(
  tree: ReadonlyMap<ByteString, Surveyed>,
  below: ReadonlyMap<ByteString, MergedEntry>,
  isLeftOut: (path: ByteString) => boolean,
): readonly NewEntry[] {
  const changed = changedPaths(tree, below);
  const removed = [...below.keys()].filter(
    path => !tree.has(path) && !isLeftOut(path) && isDirectoryInBoth(splitLast(path).parent, tree, below),
  );
  const written = new Set(changed);
  for (const path of [...changed, ...removed]) addParents(path, written);
  return [
    ...removed.map(path => ({ kind: 'removed' as const, path })),
    ...[...written].flatMap(path => {
      const surveyed = tree.get(path);
      if (!surveyed) return [];
      const { entry, stamp } = surveyed;
      const content = stamp && entry.size > 0 ? { content: stamp } : {};
      return [{ kind: 'entry' as const, path, entry, ...content }];
    }),
  ];
}

/** With all names of a file that has changed: hard links never reach into another layer. */
function changedPaths(
  tree: ReadonlyMap<ByteString, Surveyed>,
  below: ReadonlyMap<ByteString, MergedEntry>,
): ReadonlySet<ByteString> {
  const names = namesOfFiles([...tree].map(([path, { entry }]) => [path, entry.linkedTo ?? path] as const));
  const namesBelow = namesOfFiles(
    [...below].map(([path, { entry, layer }]) => [path, `${layer}:${entry.linkedTo ?? path}`] as const),
  );
  const changed = new Set<ByteString>();
  for (const [path, { entry }] of tree) {
    const before = below.get(path)?.entry;
    if (before && isSame(entry, before) && isSameSet(names.get(path), namesBelow.get(path))) continue;
    for (const name of names.get(path) ?? [path]) changed.add(name);
  }
  return changed;
}

/** Of files that have several names: all of them, by each. */
function namesOfFiles(
  paths: readonly (readonly [path: ByteString, file: string])[],
): ReadonlyMap<ByteString, ReadonlySet<ByteString>> {
  const files = Map.groupBy(paths, ([, file]) => file);
  const several = [...files.values()].filter(names => names.length > 1);
  return new Map(
    several.flatMap(names => {
      const set = new Set(names.map(([path]) => path));
      return [...set].map(path => [path, set] as const);
    }),
  );
}

function isSameSet(a: ReadonlySet<ByteString> | undefined, b: ReadonlySet<ByteString> | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && [...a].every(name => b.has(name));
}

function isSame(a: ContentsEntry, b: ContentsEntry): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.sha256 === b.sha256 &&
    a.link === b.link &&
    a.major === b.major &&
    a.minor === b.minor &&
    isSameAttributes(a.xattrs, b.xattrs)
  );
}

function isSameAttributes(a: readonly Xattr[], b: readonly Xattr[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, value }, i) => b[i]?.name === name && Buffer.compare(value, b[i].value) === 0)
  );
}

/** Only there is something to be hidden: what is no directory any more hides all that it held. */
function isDirectoryInBoth(
  path: ByteString,
  tree: ReadonlyMap<ByteString, Surveyed>,
  below: ReadonlyMap<ByteString, MergedEntry>,
): boolean {
  return tree.get(path)?.entry.type === 'directory' && below.get(path)?.entry.type === 'directory';
}

function addParents(path: ByteString, paths: Set<ByteString>): void {
  for (let child = path; child !== ''; ) {
    child = splitLast(child).parent;
    if (paths.has(child)) return;
    paths.add(child);
  }
}
