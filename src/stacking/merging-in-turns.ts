/**
 * Merges parts of which some have more in common than others: one after the other, each against what it has in common
 * with those before it. Against what all have in common, what one part removed from a layer that only two of them were
 * built on would seem to be what the other one added.
 */

import { type ContentsEntry, toText } from '../layers/index.ts';
import type { ContentReader } from './content-reader.ts';
import { sameEntry } from './entries.ts';
import type { LayerView } from './layer-view.ts';
import type { FileVersion, MergedFile, MergeResult, PartView } from './merger.ts';
import type { PartTree } from './opinions.ts';
import { Pile } from './pile.ts';
import type { PolicyOf } from './policies.ts';
import { PartTreeView, PileView } from './tree-views.ts';
import { type MergeGroup, ruleFor } from './wants.ts';

export interface TurnedStack {
  readonly tree: Pile;
  readonly policy: PolicyOf;
  readonly reader: ContentReader;
}

/** Whether every part has in common with those before it only what all have in common. */
export function shareAlike(parts: readonly PartTree[]): boolean {
  const seen = new Set<LayerView>();
  return parts.every(({ pile: { layers } }) => {
    const known = layers.filter(layer => seen.has(layer));
    for (const layer of layers) seen.add(layer);
    return known.every(layer => parts.every(({ heights }) => heights.has(layer)));
  });
}

/** The parts, lowest first. */
export async function mergeInTurns(
  { merger, paths }: MergeGroup,
  [first, ...others]: readonly PartTree[],
  { tree, policy, reader }: TurnedStack,
): Promise<MergeResult> {
  const names = [first?.name ?? ''];
  const layers = new Set(first?.pile.layers);
  const files = new Map<string, MergedFile>();
  const results: MergeResult[] = [];
  for (const part of others) {
    const base = new PileView(new Pile(part.pile.layers.filter(layer => layers.has(layer))), reader);
    const before = new Pile(tree.layers.filter(layer => layers.has(layer)));
    for (const layer of part.pile.layers) layers.add(layer);
    const stacked = new MergedView(new Pile(tree.layers.filter(layer => layers.has(layer))), reader, files);
    const done = new DoneView(names.join(' and '), before, base, reader, files);
    const mine = new PartTreeView(part, base, reader);
    const asked = [...paths.keys()]
      .map(path => `/${toText(path)}`)
      .filter(path => isAsked(path, done, mine, merger.whole))
      .toSorted();
    // Made from what nobody but this part has changed since.
    for (const path of [...files.keys()]) if (!done.changed(path) && mine.changed(path)) files.delete(path);
    if ([done, mine].every(view => asked.some(path => view.changed(path)))) {
      const isFirst = ruleFor(asked[0] ?? '', merger, policy) === 'first';
      const parts = isFirst ? [mine, done] : [done, mine];
      const result = await merger.merge({ paths: asked, base, parts, stacked });
      for (const file of result.files) files.set(file.path, file);
      results.push(withNames(result, done.name, isFirst ? names.toReversed() : [...names]));
    }
    names.push(part.name);
  }
  const regenerate = results.flatMap(result => result.regenerate ?? []);
  return {
    files: [...files.values()],
    conflicts: results.flatMap(({ conflicts }) => conflicts),
    declined: [...new Set(results.flatMap(result => result.declined ?? []))],
    regenerate: [...new Map(regenerate.map(each => [each.command.join('\0'), each])).values()],
  };
}

function isAsked(path: string, done: PartView, mine: PartView, whole: true | undefined): boolean {
  if (whole) return done.changed(path) || mine.changed(path);
  return done.changed(path) && mine.changed(path) && !isSame(done.entry(path), mine.entry(path));
}

function isSame(a: ContentsEntry | undefined, b: ContentsEntry | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameEntry(a, b);
}

/** Conflicts name parts, not what was merged of them. */
function withNames(result: MergeResult, name: string, names: readonly string[]): MergeResult {
  const conflicts = result.conflicts.map(conflict => ({
    ...conflict,
    parts: conflict.parts.flatMap(part => (part === name ? names : [part])),
  }));
  return { ...result, conflicts };
}

/** What layers give, with what has been merged. */
class MergedView extends PileView {
  readonly #files: ReadonlyMap<string, MergedFile>;

  constructor(pile: Pile, reader: ContentReader, files: ReadonlyMap<string, MergedFile>) {
    super(pile, reader);
    this.#files = files;
  }

  override async read(path: string): Promise<FileVersion | undefined> {
    const file = this.#files.get(path);
    if (file === undefined) return super.read(path);
    return file.kind === 'removed' ? undefined : file;
  }

  override entry(path: string): ContentsEntry | undefined {
    const file = this.#files.get(path);
    if (file === undefined) return super.entry(path);
    return file.kind === 'removed' ? undefined : file.entry;
  }

  override list(directory: string): readonly string[] {
    const names = new Set(super.list(directory));
    for (const { kind, path } of this.#files.values()) {
      const slash = path.lastIndexOf('/');
      if (path.slice(0, slash) !== directory) continue;
      if (kind === 'removed') names.delete(path.slice(slash + 1));
      else names.add(path.slice(slash + 1));
    }
    return [...names].toSorted();
  }
}

/** The parts that have been merged, as one. */
class DoneView extends MergedView implements PartView {
  readonly name: string;
  readonly #base: PileView;

  constructor(
    name: string,
    pile: Pile,
    base: PileView,
    reader: ContentReader,
    files: ReadonlyMap<string, MergedFile>,
  ) {
    super(pile, reader, files);
    this.name = name;
    this.#base = base;
  }

  changed(path: string): boolean {
    return !isSame(this.entry(path), this.#base.entry(path));
  }
}
