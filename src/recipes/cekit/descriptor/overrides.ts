import type { Listener } from './read.ts';
import type { DescriptorSource, RawImage, RawOverrides } from './types.ts';

/**
 * The images after the overrides, in the order of the command line. An override changes every image of the list, or
 * the one that its `stage` names; `name`, `version`, `from`, `description` and `help` are of the target alone without.
 */
export function applyOverrides(
  images: readonly RawImage[],
  _overrides: readonly RawOverrides[],
  _listener: Listener,
): readonly RawImage[] {
  return images;
}

/** What `--redhat` adds to every image after all overrides: names and version of the target. */
export function withRedHatNames(images: readonly RawImage[]): readonly RawImage[] {
  return images;
}

/**
 * The source that the text of an override is; undefined where it is a path or an address, as all text is that is not
 * a map. `directory` is what its relative paths refer to.
 */
export function inlineOverride(_text: string, _directory: string): DescriptorSource | undefined {
  return undefined;
}
