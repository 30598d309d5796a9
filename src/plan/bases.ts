/** What images are built on, however it is put together. */
import type { Base, ImageBase, ImagePlan, StackBase } from './types.ts';

/** A base that is not put together from others. */
export type SingleBase = Exclude<Base, StackBase>;

/** The base of an image, or what its base is stacked from: the lowest first. */
export function basesOf({ base }: Pick<ImagePlan, 'base'>): readonly SingleBase[] {
  return base.kind === 'stack' ? base.parts : [base];
}

/** The images of the plan whose layers are part of one. */
export function builtBasesOf(image: Pick<ImagePlan, 'base'>): readonly string[] {
  return basesOf(image).flatMap(base => (base.kind === 'built' ? [base.image] : []));
}

/** The images from elsewhere whose layers become part of one. */
export function foreignImagesOf(image: Pick<ImagePlan, 'base' | 'steps'>): readonly ImageBase[] {
  return [
    ...basesOf(image).filter(base => base.kind === 'image'),
    ...image.steps.flatMap(step => (step.kind === 'apply' ? [step.image] : [])),
  ];
}
