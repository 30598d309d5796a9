import type { ImagePlan, Plan } from '../plan/types.ts';
import { AshlarError } from '../support/errors.ts';
import { didYouMean } from '../support/suggest.ts';
import { dependenciesOf } from './dependencies.ts';

/**
 * The part of a plan that some of its images take: they, and what must be built before them. Only they are emitted, and
 * those that come before others without being named by them: what these leave behind may be what the others look for.
 * @throws AshlarError when the plan has no image of a name.
 */
export function selectImages({ images }: Plan, names: readonly string[]): Plan {
  const byName = new Map(images.map(image => [image.name, image]));
  const needed = new Set<ImagePlan>();
  const emitted = new Set(names);
  const add = (name: string): void => {
    const image = byName.get(name);
    if (!image) throw unknown(name, byName.keys());
    if (needed.has(image)) return;
    needed.add(image);
    for (const earlier of image.after) emitted.add(earlier);
    for (const dependency of dependenciesOf(image)) add(dependency);
  };
  for (const name of names) add(name);
  return {
    images: images
      .filter(image => needed.has(image))
      .map(image => (emitted.has(image.name) ? image : { ...image, emit: false, outputs: [] })),
  };
}

function unknown(name: string, names: Iterable<string>): AshlarError {
  const known = [...names];
  return new AshlarError(`there is no layer "${name}" to build`, {
    hint: didYouMean(name, known) ?? `the layers are ${known.join(', ')}`,
  });
}
