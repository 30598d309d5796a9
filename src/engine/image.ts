/** One image of a plan: base, steps, config, manifest. */
import { readFile } from 'node:fs/promises';
import { type Descriptor, documentBytes, type ImageConfig, type Manifest, mediaTypes } from '../oci/index.ts';
import type { ImagePlan } from '../plan/types.ts';
import { type BaseImage, openBase } from './bases.ts';
import { composeConfig, composeManifest, emptyConfig, type NewLayer } from './config.ts';
import type { BuildContext } from './context.ts';
import { canonical, keyOf } from './keys.ts';
import { resolveSource } from './sources.ts';
import { copy, run, type StepContext, tarBase } from './steps.ts';
import type { BuiltImage, LayerRecord } from './values.ts';

/** Builds an image whose base and sources are built. `handedOut`: it, or an image on top of it, is emitted. */
export async function buildImage(
  plan: ImagePlan,
  handedOut: boolean,
  context: BuildContext,
): Promise<BuiltImage> {
  const { emit, options } = context;
  emit({ kind: 'image-started', image: plan.name });
  const wanted = handedOut ? options.compression : 'any';
  const imports = await Promise.all(
    plan.imports.map(({ source }) => resolveSource(source, plan.name, context)),
  );
  const base = await startFrom(plan, { context, plan, layers: [], imports, wanted });
  const layers = [...base.layers];
  const made: (NewLayer & { readonly layer: LayerRecord })[] = [];
  let cached = base.cached;
  for (const [i, step] of plan.steps.entries()) {
    const stepContext: StepContext = { context, plan, layers, imports, wanted };
    const place = { image: plan.name, step: i + 1 };
    emit({ kind: 'step-started', ...place, of: plan.steps.length, text: step.createdBy });
    const result = await (step.kind === 'copy' ? copy(step, stepContext) : run(step, stepContext));
    emit({ kind: 'step-finished', ...place, cached: result.cached, layer: result.layer?.descriptor });
    cached &&= result.cached;
    if (!result.layer) continue;
    layers.push(result.layer);
    made.push({
      layer: result.layer,
      diffId: result.layer.diffId,
      created: result.created,
      createdBy: step.createdBy,
    });
  }
  return finish(plan, base, layers, [...base.made, ...made], cached, context);
}

interface Start extends BaseImage {
  /** Layers of the base that have no history yet. */
  readonly made: readonly NewLayer[];
  readonly cached: boolean;
}

async function startFrom(plan: ImagePlan, step: StepContext): Promise<Start> {
  const { base, platform } = plan;
  const { context } = step;
  switch (base.kind) {
    case 'scratch':
      return { layers: [], config: emptyConfig(platform), annotations: {}, made: [], cached: true };
    case 'image':
      return { ...(await openBase(base, platform, plan.name, context)), made: [], cached: true };
    case 'built': {
      const { layers, config, annotations } = context.built(base.image);
      return { layers, config, annotations, made: [], cached: true };
    }
    case 'tar': {
      const { layer, created, cached } = await tarBase(base, step);
      const layers = layer ? [layer] : [];
      const made = layers.map(({ diffId }) => ({ diffId, created, createdBy: base.createdBy }));
      return { layers, config: emptyConfig(platform), annotations: {}, made, cached };
    }
  }
}

/** What the store remembers of a finished image. */
interface Remembered {
  readonly configBlob: Descriptor;
  readonly manifest: Descriptor;
}

/** Writes config and manifest, or takes those that an earlier build wrote for the very same content. */
async function finish(
  plan: ImagePlan,
  base: Start,
  layers: readonly LayerRecord[],
  made: readonly NewLayer[],
  cached: boolean,
  context: BuildContext,
): Promise<BuiltImage> {
  const { store, options } = context;
  const annotations = { ...base.annotations, ...plan.annotations };
  const result = { name: plan.name, layers, annotations };
  const descriptors = layers.map(layer => layer.descriptor);
  const key = keyOf('image', [
    ['base config', canonical(base.config)],
    ['layers', canonical(descriptors)],
    ['new layers', canonical(made.map(({ diffId, createdBy }) => [diffId, createdBy]))],
    ['config', canonical([plan.config, plan.platform, plan.createdBy])],
    ['annotations', canonical(annotations)],
    ['SOURCE_DATE_EPOCH', String(options.sourceDateEpoch ?? '')],
  ]);
  const known = options.noCache
    ? undefined
    : (store.database.recall('images', key) as Remembered | undefined);
  if (known && (await store.hasBlob(known.configBlob)) && (await store.hasBlob(known.manifest))) {
    const config = JSON.parse(await readFile(store.blobPath(known.configBlob.digest), 'utf8')) as ImageConfig;
    return { ...result, ...known, config, cached };
  }
  const config = composeConfig(
    base.config,
    made,
    plan.config,
    plan.platform,
    plan.createdBy,
    options.authorship,
  );
  const configBlob = await addDocument(mediaTypes.config, config, context);
  const manifest = await addDocument(
    mediaTypes.manifest,
    composeManifest(configBlob, descriptors, annotations),
    context,
  );
  store.database.remember('images', key, { configBlob, manifest } satisfies Remembered);
  return { ...result, config, configBlob, manifest, cached: false };
}

async function addDocument(
  mediaType: string,
  document: ImageConfig | Manifest,
  { store }: BuildContext,
): Promise<Descriptor> {
  const bytes = documentBytes(document);
  return { mediaType, digest: await store.addBytes(bytes), size: bytes.length };
}
