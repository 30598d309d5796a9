/** The tree that layers give, one above the other, path by path, and which layer each state comes from. */
import { type ByteString, type ContentsEntry, IMPLIED_DIRECTORY } from '../layers/index.ts';
import { sameEntry } from './entries.ts';
import type { Cut, LayerView } from './layer-view.ts';

export type State =
  /** No layer says anything. */
  | { readonly kind: 'unsaid' }
  | { readonly kind: 'removed'; readonly cut: Cut; readonly owner: LayerView }
  | Present;

export interface Present {
  readonly kind: 'present';
  readonly entry: ContentsEntry;
  /** A directory of which nobody says more than that it is there: it equals every directory. */
  readonly implied: boolean;
  /** The layer that made it what it is, but for times. */
  readonly owner: LayerView;
  /** The uppermost layer that has it so. */
  readonly source: LayerView;
}

const UNSAID: State = { kind: 'unsaid' };

export class Pile {
  /** Bottom to top. */
  readonly layers: readonly LayerView[];

  constructor(layers: readonly LayerView[]) {
    this.layers = layers;
  }

  state(path: ByteString): State {
    let state = UNSAID;
    for (const layer of this.layers) state = over(state, layer, path);
    return state;
  }

  /** Paths that some layer names in the directory, each once; not all of them need be there. */
  children(directory: ByteString): Set<ByteString> {
    return new Set(this.layers.flatMap(layer => layer.children(directory)));
  }
}

function over(state: State, layer: LayerView, path: ByteString): State {
  const say = layer.say(path);
  switch (say?.kind) {
    case undefined:
      return state;
    case 'removed':
      return state.kind === 'removed' ? state : { kind: 'removed', cut: say.cut, owner: layer };
    case 'implied':
      if (isDirectory(state) && !say.fresh) return state;
      return { kind: 'present', entry: IMPLIED_DIRECTORY, implied: true, owner: layer, source: layer };
    case 'entry': {
      const { entry } = say;
      const unchanged = state.kind === 'present' && !state.implied && sameEntry(state.entry, entry);
      const owner = unchanged ? state.owner : layer;
      return { kind: 'present', entry, implied: false, owner, source: layer };
    }
  }
}

export function isDirectory(state: State): state is Present {
  return state.kind === 'present' && state.entry.type === 'directory';
}

/** Whether both give the same tree at the path: equal but for times, or nothing there. */
export function sameState(a: State, b: State): boolean {
  if (a.kind !== 'present' || b.kind !== 'present') return a.kind !== 'present' && b.kind !== 'present';
  if ((a.implied || b.implied) && isDirectory(a) && isDirectory(b)) return true;
  return sameEntry(a.entry, b.entry);
}
