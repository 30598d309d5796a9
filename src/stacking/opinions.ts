/** What each part has to say of a path: nothing where it only has what another part, too, was built on. */
import type { ByteString } from '../layers/index.ts';
import type { LayerView } from './layer-view.ts';
import { isDirectory, type Pile, type Present, type State } from './pile.ts';

/** A part, read. */
export interface PartTree {
  readonly name: string;
  readonly pile: Pile;
  /** How high each layer lies in the part. */
  readonly heights: ReadonlyMap<LayerView, number>;
}

export interface Opinion {
  readonly part: PartTree;
  readonly state: Exclude<State, { kind: 'unsaid' }>;
}

/** All that say something of a path, and among them those whose own opinion it is. */
export interface Voices {
  readonly all: readonly Opinion[];
  readonly own: readonly Opinion[];
}

export function voicesAt(path: ByteString, parts: readonly PartTree[]): Voices {
  const all: Opinion[] = [];
  for (const part of parts) {
    const state = part.pile.state(path);
    if (state.kind !== 'unsaid') all.push({ part, state });
  }
  const own = all.filter(opinion => !all.some(other => speaksFor(other, opinion)));
  // Layers in opposite orders in two parts: each would leave it to the other.
  return { all, own: own.length === 0 ? all : own };
}

/** Whether a part was built on the very layer that gives another part its state, and has changed it since. */
function speaksFor(speaker: Opinion, { state }: Opinion): boolean {
  const basis = speaker.part.heights.get(state.owner);
  const top = speaker.part.heights.get(speaker.state.owner);
  return basis !== undefined && top !== undefined && top > basis;
}

/**
 * Whether a part that says nothing of a directory itself has an opinion about something below it, so that the
 * directory must be one for its sake. `own` layers are those that not all parts start with.
 */
export function bringsBelow(
  directory: ByteString,
  part: PartTree,
  parts: readonly PartTree[],
  own: ReadonlySet<LayerView>,
): boolean {
  const pending = [directory];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const layer of part.pile.layers) {
      if (!own.has(layer)) continue;
      for (const path of layer.children(at)) {
        if (isOwn(path, part, parts)) return true;
        pending.push(path);
      }
    }
  }
  return false;
}

function isOwn(path: ByteString, part: PartTree, parts: readonly PartTree[]): boolean {
  return voicesAt(path, parts).own.some(opinion => opinion.part === part && opinion.state.kind === 'present');
}

/** More names of one file are not looked at: nobody but a fool or an enemy gives so many. */
const MOST_NAMES = 1000;

/** The other names of the file at the path in the part's tree. */
export function otherNames(path: ByteString, state: Present, part: PartTree): ByteString[] {
  return state.source
    .linkedNames(path)
    .slice(0, MOST_NAMES)
    .filter(name => name !== path)
    .filter(name => {
      const there = part.pile.state(name);
      return there.kind === 'present' && there.source === state.source;
    });
}

/** The state of a directory in the uppermost part that has one there. */
export function directoryAt(path: ByteString, parts: readonly PartTree[]): Present | undefined {
  return parts.map(({ pile }) => pile.state(path)).findLast(isDirectory);
}
