/** What is remembered of decisions: all but what a layer on top was made of, which is in that layer. */
import type { Digest } from '../../oci/index.ts';
import type { StackDecision } from '../../stacking/index.ts';
import type { LookContext } from '../context.ts';
import type { LayerRecord } from '../values.ts';

/** How a stack was made. */
export interface StackOutline extends Pick<StackDecision, 'moved' | 'regenerate' | 'orderIndependent'> {
  /** All layers of the parts, bottom to top. */
  readonly order: readonly Digest[];
  /** Conflicts that people are told of. */
  readonly warnings: readonly string[];
  /** The text for the annotation. */
  readonly record: string;
}

/** What applying images came to. */
export interface ApplyOutline {
  /** The layers that came to those of the base, bottom to top. */
  readonly layers: readonly Digest[];
}

/** What an earlier build has made; empty where nothing had to be. */
export interface KnownLayers {
  readonly layers: readonly LayerRecord[];
}

export function recallStack(key: string, context: LookContext): StackOutline | undefined {
  return recall(key, context) as StackOutline | undefined;
}

export function recallApply(key: string, context: LookContext): ApplyOutline | undefined {
  return recall(key, context) as ApplyOutline | undefined;
}

export function rememberOutline(
  key: string,
  outline: StackOutline | ApplyOutline,
  { store }: LookContext,
): void {
  store.database.remember('lookups', key, outline);
}

function recall(key: string, { store, options }: LookContext): unknown {
  return options.noCache ? undefined : store.database.recall('lookups', key);
}

/** The layers of these diff IDs, in this order; of layers that are there twice the first ones. */
export function pick(order: readonly Digest[], layers: readonly LayerRecord[]): readonly LayerRecord[] {
  const known = new Map(layers.toReversed().map(layer => [layer.diffId, layer]));
  return order.map(diffId => {
    const layer = known.get(diffId);
    if (!layer) throw new Error(`there is no layer ${diffId} in the parts`);
    return layer;
  });
}
