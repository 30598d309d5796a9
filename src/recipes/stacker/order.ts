import { join, sep } from 'node:path';
import { basesOf, foreignImagesOf } from '../../plan/bases.ts';
import type { Bind, ImagePlan, ImageSource, Step } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import { didYouMean } from '../../support/suggest.ts';
import { sourcesOf } from '../plan-remarks.ts';
import type { StackerOptions } from './options.ts';

export type UnorderedImage = Omit<ImagePlan, 'after'>;

/**
 * The images of one file in the order in which stacker builds them one after another: as in the file, except that an
 * image waits for those it is made from. `available` are the images of prerequisites, `everywhere` gives the file of
 * any image of the build for the hint.
 *
 * Warns about every image that cannot be built, then throws `couldn't resolve some dependencies`.
 */
export function buildOrder(
  images: readonly UnorderedImage[],
  available: ReadonlySet<string>,
  everywhere: ReadonlyMap<string, string>,
  options: StackerOptions,
): UnorderedImage[] {
  const done = new Set(available);
  const ordered: UnorderedImage[] = [];
  let waiting = images;
  while (waiting.length > 0) {
    const later: UnorderedImage[] = [];
    for (const image of waiting) {
      if (needsOf(image).every(({ image: name }) => done.has(name))) {
        ordered.push(image);
        done.add(image.name);
      } else {
        later.push(image);
      }
    }
    if (later.length === waiting.length) throw unresolved(later, done, everywhere, options);
    waiting = later;
  }
  return ordered;
}

/** Where builds leave what later layers may use. */
type Directories = Pick<StackerOptions, 'ociDir' | 'rootsDir' | 'stackerDir'>;

/** Adds `after`: the earlier images that must be done first although an image does not name them. */
export function addFileOrder(images: readonly UnorderedImage[], directories: Directories): ImagePlan[] {
  const nodes = images.map(image => ({ image, paths: pathsOf(image) }));
  return nodes.map(({ image, paths }, i) => {
    const after = nodes
      .slice(0, i)
      .filter(
        earlier =>
          conflict(earlier.paths, paths) ||
          refersTo(image, earlier.image, directories) ||
          looksInto(paths, earlier.image, directories),
      );
    return { ...image, after: after.map(earlier => earlier.image.name) };
  });
}

/** Refuses sources out of another image's bind mounts: what is written there stays on the host. */
export function checkBoundSources(images: readonly UnorderedImage[]): void {
  const targets = new Map(
    images.map(({ name, steps }) => [name, bindsOf(steps).map(({ target }) => target)] as const),
  );
  for (const source of images.flatMap(imageSourcesOf)) {
    const bound = targets.get(source.image)?.find(target => isWithin(source.path, target));
    if (bound === undefined) continue;
    throw new AshlarError(`${source.path} of layer ${source.image} is in its bind mount ${bound}`, {
      at: source.at,
      hint: 'what is written to a bind mount stays on the host: import it from there',
    });
  }
}

interface Need {
  readonly image: string;
  /** As stacker words it. */
  readonly words: string;
  readonly at: SourceSpan;
}

/** The images that one is made from. */
export function needsOf(image: UnorderedImage): Need[] {
  const built = basesOf(image).flatMap(base =>
    base.kind === 'built' ? [{ image: base.image, words: `base layer ${base.image}`, at: base.at }] : [],
  );
  const sources = imageSourcesOf(image).map(source => ({
    image: source.image,
    words: `stacker://${source.image}${source.path}`,
    at: source.at,
  }));
  return [...built, ...sources];
}

function imageSourcesOf(image: UnorderedImage): ImageSource[] {
  return sourcesOf(image).filter(source => source.kind === 'image');
}

function bindsOf(steps: readonly Step[]): Bind[] {
  return steps.flatMap(step => (step.kind === 'run' ? step.surroundings.binds : []));
}

function unresolved(
  images: readonly UnorderedImage[],
  done: ReadonlySet<string>,
  everywhere: ReadonlyMap<string, string>,
  options: StackerOptions,
): AshlarError {
  const names = new Set([...done, ...images.map(({ name }) => name)]);
  const missing = images.map(image => ({
    image,
    needs: needsOf(image).filter(need => !done.has(need.image)),
  }));
  for (const { image, needs } of missing) {
    const words = [...new Set(needs.map(need => need.words))];
    options.warn(
      `couldn't find dependencies for ${image.name}: ${words.join(', ')}`,
      needs[0]?.at,
      'unresolved',
    );
  }
  const unknown = missing.flatMap(({ needs }) => needs).find(need => !names.has(need.image));
  return new AshlarError("couldn't resolve some dependencies", {
    at: (unknown ?? missing[0]?.needs[0])?.at,
    hint:
      unknown === undefined ? 'these layers wait for each other' : hintFor(unknown.image, names, everywhere),
  });
}

function hintFor(name: string, names: ReadonlySet<string>, everywhere: ReadonlyMap<string, string>): string {
  const file = everywhere.get(name);
  if (file !== undefined) return `layer "${name}" is in ${file}: name that file in config.prerequisites`;
  return didYouMean(name, names) ?? `there is no layer "${name}"`;
}

/** Paths of the host that an image reads, and those that it may write because they are bound into it. */
interface HostPaths {
  readonly bound: readonly string[];
  readonly read: readonly string[];
}

function pathsOf(image: UnorderedImage): HostPaths {
  return {
    bound: bindsOf(image.steps).map(({ source }) => source),
    read: sourcesOf(image).flatMap(source => (source.kind === 'file' ? [source.path] : [])),
  };
}

/** Whether one of two images may write what the other one uses. */
function conflict(a: HostPaths, b: HostPaths): boolean {
  return overlap(a.bound, [...b.bound, ...b.read]) || overlap(a.read, b.bound);
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some(a => others.some(b => isWithin(a, b) || isWithin(b, a)));
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** Whether a base, or an applied image, is what another image of this build leaves in the output layout. */
function refersTo(image: UnorderedImage, other: UnorderedImage, { ociDir }: Directories): boolean {
  const tags = [other.name, `${other.name}-squashfs`, `${other.name}-erofs`];
  const references = foreignImagesOf(image).map(({ reference }) => reference);
  return tags.some(tag => references.includes(`oci:${ociDir}:${tag}`));
}

/** Whether a path of the host is in what is found there of another image of this build. */
function looksInto(
  { read, bound }: HostPaths,
  { name }: UnorderedImage,
  { rootsDir, stackerDir }: Directories,
): boolean {
  const places = [join(rootsDir, name), join(stackerDir, 'imports', name)];
  return [...read, ...bound].some(path => places.some(place => isWithin(path, place)));
}
