/** What images of a plan need of each other. Pure functions. */
import { basesOf, builtBasesOf } from '../plan/bases.ts';
import { sourcesOfStep } from '../plan/step-sources.ts';
import type { ImagePlan, Source, Step } from '../plan/types.ts';

/** The images that must be built before this one (before all but `steps` of it); the plan lists them before it. */
export function dependenciesOf(image: ImagePlan, steps: readonly Step[] = image.steps): readonly string[] {
  const sources: readonly Source[] = [
    ...image.imports.map(({ source }) => source),
    ...steps.flatMap(sourcesOfStep),
    ...basesOf(image).flatMap(base => (base.kind === 'tar' ? [base.source] : [])),
  ];
  const fromImages = sources.flatMap(source => (source.kind === 'image' ? [source.image] : []));
  return [...new Set([...builtBasesOf(image), ...fromImages, ...image.after])];
}

/**
 * How many steps of an image are worth doing while images are built that later ones copy from: those up to its last
 * command before the first such copy.
 */
export function stepsAhead({ steps }: Pick<ImagePlan, 'steps'>): number {
  const copy = steps.findIndex(step => sourcesOfStep(step).some(({ kind }) => kind === 'image'));
  return copy < 0 ? 0 : steps.slice(0, copy).findLastIndex(({ kind }) => kind === 'exec') + 1;
}
