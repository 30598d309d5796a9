/** In which order the layers lie: each once, as low as it can, and higher only where that is needed. */
import { type ByteString, toText } from '../layers/index.ts';
import { printable } from '../support/cells.ts';
import type { MovedLayer } from './decision.ts';
import type { LayerView } from './layer-view.ts';
import type { PartTree } from './opinions.ts';
import { Pile } from './pile.ts';
import type { StackPart } from './types.ts';
import { isGranted, type Want } from './wants.ts';

/** The ids of all layers, each at its lowest place; those in `late` at their highest. */
export function orderOf(parts: readonly StackPart[], late: ReadonlySet<string> = new Set()): string[] {
  const ids = parts.flatMap(({ layers }) => layers.map(({ id }) => id));
  const last = new Map(ids.map((id, place) => [id, place]));
  const order = new Set<string>();
  for (const [place, id] of ids.entries()) {
    if (!late.has(id) || last.get(id) === place) order.add(id);
  }
  return [...order];
}

/**
 * The layers that all parts start with, in the same order. It ends before a layer that a part has twice (images do,
 * mostly with empty ones): that may be needed at another place.
 */
export function commonStart(parts: readonly StackPart[]): string[] {
  const lists = parts.map(({ layers }) => layers.map(({ id }) => id));
  const [first, ...others] = lists;
  if (first === undefined) return [];
  const twice = new Set(lists.flatMap(list => list.filter((id, height) => list.indexOf(id) !== height)));
  const end = first.findIndex((id, height) => twice.has(id) || others.some(other => other[height] !== id));
  return end === -1 ? first : first.slice(0, end);
}

interface Placement {
  readonly order: readonly string[];
  readonly moved: readonly MovedLayer[];
}

/** The order that grants most of the wants; a layer is moved up only when that grants more of them. */
export function placeLayers(
  parts: readonly StackPart[],
  trees: readonly PartTree[],
  wants: ReadonlyMap<ByteString, Want>,
  layers: ReadonlyMap<string, LayerView>,
): Placement {
  const late = new Set<string>();
  const moved: MovedLayer[] = [];
  const start = new Set(commonStart(parts));
  let order = orderOf(parts);
  const missed = new Map(missedBy(order, wants, layers));
  for (const id of order) {
    if (start.has(id)) continue;
    const example = firstFrom(id, missed);
    if (example === undefined) continue;
    const trial = orderOf(parts, new Set([...late, id]));
    // Wherever it lies, it changes nothing else.
    const touched = [...wants].filter(([path]) => layers.get(id)?.say(path) !== undefined);
    const missedThen = missedBy(trial, touched, layers);
    if (missedThen.length >= touched.filter(([path]) => missed.has(path)).length) continue;
    moved.push({ layer: id, reason: reasonFor(example, order, layers, trees) });
    late.add(id);
    order = trial;
    for (const [path] of touched) missed.delete(path);
    for (const [path, want] of missedThen) missed.set(path, want);
  }
  return { order, moved };
}

function missedBy(
  order: readonly string[],
  wants: Iterable<readonly [ByteString, Want]>,
  layers: ReadonlyMap<string, LayerView>,
): readonly (readonly [ByteString, Want])[] {
  const result = pileOf(order, layers);
  return [...wants].filter(([path, want]) => !isGranted(want, result.state(path)));
}

/** The first path at which something of the layer is wanted. */
function firstFrom(id: string, wants: ReadonlyMap<ByteString, Want>): ByteString | undefined {
  for (const [path, want] of wants) if (want.kind === 'taken' && want.source?.id === id) return path;
  return undefined;
}

function reasonFor(
  path: ByteString,
  order: readonly string[],
  layers: ReadonlyMap<string, LayerView>,
  trees: readonly PartTree[],
): string {
  const state = pileOf(order, layers).state(path);
  const owner = state.kind === 'unsaid' ? undefined : state.owner;
  const part = trees.find(({ heights }) => owner !== undefined && heights.has(owner))?.name;
  const who = part === undefined ? '' : ` by ${part}`;
  return `at its lowest place, its /${printable(toText(path))} would be ${state.kind === 'present' ? 'replaced' : 'removed'}${who}`;
}

export function pileOf(order: readonly string[], layers: ReadonlyMap<string, LayerView>): Pile {
  return new Pile(order.flatMap(id => layers.get(id) ?? []));
}
