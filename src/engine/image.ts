/** One image of a plan: base, steps, config, manifest. */
import { readFile } from 'node:fs/promises';
import { type Descriptor, type ImageConfig, mediaTypes } from '../oci/index.ts';
import { builtBasesOf, foreignImagesOf } from '../plan/bases.ts';
import { nameOfBase } from '../plan/names.ts';
import type { Base, ImagePlan, Step } from '../plan/types.ts';
import { composeConfig, composeManifest, type NewLayer, type PlainChange, withLayers } from './config.ts';
import type { BuildContext } from './context.ts';
import { addDocument } from './documents.ts';
import type { BuiltLayer, KnownBase } from './events.ts';
import { baseFact, Comparison, earlyFacts, withoutPlaces } from './keys/comparison.ts';
import {
  nameOfStep,
  type Origin,
  type RememberedLayer,
  recallHistory,
  rememberHistory,
  type StepHistory,
} from './keys/history.ts';
import { configParts } from './keys/key-parts.ts';
import { canonical, keyOf } from './keys/keys.ts';
import { located } from './located.ts';
import { linkTrees } from './project/links.ts';
import type { BaseImage } from './sources/bases.ts';
import { sayImports } from './sources/import-messages.ts';
import { stageImports } from './sources/imports.ts';
import { resolveSources } from './sources/sources.ts';
import { type ImageState, plainChange, stateOf } from './state.ts';
import { configure } from './steps/config-step.ts';
import { copy } from './steps/copy.ts';
import { exec } from './steps/exec-step.ts';
import { type GeneratedLabels, generateLabels } from './steps/labels.ts';
import { run } from './steps/run-step.ts';
import { isAlone, type SquashedLayers, squash } from './steps/squash.ts';
import { type Start, startFrom } from './steps/start.ts';
import type { BroughtLayer, StepContext, StepResult } from './steps/steps.ts';
import type { BuiltImage, LayerRecord } from './values.ts';

/** Builds an image whose base and sources are built. `handedOut`: it, or an image on top of it, is emitted. */
export async function buildImage(
  plan: ImagePlan,
  handedOut: boolean,
  context: BuildContext,
): Promise<BuiltImage> {
  const { emit, options } = context;
  emit({ kind: 'image-started', image: plan.name });
  // Who gets file systems only never sees the tar.
  const wanted = handedOut && options.forms.types.includes('tar') ? options.compression : 'any';
  const squashfs = handedOut && options.forms.types.includes('squashfs');
  const sources = await resolveSources(plan, context);
  const imports = plan.imports.map(({ source }) => sources.of(source));
  const facts = earlyFacts(plan, sources, context);
  const before = recallHistory(plan.name, context);
  sayImports(facts.sources, before?.facts.sources ?? [], plan.name, context);
  const comparison = new Comparison(plan, facts, before, context);
  const importsDirectory = await stageImports(plan, imports, context);
  const common = { context, plan, imports, sources, importsDirectory, wanted, squashfs } as const;
  const base = await start(plan.base, {
    ...common,
    layers: [],
    state: stateOf({}, plan.config),
    onMiss: (parts, reason) => comparison.missed(undefined, parts, reason),
  });
  const fact = baseFact(plan, base);
  comparison.baseIs(fact);
  emit({ kind: 'base-known', image: plan.name, base: knownBase(plan.base, base) });
  const layers = [...base.layers];
  const ofSteps: (readonly BroughtLayer[])[] = [];
  const steps: StepHistory[] = [];
  let changes: LayerRecord | undefined;
  let state = stateOf(base.config.config ?? {}, plan.config);
  let cached = base.cached;
  for (const [i, step] of plan.steps.entries()) {
    const stepContext: StepContext = {
      ...common,
      ...(isIntermediate(plan, i) && { wanted: 'any', squashfs: false }),
      layers,
      state,
      onMiss: (parts, reason) => comparison.missed(step, parts, reason),
    };
    const place = { image: plan.name, step: i + 1 };
    const of = countSteps(plan);
    emit({ kind: 'step-started', ...place, of, what: step.kind, text: step.createdBy });
    const result = await located(step.at, () => perform(step, stepContext));
    const { key, parts, layer } = result;
    // Also when another image of this build did the work.
    if (!result.cached) comparison.missed(step, parts, 'changed');
    if (step.kind === 'config') comparison.configured(step, parts);
    state = result.state ?? state;
    steps.push({ kind: step.kind, name: nameOfStep(step), key, parts });
    emit({ kind: 'step-finished', ...place, key, cached: result.cached, layer: layer && builtLayer(layer) });
    cached &&= result.cached;
    if (step.kind === 'run' || step.kind === 'exec') changes = result.layer;
    const { created } = result;
    const own = layer ? [{ layer, created, createdBy: step.createdBy }] : [];
    const all = [...(result.brought ?? []), ...own];
    layers.push(...all.map(({ layer }) => layer));
    ofSteps.push(all);
  }
  await linkTrees(plan, layers, changes, context);
  const labels = await labelsOf(plan, {
    ...common,
    layers,
    state,
    onMiss: parts => comparison.missedLabels(parts),
  });
  const plain = plainChange(plan.config, state);
  const change: PlainChange = { ...plain, labels: { ...labels.labels, ...plain.labels } };
  cached &&= labels.cached;
  const config = configParts(plain, plan, options);
  const squashed = await squashSteps(plan, ofSteps, {
    ...common,
    layers: base.layers,
    state,
    onMiss: () => {},
  });
  cached &&= squashed?.cached ?? true;
  const own = ofSteps.flat();
  const finished = await finish(
    plan,
    change,
    withState(base, state),
    squashed?.layers ?? own,
    cached,
    context,
  );
  const image = squashed
    ? {
        ...finished,
        unsquashed: { layers, config: withLayers(finished.config, base.config, historyOf(base, own)) },
      }
    : finished;
  if (!image.cached) comparison.missedConfig(config);
  rememberHistory(
    plan.name,
    {
      facts: { ...facts, base: fact },
      steps,
      ...(plan.labels && { labels: labels.parts }),
      config,
      layers: image.layers.map(rememberedLayer),
      origins: originsOf(plan, context),
    },
    context,
  );
  return image;
}

