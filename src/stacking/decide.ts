/** Decides how parts are stacked: order, conflicts, merges, and what only a layer on top can give. */
import { type ByteString, toText } from '../layers/index.ts';
import { ContentReader } from './content-reader.ts';
import { correctionsOf } from './corrections.ts';
import type { LayerFiles, SharedLayer, StackDecision } from './decision.ts';
import type { LayerView } from './layer-view.ts';
import { meetingPaths, type Resident } from './meetings.ts';
import type { Merger } from './merger.ts';
import { mergeGroups } from './merging.ts';
import type { PartTree } from './opinions.ts';
import { commonStart, orderOf, pileOf, placeLayers } from './order.ts';
import { type State, sameState } from './pile.ts';
import { policyOf } from './policies.ts';
import { readLayers, treeOf } from './reading.ts';
import type { ConflictRules, StackLayer, StackPart } from './types.ts';
import { isGranted, type Want, wantOf, weigh } from './wants.ts';

/**
 * How the parts, lowest first, are stacked. Contents of layers that all parts start with are asked for only when the
 * parts disagree about something. Conflicts with the policy `error` are in the decision like all others.
 * Throws what reading contents and files throws.
 */
export async function decideStack(
  parts: readonly StackPart[],
  rules: ConflictRules,
  mergers: readonly Merger[],
  files: LayerFiles,
): Promise<StackDecision> {
  return (await reachDecision(parts, rules, mergers, files)).decision;
}

/** A decision, and what it wants of the result wherever layers of several parts meet. */
export interface Reached {
  readonly decision: StackDecision;
  readonly wants: ReadonlyMap<ByteString, Want>;
}

export async function reachDecision(
  parts: readonly StackPart[],
  rules: ConflictRules,
  mergers: readonly Merger[],
  files: LayerFiles,
): Promise<Reached> {
  const order = orderOf(parts);
  const start = new Set(commonStart(parts));
  const upper = await readLayers(layersOf(parts), id => !start.has(id));
  const meeting = meet(parts, order, upper, mergers);
  if (meeting.disputed.length === 0) {
    const { orderIndependent } = meeting;
    const decision = { moved: [], conflicts: [], merged: [], corrections: [], regenerate: [] };
    return {
      decision: { ...decision, order, shared: sharedLayers(parts), orderIndependent },
      wants: new Map(),
    };
  }

  const layers = await readLayers(layersOf(parts), () => true, upper);
  const trees = parts.map(part => treeOf(part, layers));
  const policy = await policyOf(rules);
  const weighed = weigh(meeting.disputed, {
    ...{ parts: trees, policy, mergers },
    own: new Set(upper.values()),
  });
  const wants = new Map([...meeting.agreed, ...weighed.wants]);
  const placement = placeLayers(parts, trees, wants, layers);
  const tree = pileOf(placement.order, layers);
  const reader = new ContentReader(files);
  const merges = await mergeGroups(weighed.groups, wants, { parts: trees, tree, policy, reader });
  const conflicts = [...weighed.conflicts, ...merges.conflicts];
  const decision = {
    ...placement,
    shared: sharedLayers(parts),
    conflicts: conflicts.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    merged: merges.merged,
    corrections: correctionsOf(wants, tree),
    regenerate: merges.regenerate,
    orderIndependent: meeting.orderIndependent,
  };
  return { decision, wants };
}

function layersOf(parts: readonly StackPart[]): StackLayer[] {
  return parts.flatMap(({ layers }) => layers);
}

function sharedLayers(parts: readonly StackPart[]): SharedLayer[] {
  return orderOf(parts)
    .map(layer => ({
      layer,
      parts: parts.filter(({ layers }) => layers.some(({ id }) => id === layer)).map(({ name }) => name),
    }))
    .filter(shared => shared.parts.length > 1);
}

interface Meeting {
  /** What all who speak of it want alike. */
  readonly agreed: ReadonlyMap<ByteString, Want>;
  readonly disputed: readonly ByteString[];
  readonly orderIndependent: boolean;
}

/** Looks where layers of several parts meet, as far as that can be seen without what all parts start with. */
function meet(
  parts: readonly StackPart[],
  order: readonly string[],
  upper: ReadonlyMap<string, LayerView>,
  mergers: readonly Merger[],
): Meeting {
  const trees = parts.map(part => treeOf(part, upper));
  const result = pileOf(order, upper);
  const agreed = new Map<ByteString, Want>();
  const disputed: ByteString[] = [];
  let orderIndependent = true;
  for (const path of meetingPaths(residentsOf(trees))) {
    const states = trees.map(({ pile }) => pile.state(path)).filter(state => state.kind !== 'unsaid');
    const example = states.find(state => state.kind === 'present' && !state.implied) ?? states[0];
    if (example === undefined) continue;
    const want = wantOf(example);
    const agree = states.every(state => sameState(state, example));
    if (agree && isGranted(want, result.state(path))) agreed.set(path, want);
    else disputed.push(path);
    orderIndependent &&= agree && states.every(state => sameTime(state, example));
  }
  const databases = metDatabases(trees, mergers);
  orderIndependent &&= databases.length === 0;
  return { agreed, disputed: [...disputed, ...databases], orderIndependent };
}

/** Times of files are part of the tree; those of directories change with whatever is unpacked into them. */
function sameTime(a: State, b: State): boolean {
  if (a.kind !== 'present' || b.kind !== 'present') return true;
  return a.entry.type === 'directory' || a.entry.mtime === b.entry.mtime;
}

/** What several parts say about databases that are merged as a whole, be it about different files. */
function metDatabases(trees: readonly PartTree[], mergers: readonly Merger[]): ByteString[] {
  const databases = mergers
    .filter(({ whole }) => whole)
    .map(merger => ({ merger, paths: new Set<ByteString>(), homes: new Set<number>() }));
  if (databases.length === 0) return [];
  for (const { layer, home } of residentsOf(trees)) {
    for (const path of layer.paths()) {
      const text = `/${toText(path)}`;
      for (const { merger, paths, homes } of databases) {
        if (!merger.answersFor(text)) continue;
        paths.add(path);
        if (layer.contents.entries.get(path)?.type !== 'directory') homes.add(home);
      }
    }
  }
  return databases.flatMap(({ paths, homes }) => (homes.size > 1 ? [...paths] : []));
}

/** A layer is at home in the part that has it; one that is there several times, in itself. */
function residentsOf(trees: readonly PartTree[]): Resident[] {
  const places = trees.flatMap(({ pile }, part) => pile.layers.map(layer => ({ layer, part })));
  const byLayer = Map.groupBy(places, ({ layer }) => layer);
  return [...byLayer].map(([layer, [first, ...others]], index) => {
    const home = first !== undefined && others.length === 0 ? first.part : trees.length + index;
    return { layer, home };
  });
}
