/** An image in the forms in which it is handed out: the same layers, each as a tar or as a file system. */
import { type ImageConfig, mediaTypes } from '../../oci/index.ts';
import { composeManifest } from '../config.ts';
import { type BuildContext, say } from '../context.ts';
import { addDocument } from '../documents.ts';
import type { BuiltImage, FormedImage, LayerType } from '../values.ts';
import { inForm } from './file-system-form.ts';

/** What follows the name of an image in its tag for each type of layers. */
export const TAG_SUFFIXES: Readonly<Record<LayerType, string>> = {
  tar: '',
  squashfs: '-squashfs',
  erofs: '-erofs',
};

/** The image in forms, in their order. */
export function formsOf(
  image: BuiltImage,
  types: readonly LayerType[],
  context: BuildContext,
): Promise<readonly FormedImage[]> {
  let said = !image.cached;
  const onMiss = () => {
    if (!said) say(context, image.name, 'info', 'missing some cached layer output types, building anyway');
    said = true;
  };
  return Promise.all(types.map(type => formOf(image, type, onMiss, context)));
}

async function formOf(
  image: BuiltImage,
  type: LayerType,
  onMiss: () => void,
  context: BuildContext,
): Promise<FormedImage> {
  const { name, annotations } = image;
  const formed = await Promise.all(
    image.layers.map((layer, i) => inForm(layer, type, image.layers.slice(0, i), name, onMiss, context)),
  );
  const layers = formed.map(({ layer }) => layer);
  const known = formed.every(one => one.known);
  if (layers.every((layer, i) => layer === image.layers[i])) {
    const { manifest, configBlob } = image;
    return { type, layers, manifest, configBlob, known };
  }
  const config: ImageConfig = {
    ...image.config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  };
  const configBlob = await addDocument(mediaTypes.config, config, context);
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const manifest = await addDocument(
    mediaTypes.manifest,
    composeManifest(configBlob, descriptors, annotations),
    context,
  );
  return { type, layers, manifest, configBlob, known };
}
