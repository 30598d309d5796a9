/** Images that earlier builds have made: in the layout that they went to, or as the index remembers them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openImage, openLayout, type Platform } from '../../oci/index.ts';
import { tagsOf } from '../../plan/names.ts';
import type { ImagePlan } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import type { LookContext } from '../context.ts';
import { layersOf, openBase } from '../sources/bases.ts';
import type { LayerRecord } from '../values.ts';
import { type Origin, type RememberedLayer, recallHistory } from './history.ts';

/**
 * The layers of an image as it was built last.
 * @param images Descriptions, among which that of the image may be.
 * @throws AshlarError when it was never built here.
 */
export async function earlierLayers(
  name: string,
  images: readonly ImagePlan[],
  context: LookContext,
): Promise<readonly LayerRecord[]> {
  const image = images.find(candidate => candidate.name === name);
  const [tag = name] = image ? tagsOf(image) : [];
  const published = () => publishedLayers(tag, image?.platform, context);
  const remembered = async () => rememberedLayers(name, context);
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
  platform: Platform | undefined,
  context: LookContext,
): Promise<readonly LayerRecord[] | undefined> {
  const path = context.options.output;
  if (!existsSync(join(path, 'index.json'))) return undefined;
  const tags = await (await openLayout(path)).tags();
  if (!tags.some(entry => entry.tag === tag)) return undefined;
  const opened = await openImage({ transport: 'oci', path, tag }, { ...(platform && { platform }) });
  return layersOf(opened, opened, tag, context);
}

function rememberedLayers(name: string, context: LookContext): readonly LayerRecord[] | undefined {
  const history = recallHistory(name, context);
  return history?.layers.map(layer => ({
    ...layer,
    fetch: () => fetchAgain(layer, name, history.origins, context),
  }));
}

/** A layer of a base that nothing was run on, or looked up in, was never fetched. */
async function fetchAgain(
  { descriptor }: RememberedLayer,
  name: string,
  origins: readonly Origin[],
  context: LookContext,
): Promise<void> {
  if (await context.store.hasBlob(descriptor)) return;
  for (const { base, platform } of origins) {
    const { layers } = await openBase(base, platform, name, context);
    const layer = layers.find(candidate => candidate.descriptor.digest === descriptor.digest);
    if (layer) return layer.fetch();
  }
  const text = `the layer ${descriptor.digest} of ${name} is no longer in the store`;
  throw new AshlarError(text, { hint: `build ${name} again` });
}
