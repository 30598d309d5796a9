/** Under which names the images of a plan are in the output. Pure functions. */
import { canBeReferenceName, formatPlatform } from '../oci/index.ts';
import { tagsOf, typesOf } from '../plan/names.ts';
import type { ImagePlan } from '../plan/types.ts';
import { AshlarError } from '../support/errors.ts';
import { TAG_SUFFIXES } from './forms/images.ts';
import type { LayerType } from './values.ts';

/** One name in the output: of an image, or of an index of images for different platforms. */
export interface OutputEntry {
  /** With the suffix for the type of layers. */
  readonly tag: string;
  readonly type: LayerType;
  /** The names of the images in the plan, in its order. */
  readonly images: readonly string[];
}

/**
 * What the output is to have of the emitted images, in an order in which it can be written while they are built one
 * after the other: each entry comes with the last of its images.
 * @throws AshlarError for names that nothing could refer to, and two images for the same platform under one name.
 */
export function outputEntries(
  images: readonly ImagePlan[],
  usual: readonly LayerType[],
): readonly OutputEntry[] {
  const members = new Map<string, ImagePlan[]>();
  for (const image of images.filter(({ emit }) => emit)) {
    for (const tag of tagsOf(image)) {
      const before = members.get(tag) ?? [];
      checkEntry(tag, image, before);
      // The order of a map is that in which its keys came.
      members.delete(tag);
      members.set(tag, [...before, image]);
    }
  }
  return [...members].flatMap(([tag, group]) =>
    typesOfAll(group, usual).map(type => ({
      tag: tag + TAG_SUFFIXES[type],
      type,
      images: group.filter(image => typesOf(image, usual).includes(type)).map(({ name }) => name),
    })),
  );
}

/** The forms in which some of the images are emitted, each once. */
export function typesOfAll(
  images: readonly Pick<ImagePlan, 'emit' | 'forms'>[],
  usual: readonly LayerType[],
): readonly LayerType[] {
  return [...new Set(images.flatMap(image => (image.emit ? typesOf(image, usual) : [])))];
}

function checkEntry(tag: string, image: ImagePlan, before: readonly ImagePlan[]): void {
  const { at, platform } = image;
  if (!canBeReferenceName(tag)) throw new AshlarError(`"${tag}" cannot be the name of an image`, { at });
  const name = formatPlatform(platform);
  if (before.some(other => formatPlatform(other.platform) === name))
    throw new AshlarError(`two images for ${name} are called ${tag}`, { at });
}