async function start(base: Base, step: StepContext): Promise<Start> {
  if (base.kind !== 'stack') return startFrom(base, step);
  const { stack } = await import('./stacking/stack.ts');
  return stack(base, step);
}

/** What an image starts from, as its steps have changed the config. */
function withState(base: Start, { container }: ImageState): Start {
  return Object.keys(container).length === 0
    ? base
    : { ...base, config: { ...base.config, config: container } };
}

async function perform(step: Step, context: StepContext): Promise<StepResult> {
  switch (step.kind) {
    case 'apply': {
      const { apply } = await import('./stacking/apply.ts');
      return apply(step, context);
    }
    case 'copy':
      return copy(step, context);
    case 'config':
      return configure(step, context);
    case 'exec':
      return exec(step, context);
    case 'run':
      return run(step, context);
  }
}

async function labelsOf({ labels }: ImagePlan, step: StepContext): Promise<GeneratedLabels> {
  if (!labels) return { labels: {}, parts: [], cached: true };
  return located(labels.at, () => generateLabels(labels, step));
}

/** Whether what a step makes is seen by nobody who gets the image, for all that is known before. */
function isIntermediate({ squash, steps }: ImagePlan, index: number): boolean {
  return (
    squash !== undefined &&
    !isAlone(
      squash,
      index,
      steps.map(({ kind }) => kind !== 'config'),
    )
  );
}

async function squashSteps(
  plan: ImagePlan,
  ofSteps: readonly (readonly BroughtLayer[])[],
  step: StepContext,
): Promise<SquashedLayers | undefined> {
  if (!plan.squash) return undefined;
  const { emit } = step.context;
  const of = countSteps(plan);
  const place = { image: plan.name, step: of };
  emit({ kind: 'step-started', ...place, of, what: 'squash', text: 'squash' });
  const squashed = await squash(plan.squash, ofSteps, step);
  const { key, cached, layers } = squashed;
  const layer = layers.at(-1)?.layer;
  emit({ kind: 'step-finished', ...place, key, cached, layer: layer && builtLayer(layer) });
  return squashed;
}

/** Steps of an image as people see them. */
export function countSteps({ steps, squash }: Pick<ImagePlan, 'steps' | 'squash'>): number {
  return steps.length + (squash ? 1 : 0);
}

/** The images from elsewhere whose layers it has, be it by way of others. */
function originsOf(plan: ImagePlan, context: BuildContext): readonly Origin[] {
  const { platform } = plan;
  const own = foreignImagesOf(plan).map(base => ({ base, platform }));
  const inherited = builtBasesOf(plan).flatMap(name => recallHistory(name, context)?.origins ?? []);
  const all = [...own, ...inherited];
  return [...new Map(all.map(origin => [canonical(withoutPlaces(origin)), origin])).values()];
}

function rememberedLayer({ diffId, descriptor, format }: LayerRecord): RememberedLayer {
  return { diffId, descriptor, format };
}

function knownBase(base: Base, { digest, layers }: BaseImage): KnownBase {
  const name = base.kind === 'scratch' ? undefined : nameOfBase(base);
  return { kind: base.kind, name, digest, layers: layers.map(builtLayer) };
}

function builtLayer({ diffId, descriptor: { digest, size, mediaType } }: LayerRecord): BuiltLayer {
  return { digest, size, mediaType, diffId };
}

/**
 * Writes config and manifest. The config is the one that an earlier build wrote where layers and config change are the
 * same, so that its times stay; annotations (the text of the description is one) may change without anything being new.
 */
async function finish(
  plan: ImagePlan,
  change: PlainChange,
  base: Start,
  own: readonly BroughtLayer[],
  stepsCached: boolean,
  context: BuildContext,
): Promise<BuiltImage> {
  const layers = [...base.layers, ...own.map(({ layer }) => layer)];
  const made = historyOf(base, own);
  const annotations = { ...base.annotations, ...plan.annotations };
  const descriptors = layers.map(layer => layer.descriptor);
  const { config, configBlob, cached } = await configFor(plan, change, base, descriptors, made, context);
  const manifest = await addDocument(
    mediaTypes.manifest,
    composeManifest(configBlob, descriptors, annotations),
    context,
  );
  const { name } = plan;
  return { name, layers, annotations, config, configBlob, manifest, cached: stepsCached && cached };
}

function historyOf({ made }: Start, own: readonly BroughtLayer[]): readonly NewLayer[] {
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
  const config = composeConfig(base.config, made, change, plan.platform, plan.createdBy, options.authorship);
  const configBlob = await addDocument(mediaTypes.config, config, context);
  store.database.remember('images', key, configBlob);
  return { config, configBlob, cached: false };
}
