/** One layer, asked what it says of a path: directly, or because it covers a directory above. */
import type { ByteString, ContentsEntry, LayerContents } from '../layers/index.ts';
import { childrenOf, parentOf } from './paths.ts';

/** Why nothing of lower layers is to be seen at a path. */
export interface Cut {
  /** The path itself or a directory above it. */
  readonly at: ByteString;
  /** `removed`: a whiteout; `opaque`: the directory was made anew; `replaced`: it is no directory any more. */
  readonly how: 'removed' | 'opaque' | 'replaced';
}

export type Say =
  | { readonly kind: 'entry'; readonly entry: ContentsEntry }
  /** There must be a directory; `fresh` where it cannot be one of a lower layer. */
  | { readonly kind: 'implied'; readonly fresh: boolean }
  | { readonly kind: 'removed'; readonly cut: Cut };

export class LayerView {
  readonly id: string;
  readonly contents: LayerContents;
  /** What lies in a directory of lower layers is covered, and why. */
  readonly #cuts = new Map<ByteString, Cut | undefined>();
  #links: ReadonlyMap<ByteString, readonly ByteString[]> | undefined;
  #children: ReadonlyMap<ByteString, readonly ByteString[]> | undefined;

  constructor(id: string, contents: LayerContents) {
    this.id = id;
    this.contents = contents;
  }

  /** Undefined where the layer has nothing to say. */
  say(path: ByteString): Say | undefined {
    const { entries, implied, hidden, opaque } = this.contents;
    const entry = entries.get(path);
    if (entry !== undefined) return { kind: 'entry', entry };
    if (implied.has(path) || opaque.has(path)) {
      return { kind: 'implied', fresh: hidden.has(path) || this.#cutAbove(path) !== undefined };
    }
    if (hidden.has(path)) return { kind: 'removed', cut: { at: path, how: 'removed' } };
    const cut = this.#cutAbove(path);
    return cut && { kind: 'removed', cut };
  }

  /** Every path that the layer names, some of them twice. */
  *paths(): Generator<ByteString> {
    yield* this.contents.entries.keys();
    yield* this.contents.implied;
    yield* this.contents.hidden;
    yield* this.contents.opaque;
  }

  /** Every path at which the layer covers what is below, in lower layers and in the tree. */
  *cutPoints(): Generator<ByteString> {
    for (const [path, entry] of this.contents.entries) if (entry.type !== 'directory') yield path;
    yield* this.contents.hidden;
    yield* this.contents.opaque;
  }

  /** Paths of what the layer names in the directory. */
  children(directory: ByteString): readonly ByteString[] {
    this.#children ??= childrenOf(this.paths());
    return this.#children.get(directory) ?? [];
  }

  /** All names that the layer gives to the file at the path; none where it has only one. */
  linkedNames(path: ByteString): readonly ByteString[] {
    this.#links ??= linksOf(this.contents);
    return this.#links.get(this.contents.entries.get(path)?.linkedTo ?? path) ?? [];
  }

  #cutAbove(path: ByteString): Cut | undefined {
    return path === '' ? undefined : this.#cutIn(parentOf(path));
  }

  #cutIn(directory: ByteString): Cut | undefined {
    const known = this.#cuts.get(directory);
    if (known !== undefined || this.#cuts.has(directory)) return known;
    const cut = this.#cutAt(directory) ?? this.#cutAbove(directory);
    this.#cuts.set(directory, cut);
    return cut;
  }

  #cutAt(directory: ByteString): Cut | undefined {
    const { entries, hidden, opaque } = this.contents;
    if (opaque.has(directory)) return { at: directory, how: 'opaque' };
    const entry = entries.get(directory);
    if (entry !== undefined && entry.type !== 'directory') return { at: directory, how: 'replaced' };
    // A whiteout together with a directory of that name: the directory is a new one.
    if (hidden.has(directory)) return { at: directory, how: entry === undefined ? 'removed' : 'opaque' };
    return undefined;
  }
}

/** By the first name of each file that has several: all its names. */
function linksOf({ entries }: LayerContents): Map<ByteString, ByteString[]> {
  const links = new Map<ByteString, ByteString[]>();
  for (const [path, { linkedTo }] of entries) {
    if (linkedTo === undefined) continue;
    const names = links.get(linkedTo);
    if (names) names.push(path);
    else links.set(linkedTo, [linkedTo, path]);
  }
  return links;
}
