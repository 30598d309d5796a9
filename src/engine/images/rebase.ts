/** An image on another base than the one that it was built on: its own layers as they are, above those of the new base. */
import { createLayout, documentBytes, type ImageConfig, mediaTypes } from '../../oci/index.ts';
import { STACK_ANNOTATION } from '../../stacking/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { composeManifest } from '../config.ts';
import { type BuildOptions, type LookContext, say } from '../context.ts';
import type { EventSink } from '../events.ts';
import { inForm } from '../forms/file-system-form.ts';
import { inheritableAnnotations } from '../image-documents.ts';
import { looking } from '../keys/looking.ts';
import type { LayerRecord } from '../values.ts';
import { type NamedImage, openNamed } from './open.ts';
import { each, rebasedAnnotations, rebasedConfig } from './rebased-config.ts';
import { type Move, reconcile } from './reconcile.ts';
import { sharedLayers } from './shared-layers.ts';

export interface RebaseOrder {
  /** All three as in `openNamed`. */
  readonly image: string;
  /** What the image was built on. */
  readonly old: string;
  /** What it is to be on. */
  readonly base: string;
  /** The tag of the result in the layout that results go to. */
  readonly tag: string;
}

/**
 * Puts an image on another base and its result into the layout.
 * @throws AshlarError when the image does not begin with the layers of the old base.
 */
export async function rebaseImage(
  order: RebaseOrder,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<void> {
  await looking(options, emit, signal, async context => {
    const [image, old, base] = await Promise.all([
      openNamed(order.image, context),
      openNamed(order.old, context),
      openNamed(order.base, context),
    ]);
    const move = { image, old, base, own: ownLayers(image, old) };
    const more = await reconcile(move, context);
    const layers = await inOneForm([...base.layers, ...move.own, ...more], move, context);
    const three = { old, image, base };
    const config = rebasedConfig(
      each(three, one => one.config),
      { diffIds: layers.map(({ diffId }) => diffId), createdBy: `ashlar rebase ${order.image}` },
      options.authorship,
    );
    const annotations = rebasedAnnotations(each(three, inheritableAnnotations), STACK_ANNOTATION);
    await write(order.tag, layers, config, annotations, context);
    const own = `${move.own.length} of its own${more.length > 0 ? `, ${more.length} for what both changed` : ''}`;
    say(
      context,
      order.tag,
      'info',
      `rebased ${order.tag}: ${base.layers.length} layers of ${base.name}, ${own}`,
    );
  });
}

/** The layers of an image that are not its base's. */
function ownLayers(image: NamedImage, old: NamedImage): readonly LayerRecord[] {
  const shared = sharedLayers(image.layers, old.layers);
  if (shared === old.layers.length) return image.layers.slice(shared);
  const agreement =
    shared === 0
      ? 'they have no layer at the bottom in common'
      : `only the lowest ${shared} of its ${old.layers.length} layers are in the image`;
  throw new AshlarError(`${image.name} is not built on ${old.name}: ${agreement}`, {
    hint: 'name the very image that was its base, with --old; its tag may have moved on since',
  });
}

/** All layers in the form that the image's own have: readers of images expect one form. */
async function inOneForm(
  layers: readonly LayerRecord[],
  { image }: Move,
  context: LookContext,
): Promise<readonly LayerRecord[]> {
  const type = image.layers.at(-1)?.format.kind ?? 'tar';
  const formed = layers.map((layer, i) =>
    inForm(layer, type, layers.slice(0, i), image.name, () => {}, context),
  );
  return (await Promise.all(formed)).map(({ layer }) => layer);
}

async function write(
  tag: string,
  layers: readonly LayerRecord[],
  config: ImageConfig,
  annotations: Readonly<Record<string, string>>,
  { options, store, signal }: LookContext,
): Promise<void> {
  await Promise.all(layers.map(layer => layer.fetch()));
  const layout = await createLayout(options.output);
  using change = await layout.change({ signal });
  for (const { descriptor } of layers) await change.addFile(descriptor, store.blobPath(descriptor.digest));
  const configBlob = await change.addBytes(mediaTypes.config, documentBytes(config));
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const manifest = composeManifest(configBlob, descriptors, annotations);
  const descriptor = await change.addBytes(mediaTypes.manifest, documentBytes(manifest));
  await change.setTags([{ tag, descriptor }]);
  await change.removeUnreferencedBlobs();
}
