/** The strict way to put images on a base: text is merged three-way, every other difference is an error. */
import type { ApplyDecision, LayerFiles } from './decision.ts';
import type { StackLayer } from './types.ts';

/** An image that is applied, with all its layers, bottom to top. */
export interface AppliedImage {
  /** As the user knows it: for messages. */
  readonly name: string;
  readonly layers: readonly StackLayer[];
}

export interface ApplyOptions {
  /** Whether times must agree, too, where nothing can be merged. */
  readonly considerTimes: boolean;
}

/**
 * What applying the images, in their order, to the base (bottom to top) gives.
 * Throws what reading contents and files throws; conflicts are in the decision.
 */
export async function decideApply(
  base: readonly StackLayer[],
  images: readonly AppliedImage[],
  _options: ApplyOptions,
  _files: LayerFiles,
): Promise<ApplyDecision> {
  const present = new Set(base.map(({ id }) => id));
  const layers = new Set(images.flatMap(image => image.layers.map(({ id }) => id)));
  return { layers: [...layers.difference(present)], corrections: [], conflicts: [] };
}
