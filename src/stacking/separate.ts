/** Trees that are to be put one over the other as if they were copied, found out without copying them. */
import {
  type ByteString,
  type ContentsEntry,
  fromText,
  IMPLIED_DIRECTORY,
  type LayerContents,
  type MergedEntry,
  mergeContents,
} from '../layers/index.ts';
import { parentOf } from './paths.ts';

/** A part whose layers are known. */
export interface LayeredPart {
  /** Bottom to top, as are the ids. */
  readonly layers: readonly LayerContents[];
  readonly ids: readonly string[];
}

/** What one layer must hold to be the tree of a part. */
export interface SeparateEntry {
  readonly path: ByteString;
  readonly entry: ContentsEntry;
  /** The place of the layer that has it, and where in that its content is. */
  readonly layer: number;
  readonly content: ByteString;
}

type Tree = ReadonlyMap<ByteString, MergedEntry>;

/** Directories that are links into /usr where it is merged: what they hold is the same either way. */
const MERGED_USR = new Set(['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libo32', 'libx32'].map(fromText));

/**
 * For each part, the lowest first, the entries of a layer to be used in place of its own; undefined where its own can
 * stay. They cannot where they would remove what another part brings, or where a directory stands for a link: of a
 * lower part to a directory, or of merged /usr.
 */
export function separateTrees(
  parts: readonly LayeredPart[],
): readonly (readonly SeparateEntry[] | undefined)[] {
  const trees = parts.map(({ layers }) => mergeContents(layers));
  return parts.map((part, place) => {
    const moves = movesOf(trees, place);
    if (moves.size === 0 && !removesOfOthers(part, place, parts, trees)) return undefined;
    return moved(trees[place] ?? new Map(), moves);
  });
}

function removesOfOthers(
  part: LayeredPart,
  place: number,
  parts: readonly LayeredPart[],
  trees: readonly Tree[],
): boolean {
  const own = trees[place];
  const cuts = new Set(part.layers.flatMap(({ hidden, opaque }) => [...hidden, ...opaque]));
  if (cuts.size === 0) return false;
  return trees.some((tree, other) => {
    if (other === place) return false;
    return [...cuts].some(path => {
      const found = tree.get(path);
      // What was made anew may have removed something below it.
      const isLost = found && (!own?.has(path) || found.entry.type === 'directory');
      // Of the parts above, only what they share with this one lies below its layers.
      return isLost && (other < place || part.ids.includes(parts[other]?.ids[found.layer] ?? ''));
    });
  });
}

/** Directories of a part whose content belongs somewhere else, by where they are. */
function movesOf(trees: readonly Tree[], place: number): ReadonlyMap<ByteString, ByteString> {
  const own = trees[place];
  const moves = new Map<ByteString, ByteString>();
  // The nearest one below decides.
  const others = [...trees.keys()].filter(other => other !== place);
  const sorted = [
    ...others.filter(other => other > place).reverse(),
    ...others.filter(other => other < place),
  ];
  for (const other of sorted) {
    for (const [path, { entry }] of trees[other] ?? []) {
      if (entry.type !== 'symlink' || own?.get(path)?.entry.type !== 'directory') continue;
      if (other > place && !MERGED_USR.has(path)) continue;
      const target = directoryBehind(path, trees);
      if (target !== undefined && target !== path && !target.startsWith(`${path}/`)) moves.set(path, target);
    }
  }
  return moves;
}

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** The directory that a link leads to, by the links of all trees; undefined where there is none. */
function directoryBehind(link: ByteString, trees: readonly Tree[]): ByteString | undefined {
  let path = link;
  for (let count = 0; count < MOST_LINKS; count += 1) {
    const found = trees.flatMap(tree => tree.get(path)?.entry ?? []);
    const next = found.findLast(({ type }) => type === 'symlink');
    if (!next) return found.some(({ type }) => type === 'directory') ? path : undefined;
    path = resolved(next.link, parentOf(path));
  }
  return undefined;
}

function resolved(link: ByteString, directory: ByteString): ByteString {
  const names: ByteString[] = [];
  for (const name of `${link.startsWith('/') ? '' : directory}/${link}`.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}

function moved(tree: Tree, moves: ReadonlyMap<ByteString, ByteString>): readonly SeparateEntry[] {
  const entries = new Map<ByteString, SeparateEntry>();
  for (const [from, { entry, layer }] of tree) {
    // It is there for what it holds, and says nothing of itself.
    if (entry === IMPLIED_DIRECTORY || moves.has(from)) continue;
    const path = newPath(from, moves);
    // What a part has at the place itself is newer than what came there by a link.
    if (path !== from && (tree.has(path) || entries.has(path))) continue;
    const { linkedTo } = entry;
    const now = linkedTo === undefined ? entry : { ...entry, linkedTo: newPath(linkedTo, moves) };
    entries.set(path, { path, entry: now, layer, content: linkedTo ?? from });
  }
  return [...entries.values()];
}

function newPath(path: ByteString, moves: ReadonlyMap<ByteString, ByteString>): ByteString {
  for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
    const target = moves.get(above);
    if (target !== undefined) return `${target}${path.slice(above.length)}`;
  }
  return path;
}
