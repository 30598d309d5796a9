/** Finds the few paths at which layers of different parts meet; everywhere else there is nothing to decide. */
import type { ByteString } from '../layers/index.ts';
import type { LayerView } from './layer-view.ts';
import { parentOf } from './paths.ts';

/** Layers of one home cannot disagree: those that the same single part has, in its order. */
export interface Resident {
  readonly layer: LayerView;
  readonly home: number;
}

/** At home nowhere: layers of several homes. */
const MANY = -1;

/** Paths that layers of different homes name, or that one names where another one covers what is below. */
export function meetingPaths(residents: readonly Resident[]): Set<ByteString> {
  const meetings = new Set<ByteString>();
  const homes = new Map<ByteString, number>();
  for (const { layer, home } of residents) {
    for (const path of layer.paths()) {
      if (together(homes, path, home) === MANY) meetings.add(path);
    }
  }
  const cuts = new Map<ByteString, number>();
  for (const { layer, home } of residents) {
    // Where a layer alone names the path that it covers, nobody else has anything below.
    for (const path of layer.cutPoints()) if (meetings.has(path)) together(cuts, path, home);
  }
  if (cuts.size === 0) return meetings;
  const covering = new Map<ByteString, number | undefined>();
  for (const [path, home] of homes) {
    const other = coveringHome(path, cuts, covering);
    if (other !== undefined && (other === MANY || other !== home)) meetings.add(path);
  }
  return meetings;
}

function together(homes: Map<ByteString, number>, path: ByteString, home: number): number {
  const known = homes.get(path);
  if (known === home) return home;
  const result = known === undefined ? home : MANY;
  homes.set(path, result);
  return result;
}

/** The home of the layers that cover a directory above the path. */
function coveringHome(
  path: ByteString,
  cuts: ReadonlyMap<ByteString, number>,
  known: Map<ByteString, number | undefined>,
): number | undefined {
  if (path === '') return undefined;
  const parent = parentOf(path);
  if (known.has(parent)) return known.get(parent);
  const above = coveringHome(parent, cuts, known);
  const here = cuts.get(parent);
  const both = above === undefined ? here : here === undefined || here === above ? above : MANY;
  known.set(parent, both);
  return both;
}
