/** Asks what stacking makes of images: with the contents of their layers, which are remembered by diff ID. */
import {
  type ConflictRules,
  decideStack,
  mergers,
  type StackDecision,
  type StackLayer,
  type StackPart,
} from '../../stacking/index.ts';
import type { LookContext } from '../context.ts';
import { contentsOf, filesOf } from '../layer-contents.ts';
import type { LayerRecord } from '../values.ts';
import type { Part } from './parts.ts';

/** How these parts, the lowest first, are stacked. Layers are fetched only where their contents matter. */
export function decide(
  parts: readonly Part[],
  rules: ConflictRules,
  context: LookContext,
): Promise<StackDecision> {
  const layers = parts.flatMap(part => part.layers);
  return decideStack(asStacked(parts, context), rules, mergers, filesOf(layers, context));
}

/** The parts as stacking sees them. */
export function asStacked(parts: readonly Part[], context: LookContext): readonly StackPart[] {
  return parts.map(({ name, layers }) => ({ name, layers: stackLayers(layers, context) }));
}

export function stackLayers(layers: readonly LayerRecord[], context: LookContext): readonly StackLayer[] {
  return layers.map(layer => ({ id: layer.diffId, contents: () => contentsOf(layer, context) }));
}
