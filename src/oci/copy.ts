import { AshlarError } from '../support/errors.ts';
import {
  distributableBlobs,
  type OpenedImage,
  type OpenedImages,
  type OpenOptions,
  openImage,
} from './image.ts';
import { createLayout, type LayoutChange } from './layout.ts';
import { inParallel } from './parallel.ts';
import type { WriteOptions } from './push.ts';
import { formatReference, type ImageReference, type LayoutReference } from './reference.ts';
import type { Descriptor } from './types.ts';

/** What copying needs to know on top of the references. */
export interface CopyOptions extends Omit<OpenOptions, 'insecure'> {
  readonly insecureFrom?: boolean;
  readonly insecureTo?: boolean;
  readonly onBlob?: WriteOptions['onBlob'];
}

/** Blobs that are fetched or linked at a time. */
const parallelBlobs = 4;

/**
 * Copies an image (of an index: the one for the platform) from a registry or layout to another, bit by bit. Blobs that
 * are there already are not sent. Returns the manifest's descriptor. Throws AshlarError.
 */
export async function copyImage(
  from: ImageReference,
  to: ImageReference,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const { insecureFrom = false, insecureTo = false, onBlob, ...rest } = options;
  const image = await openImage(from, { ...rest, insecure: insecureFrom });
  await writeImage(image, to, { insecure: insecureTo, onBlob, signal: rest.signal });
  return image.descriptor;
}

/** Writes an image to a layout, which is made when it is missing, or to a registry. Throws AshlarError. */
export async function writeImage(
  image: OpenedImage,
  to: ImageReference,
  options: WriteOptions = {},
): Promise<void> {
  if (to.transport === 'oci') return writeToLayout(image, to, options);
  const { pushImage } = await import('./push.ts');
  return pushImage(image, to, options);
}

/** Writes images and the index of them. Throws AshlarError. */
export async function writeIndex(
  index: OpenedImages,
  to: ImageReference,
  options: WriteOptions = {},
): Promise<void> {
  if (to.transport === 'oci') return writeIndexToLayout(index, to, options);
  const { pushIndex } = await import('./push.ts');
  return pushIndex(index, to, options);
}

async function writeToLayout(image: OpenedImage, to: LayoutReference, options: WriteOptions): Promise<void> {
  const { descriptor } = image;
  const tag = tagOf(to, descriptor);
  const layout = await createLayout(to.path);
  using change = await layout.change(options);
  await addImage(change, image, options);
  await change.setTags([{ tag, descriptor }]);
}

async function writeIndexToLayout(
  { descriptor, bytes, images }: OpenedImages,
  to: LayoutReference,
  options: WriteOptions,
): Promise<void> {
  const tag = tagOf(to, descriptor);
  const layout = await createLayout(to.path);
  using change = await layout.change(options);
  for (const image of images) await addImage(change, image, options);
  await change.addStream(descriptor, [bytes]);
  await change.setTags([{ tag, descriptor }]);
}

function tagOf(to: LayoutReference, { digest }: Descriptor): string {
  if (to.tag !== undefined && (to.digest === undefined || to.digest === digest)) return to.tag;
  throw new AshlarError(`cannot write ${digest} to ${formatReference(to)}`, { hint: 'give it a tag' });
}

/** Adds all that an image consists of, its manifest last. */
async function addImage(change: LayoutChange, image: OpenedImage, { onBlob }: WriteOptions): Promise<void> {
  const { manifest, descriptor, configBytes, manifestBytes } = image;
  const missing = distributableBlobs(manifest).filter(blob => !change.layout.hasBlob(blob));
  await inParallel(missing, parallelBlobs, blob => {
    onBlob?.(blob);
    return blob.digest === manifest.config.digest
      ? change.addStream(blob, [configBytes])
      : addLayer(change, image, blob);
  });
  await change.addStream(descriptor, [manifestBytes]);
}

async function addLayer(change: LayoutChange, image: OpenedImage, layer: Descriptor): Promise<void> {
  const file = image.localBlob(layer);
  if (file === undefined) return change.addStream(layer, image.blob(layer));
  // Read once to verify it, so that its bytes can be shared instead of copied.
  for await (const _ of image.blob(layer));
  return change.addFile(layer, file);
}
