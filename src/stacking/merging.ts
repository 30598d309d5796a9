/** Lets mergers bring files together: shows them the trees, and takes what they make. */
import { type ByteString, type ContentsEntry, toText } from '../layers/index.ts';
import { type ContentReader, sha256Of } from './content-reader.ts';
import type { MergedPaths } from './decision.ts';
import type { MergedFile, MergeInput, Regeneration } from './merger.ts';
import { mergeInTurns, shareAlike } from './merging-in-turns.ts';
import type { PartTree } from './opinions.ts';
import { parentsOf } from './paths.ts';
import { isDirectory, Pile } from './pile.ts';
import type { PolicyOf } from './policies.ts';
import { bytesOf, PartTreeView, PileView } from './tree-views.ts';
import type { DecidedConflict } from './types.ts';
import { IMPLIED_WANT, type MergeGroup, ruleFor, type Want } from './wants.ts';

export interface MergedStack {
  /** The lowest first. */
  readonly parts: readonly PartTree[];
  /** The tree of the stacked layers. */
  readonly tree: Pile;
  readonly policy: PolicyOf;
  readonly reader: ContentReader;
}

export interface Merges {
  readonly merged: readonly MergedPaths[];
  readonly conflicts: readonly DecidedConflict[];
  readonly regenerate: readonly Regeneration[];
}

/** Asks the mergers one after the other, and writes what they make into `wants`. */
export async function mergeGroups(
  groups: readonly MergeGroup[],
  wants: Map<ByteString, Want>,
  stack: MergedStack,
): Promise<Merges> {
  const merged: MergedPaths[] = [];
  const conflicts: DecidedConflict[] = [];
  const regenerate: Regeneration[] = [];
  for (const group of groups.filter(isNeeded).flatMap(each => byWhoPrevails(each, stack.policy))) {
    const { merger } = group;
    const speaking = new Set([...group.paths.values()].flat());
    const speakers = stack.parts.filter(part => speaking.has(part));
    const result = shareAlike(speakers)
      ? await merger.merge(await inputFor(group, speakers, stack))
      : await mergeInTurns(group, speakers, stack);
    for (const file of result.files) enter(file, merger.name, wants, stack.tree);
    if (result.files.length > 0) {
      merged.push({ merger: merger.name, paths: result.files.map(({ path }) => path).toSorted() });
    }
    for (const path of result.declined ?? []) {
      const conflict = group.conflicts.get(bytesOf(path));
      if (conflict) conflicts.push(conflict);
    }
    const order = stack.parts.map(({ name }) => name);
    for (const conflict of result.conflicts) {
      // Who prevails came last.
      const winner = conflict.parts.at(-1) ?? '';
      const parts = conflict.parts.toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
      conflicts.push({ ...conflict, parts, policy: ruleFor(conflict.path, merger, stack.policy), winner });
    }
    regenerate.push(...(result.regenerate ?? []));
  }
  return { merged, conflicts, regenerate };
}

/** Mergers of whole databases are needed, too, when parts have changed different files of one. */
function isNeeded({ paths, disagree }: MergeGroup): boolean {
  if (disagree) return true;
  const all = new Set([...paths.values()].flat());
  return [...paths.values()].some(parts => parts.length < all.size);
}

/** Paths in which different parts prevail are merged apart. */
function byWhoPrevails(group: MergeGroup, policy: PolicyOf): readonly MergeGroup[] {
  const sorted = Map.groupBy(
    group.paths,
    ([path]) => ruleFor(`/${toText(path)}`, group.merger, policy) === 'first',
  );
  return [...sorted.values()].map(paths => ({ ...group, paths: new Map(paths) }));
}

async function inputFor(
  { merger, paths }: MergeGroup,
  parts: readonly PartTree[],
  stack: MergedStack,
): Promise<MergeInput> {
  const sorted = [...paths.keys()].toSorted();
  const base = new PileView(new Pile(commonLayers(parts)), stack.reader);
  const views = parts.map(part => new PartTreeView(part, base, stack.reader));
  // Asked for at once, so that each layer is read once.
  if (merger.unread === undefined)
    await Promise.all([base, ...views].flatMap(view => sorted.map(path => view.readBytes(path))));
  const [path = ''] = sorted;
  return {
    paths: sorted.map(each => `/${toText(each)}`),
    base,
    // Whoever prevails comes last.
    parts: ruleFor(`/${toText(path)}`, merger, stack.policy) === 'first' ? views.reverse() : views,
    stacked: new PileView(stack.tree, stack.reader),
  };
}

function commonLayers([first, ...others]: readonly PartTree[]): Pile['layers'] {
  return first?.pile.layers.filter(layer => others.every(({ heights }) => heights.has(layer))) ?? [];
}

function enter(file: MergedFile, merger: string, wants: Map<ByteString, Want>, tree: Pile): void {
  const path = bytesOf(file.path);
  if (file.kind === 'removed') {
    wants.set(path, { kind: 'absent' });
    return;
  }
  const { entry, content } = file;
  const isFile = entry.type === 'file';
  const checked: ContentsEntry = {
    ...entry,
    ...{ size: isFile ? content.length : 0, sha256: isFile ? sha256Of(content) : '' },
  };
  wants.set(path, { kind: 'made', entry: withoutLink(checked), content: isFile ? content : NOTHING, merger });
  for (const parent of parentsOf(path)) {
    const want = wants.get(parent);
    if (want === undefined ? !isDirectory(tree.state(parent)) : want.kind === 'absent') {
      wants.set(parent, IMPLIED_WANT);
    }
  }
}

const NOTHING = new Uint8Array();

/** What is made is a file of its own. */
function withoutLink({ linkedTo: _, ...entry }: ContentsEntry): ContentsEntry {
  return entry;
}
