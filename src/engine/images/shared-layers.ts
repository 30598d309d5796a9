import type { LayerRecord } from '../values.ts';

/** How many layers at the bottom two images have in common. */
export function sharedLayers(some: readonly LayerRecord[], others: readonly LayerRecord[]): number {
  const end = some.findIndex(({ diffId }, i) => diffId !== others[i]?.diffId);
  return end < 0 ? some.length : end;
}
