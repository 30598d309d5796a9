/** Config and manifest of an image whose layers are there. */
import { readFile } from 'node:fs/promises';
import { type Descriptor, type ImageConfig, mediaTypes } from '../oci/index.ts';
import type { ImagePlan } from '../plan/types.ts';
import { composeConfig, composeManifest, type NewLayer, type PlainChange } from './config.ts';
import type { BuildContext, BuildOptions } from './context.ts';
import { addDocument } from './documents.ts';
import { configParts } from './keys/key-parts.ts';
import { canonical, keyOf } from './keys/keys.ts';
import { contentOf } from './outputs/tree.ts';
import type { ImageState } from './state.ts';
import type { Start } from './steps/start.ts';
import type { BroughtLayer } from './steps/steps.ts';
import type { BuiltImage } from './values.ts';

/** What an image starts from, as its steps have changed the config. */
export function withState(base: Start, { container }: ImageState): Start {
  return Object.keys(container).length === 0
    ? base
    : { ...base, config: { ...base.config, config: container } };
}

/**
 * Writes config and manifest. The config is the one that an earlier build wrote where layers and config change are the
 * same, so that its times stay; annotations (the text of the description is one) may change without anything being new.
 */
export async function finishImage(
  plan: ImagePlan,
  change: PlainChange,
  base: Start,
  own: readonly BroughtLayer[],
  stepsCached: boolean,
  context: BuildContext,
): Promise<BuiltImage> {
  const layers = [...base.layers, ...own.map(({ layer }) => layer)];
  const made = historyOf(base, own);
  const annotations = {
    ...inheritableAnnotations(base),
    ...plan.annotations,
    ...(plan.emit && plan.outputs && { [CONTENT_ANNOTATION]: await contentOf(layers, context) }),
  };
  const descriptors = layers.map(layer => layer.descriptor);
  const { config, configBlob, cached } = await configFor(plan, change, base, descriptors, made, context);
  const manifest = await addDocument(
    mediaTypes.manifest,
    composeManifest(configBlob, descriptors, annotations),
    context,
  );
  const { name } = plan;
  return {
    name,
    layers,
    annotations,
    config,
    configBlob,
    manifest,
    cached: stepsCached && cached,
    outputs: [],
  };
}

/** In manifests of images of which more is made: what identifies the tree that all of it is made of. */
const CONTENT_ANNOTATION = 'dev.ashlar.content';

/** Of a base or an image, for another one: all but what is true of its own tree alone. */
export function inheritableAnnotations({
  annotations,
}: Pick<Start, 'annotations'>): Readonly<Record<string, string>> {
  const { [CONTENT_ANNOTATION]: _, ...inherited } = annotations;
  return inherited;
}

/** The layers that have no history yet, the lowest first. */
export function historyOf({ made }: Start, own: readonly BroughtLayer[]): readonly NewLayer[] {
  return [
    ...made,
    ...own.map(({ layer: { diffId }, created, createdBy }) => ({ diffId, created, createdBy })),
  ];
}

async function configFor(
  plan: ImagePlan,
  change: PlainChange,
  base: Start,
  descriptors: readonly Descriptor[],
  made: readonly NewLayer[],
  context: BuildContext,
): Promise<Pick<BuiltImage, 'config' | 'configBlob' | 'cached'>> {
  const { store, options } = context;
  const key = keyOf('image', [
    ['base config', canonical(base.config)],
    ['layers', canonical(descriptors)],
    ['new layers', canonical(made.map(({ diffId, createdBy }) => [diffId, createdBy]))],
    ...configParts(change, plan, options),
  ]);
  const known = options.noCache
    ? undefined
    : (store.database.recall('images', key) as Descriptor | undefined);
  if (known && (await store.hasBlob(known))) {
    const config = JSON.parse(await readFile(store.blobPath(known.digest), 'utf8')) as ImageConfig;
    return { config, configBlob: known, cached: true };
  }
  const config = plan.reproducible
    ? composeReproducible(plan, change, base, made, options)
    : composeConfig(base.config, made, change, plan.platform, plan.createdBy, options.authorship);
  const configBlob = await addDocument(mediaTypes.config, config, context);
  store.database.remember('images', key, configBlob);
  return { config, configBlob, cached: false };
}

function composeReproducible(
  { platform, createdBy }: ImagePlan,
  change: PlainChange,
  base: Start,
  made: readonly NewLayer[],
  { sourceDateEpoch, authorship }: BuildOptions,
): ImageConfig {
  const created = sourceDateEpoch === undefined ? '1970-01-01T00:00:00Z' : authorship.created;
  const layers = made.map(layer => ({ ...layer, created }));
  return composeConfig(base.config, layers, change, platform, createdBy, { created });
}
