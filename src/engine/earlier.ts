/** Images that earlier builds have made: in the layout that they went to, or as the index remembers them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openImage, openLayout } from '../oci/index.ts';
import type { ImagePlan } from '../plan/types.ts';
import { AshlarError } from '../support/errors.ts';
import { layersOf, openBase } from './bases.ts';
import type { LookContext } from './context.ts';
import { type RememberedLayer, recallHistory } from './history.ts';
import type { LayerRecord } from './values.ts';

/**
 * The layers of an image as it was built last.
 * @param images What is known of it and of the images it is built on; nothing has to be.
 * @throws AshlarError when it was never built here.
 */
export async function earlierLayers(
  name: string,
  images: readonly ImagePlan[],
  context: LookContext,
): Promise<readonly LayerRecord[]> {
  const image = images.find(candidate => candidate.name === name);
  const published = () => publishedLayers(name, context);
  const remembered = async () => rememberedLayers(name, images, context);
  // A layout may still have an image that is not for it any more.
  const places = image && !image.emit ? [remembered, published] : [published, remembered];
  for (const look of places) {
    const layers = await look();
    if (layers) return layers;
  }
  throw new AshlarError(`layer ${name} has not been built`, {
    at: image?.at,
    hint: `build it first; it is neither in ${context.options.output} nor among what was built for that directory`,
  });
}

async function publishedLayers(
  tag: string,
  context: LookContext,
): Promise<readonly LayerRecord[] | undefined> {
  const path = context.options.output;
  if (!existsSync(join(path, 'index.json'))) return undefined;
  const tags = await (await openLayout(path)).tags();
  if (!tags.some(entry => entry.tag === tag)) return undefined;
  const opened = await openImage({ transport: 'oci', path, tag });
  return layersOf(opened, opened, tag, context);
}

function rememberedLayers(
  name: string,
  images: readonly ImagePlan[],
  context: LookContext,
): readonly LayerRecord[] | undefined {
  return recallHistory(name, context)?.layers.map(layer => ({
    ...layer,
    fetch: () => fetchAgain(layer, name, images, context),
  }));
}

/** A layer of a base that nothing had to be run on, or looked up in, was never fetched. */
async function fetchAgain(
  { descriptor }: RememberedLayer,
  name: string,
  images: readonly ImagePlan[],
  context: LookContext,
): Promise<void> {
  if (await context.store.hasBlob(descriptor)) return;
  const bottom = bottomOf(name, images);
  const base = bottom && (await openBase(bottom.base, bottom.platform, name, context));
  const layer = base?.layers.find(candidate => candidate.descriptor.digest === descriptor.digest);
  if (!layer) {
    const text = `the layer ${descriptor.digest} of ${name} is no longer in the store`;
    throw new AshlarError(text, { hint: `build ${name} again` });
  }
  await layer.fetch();
}

/** The image from elsewhere that an image is built on in the end. */
function bottomOf(name: string, images: readonly ImagePlan[]) {
  const image = images.find(candidate => candidate.name === name);
  if (!image) return undefined;
  const { base, platform } = image;
  if (base.kind === 'built') return bottomOf(base.image, images);
  return base.kind === 'image' ? { base, platform } : undefined;
}
