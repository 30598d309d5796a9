/** What a build has found out and its plan did not say: for those who want the next one to be the same. */
import { foreignImagesOf } from '../../plan/bases.ts';
import type { HttpSource, ImagePlan, Plan } from '../../plan/types.ts';
import { packagesIn } from '../../stacking/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { looking } from '../keys/looking.ts';
import { digestOfBase } from '../sources/bases.ts';
import { knownDownload } from '../sources/downloads.ts';
import { sourcesOf } from '../sources/sources.ts';
import type { BuiltImage, LayerRecord } from '../values.ts';
import { treeOf } from './tree-view.ts';

export interface PlanFacts {
  /** Digests of manifests or indexes, by reference. */
  readonly images: ReadonlyMap<string, string>;
  /** SHA-256 by URL. */
  readonly downloads: ReadonlyMap<string, string>;
  /** Versions by name, for each image that was asked about. */
  readonly packages: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/**
 * What a plan that was just built has become.
 * @param withPackages Names of the images whose packages are wanted.
 * @throws AshlarError when their layers cannot be read.
 */
export function factsOf(
  plan: Plan,
  built: readonly BuiltImage[],
  withPackages: ReadonlySet<string>,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<PlanFacts> {
  return looking(options, emit, signal, async context => {
    const images = new Map<string, string>();
    const downloads = new Map<string, string>();
    const packages = new Map<string, ReadonlyMap<string, string>>();
    for (const image of plan.images) {
      for (const base of foreignImagesOf(image)) {
        const digest = await digestOfBase(base, image.platform, context);
        if (digest !== undefined) images.set(base.reference, digest);
      }
      for (const source of downloadsOf(image)) {
        const file = await knownDownload(source, context);
        if (file) downloads.set(source.url, file.checksums.sha256);
      }
    }
    for (const image of built.filter(({ name }) => withPackages.has(name)))
      packages.set(image.name, await versionsIn(image, context));
    return { images, downloads, packages };
  });
}

function downloadsOf(image: ImagePlan): readonly HttpSource[] {
  return sourcesOf(image).filter(source => source.kind === 'http');
}

/** Of several versions of one package, which rpm can have, the last one that its database names. */
async function versionsIn(image: BuiltImage, context: LookContext): Promise<ReadonlyMap<string, string>> {
  const layers = image.layers.map(layer => ({ ...layer, fetch: () => ensure(layer, context) }));
  const { packages, unread } = await packagesIn(await treeOf(layers, context));
  const [problem] = unread;
  if (problem)
    throw new AshlarError(`cannot read the packages of ${image.name}: ${problem.path}: ${problem.reason}`);
  return new Map(packages.map(({ name, version }) => [name, version]));
}

/** The build that fetched it is over; what something ran on is here. */
async function ensure({ descriptor }: LayerRecord, { store }: LookContext): Promise<void> {
  if (await store.hasBlob(descriptor)) return;
  throw new AshlarError(`the layer ${descriptor.digest} is no longer in the store`, { hint: 'build again' });
}
