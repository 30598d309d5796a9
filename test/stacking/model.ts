/**
 * What stacking shall give, said as simply as possible and without regard to time: every path there can be is looked
 * at, and layers are applied one after the other to a tree in a Map.
 */
import type { ByteString, ContentsEntry, LayerContents } from '../../src/layers/index.ts';
import type { ConflictPolicy, Correction, StackPart } from '../../src/stacking/index.ts';

/** Entries by path; `any` for a directory that nobody describes. */
export type Tree = Map<ByteString, ContentsEntry | 'any'>;

export type Piece = readonly [id: string, contents: LayerContents];

function isBelow(path: ByteString, directory: ByteString): boolean {
  return directory === '' ? path !== '' : path.startsWith(`${directory}/`);
}

export function isDirectory(node: ContentsEntry | 'any' | undefined): boolean {
  return node === 'any' || node?.type === 'directory';
}

/** Applies layers, bottom to top, as unpacking them would. */
export function applied(layers: readonly LayerContents[]): Tree {
  const tree: Tree = new Map();
  for (const { entries, implied, hidden, opaque } of layers) {
    for (const path of [...tree.keys()]) {
      const covers = (at: ByteString) => isBelow(path, at);
      if ([...hidden].some(at => at === path || covers(at)) || [...opaque].some(covers)) tree.delete(path);
    }
    for (const path of [...new Set([...entries.keys(), ...implied])].sort()) {
      const entry = entries.get(path);
      const keepsWhatIsBelow = isDirectory(tree.get(path)) && (entry === undefined || isDirectory(entry));
      if (!keepsWhatIsBelow) for (const at of [...tree.keys()]) if (isBelow(at, path)) tree.delete(at);
      if (entry) tree.set(path, entry);
      else if (!isDirectory(tree.get(path))) tree.set(path, 'any');
    }
  }
  return tree;
}

/** One layer that holds the corrections. */
export function layerOf(corrections: readonly Correction[]): LayerContents {
  const entries = new Map<ByteString, ContentsEntry>();
  const hidden = new Set<ByteString>();
  for (const correction of corrections) {
    const path = correction.path.slice(1);
    if (correction.kind === 'removed') hidden.add(path);
    else entries.set(path, correction.entry);
  }
  const implied = new Set<ByteString>();
  for (const path of [...entries.keys(), ...hidden]) {
    for (let at = path; at.includes('/'); ) {
      at = at.slice(0, at.lastIndexOf('/'));
      if (!entries.has(at)) implied.add(at);
    }
  }
  return { entries, implied, hidden, opaque: new Set() };
}

/** The tree in a form in which trees that differ in nothing but times are equal; implied directories are left open. */
export function plain(tree: Tree): Record<string, string> {
  const described = [...tree].map(([path, node]) => [path, node === 'any' ? 'directory' : describe(node)]);
  return Object.fromEntries(described.toSorted());
}

function describe({ type, mode, uid, sha256, link }: ContentsEntry): string {
  return `${type} ${type === 'symlink' ? '' : mode.toString(8)} ${uid} ${sha256.slice(0, 6)}${link}`;
}

interface View {
  readonly node: ContentsEntry | 'any' | 'removed';
  /** Who made it so. */
  readonly owner: string;
}

/** What a part has at a path, and which of its layers has last changed it. */
function viewOf(path: ByteString, layers: readonly Piece[]): View | undefined {
  let view: View | undefined;
  layers.forEach(([id, { entries, implied, hidden, opaque }]) => {
    const entry = entries.get(path);
    const covers = (at: ByteString) => isBelow(path, at);
    const covered =
      hidden.has(path) ||
      [...hidden, ...opaque].some(covers) ||
      [...entries].some(([at, { type }]) => type !== 'directory' && covers(at));
    const before = view === undefined || view.node === 'removed' ? undefined : view.node;
    if (entry) {
      const same = before !== undefined && before !== 'any' && describe(before) === describe(entry);
      view = { node: entry, owner: same && view ? view.owner : id };
    } else if (implied.has(path)) {
      if (covered || !isDirectory(before)) view = { node: 'any', owner: id };
    } else if (covered && view?.node !== 'removed') view = { node: 'removed', owner: id };
  });
  return view;
}

type Opinion = View & { readonly part: number };

function opinionsOn(
  path: ByteString,
  parts: readonly (readonly Piece[])[],
): { all: Opinion[]; own: Opinion[] } {
  const all = parts.flatMap((layers, part) => {
    const view = viewOf(path, layers);
    return view ? [{ ...view, part }] : [];
  });
  const height = (part: number, id: string) => parts[part]?.findLastIndex(layer => layer[0] === id) ?? -1;
  const own = all.filter(
    ({ owner }) =>
      !all.some(
        other =>
          height(other.part, owner) !== -1 && height(other.part, other.owner) > height(other.part, owner),
      ),
  );
  return { all, own: own.length > 0 ? own : all };
}

/** What the result shall have at every path. */
export function wanted(
  parts: readonly (readonly Piece[])[],
  paths: readonly ByteString[],
  policy: ConflictPolicy,
): Tree {
  const tree: Tree = new Map();
  const needed = (path: ByteString): boolean => paths.some(at => isBelow(at, path) && tree.has(at));
  const winner = <T>(opinions: readonly T[]) => (policy === 'first' ? opinions[0] : opinions.at(-1));
  // Whether anything is in a directory is known before the directory is looked at.
  for (const path of paths.toSorted().reverse()) {
    const { all, own } = opinionsOn(path, parts);
    const holds = (part: number) =>
      paths.some(
        at =>
          isBelow(at, path) &&
          opinionsOn(at, parts).own.some(opinion => opinion.part === part && opinion.node !== 'removed'),
      );
    const somethingElse = own.some(({ node }) => node !== 'removed' && !isDirectory(node));
    let voices = all.filter(
      opinion =>
        own.includes(opinion) || (somethingElse && isDirectory(asNode(opinion)) && holds(opinion.part)),
    );
    if (voices.every(opinion => isDirectory(asNode(opinion))) && voices.some(({ node }) => node !== 'any')) {
      voices = voices.filter(({ node }) => node !== 'any');
    }
    const node = winner(voices)?.node;
    if (node === undefined) continue;
    if (node !== 'removed' && !isDirectory(node)) {
      for (const at of [...tree.keys()]) if (isBelow(at, path)) tree.delete(at);
    }
    if (node !== 'removed') tree.set(path, node);
    else if (needed(path)) {
      const directories = all.filter(opinion => isDirectory(asNode(opinion)));
      const directory = directories.at(-1)?.node ?? 'any';
      tree.set(path, directory === 'removed' ? 'any' : directory);
    }
  }
  return tree;
}

function asNode({ node }: View): ContentsEntry | 'any' | undefined {
  return node === 'removed' ? undefined : node;
}

/** The layers of a part, read. */
export async function piecesOf({ layers }: StackPart): Promise<Piece[]> {
  return Promise.all(layers.map(async ({ id, contents }) => [id, await contents()] as const));
}
