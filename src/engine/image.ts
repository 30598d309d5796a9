/** One image of a plan: base, steps, config, manifest. */
import { builtBasesOf, foreignImagesOf } from '../plan/bases.ts';
import { nameOfBase } from '../plan/names.ts';
import type { Base, ImagePlan, Source } from '../plan/types.ts';
import { type PlainChange, withLayers } from './config.ts';
import type { BuildContext } from './context.ts';
import type { KnownBase } from './events.ts';
import { finishImage, historyOf, withState } from './image-documents.ts';
import {
  builtLayer,
  type CommonContext,
  notBegun,
  type Performed,
  performSteps,
  squashSteps,
} from './image-steps.ts';
import { baseFact, Comparison, earlyFacts, withoutPlaces } from './keys/comparison.ts';
import {
  type BaseFact,
  type Origin,
  type RememberedLayer,
  recallHistory,
  rememberHistory,
} from './keys/history.ts';
import { configParts, groupParts } from './keys/key-parts.ts';
import { canonical } from './keys/keys.ts';
import { located } from './located.ts';
import { linkTrees } from './project/links.ts';
import type { BaseImage } from './sources/bases.ts';
import { sayImports } from './sources/import-messages.ts';
import { stageImports } from './sources/imports.ts';
import { resolveSources, sourcesOf } from './sources/sources.ts';
import { plainChange, stateOf } from './state.ts';
import { type GeneratedLabels, generateLabels } from './steps/labels.ts';
import { type Start, startFrom } from './steps/start.ts';
import type { StepContext } from './steps/steps.ts';
import type { BuiltImage, LayerRecord, LayerType } from './values.ts';

/** An image whose first steps are done. */
export interface BegunImage {
  readonly plan: ImagePlan;
  readonly common: CommonContext;
  readonly base: Start;
  readonly fact: BaseFact;
  readonly performed: Performed;
  readonly comparison: Comparison;
  /** Of later steps: they are in images that need not be built yet. */
  readonly later: readonly Source[];
}

/**
 * Does the first steps of an image, for which all that they need is built. `handedOut`: in which
 * forms its layers are part of an image that is emitted.
 */
export async function beginImage(
  plan: ImagePlan,
  first: number,
  handedOut: ReadonlySet<LayerType>,
  context: BuildContext,
): Promise<BegunImage> {
  const { emit, options } = context;
  emit({ kind: 'image-started', image: plan.name });
  // Who gets file systems only never sees the tar.
  const wanted = handedOut.has('tar') ? options.compression : 'any';
  const squashfs = handedOut.has('squashfs');
  const rest = sourcesOf({ imports: [], steps: plan.steps.slice(first) });
  const later = rest.filter(({ kind }) => kind === 'image');
  const now = sourcesOf(plan).filter(source => !later.includes(source));
  const sources = await resolveSources(now, plan.name, context);
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
  const performed = await performSteps(plan, notBegun(plan, base), first, common, comparison);
  return { plan, common, base, fact, performed, comparison, later };
}

/** Does the other steps, for which all that the image needs is built, and writes what the image is. */
export async function completeImage(begun: BegunImage): Promise<BuiltImage> {
  const { plan, base, comparison, later } = begun;
  const { context } = begun.common;
  const sources = begun.common.sources.with(await resolveSources(later, plan.name, context));
  const common = { ...begun.common, sources };
  const facts = earlyFacts(plan, sources, context);
  comparison.factsAre(facts);
  const performed = await performSteps(plan, begun.performed, plan.steps.length, common, comparison);
  const { layers, ofSteps, state } = performed;
  await linkTrees(plan, layers, performed.changes, context);
  const above = { ...common, layers, state };
  const labels = await labelsOf(plan, { ...above, onMiss: parts => comparison.missedLabels(parts) });
  const plain = plainChange(plan.config, state);
  const change: PlainChange = { ...plain, labels: { ...labels.labels, ...plain.labels } };
  const config = configParts(plain, plan, context.options);
  const squashed = await squashSteps(plan, ofSteps, { ...above, layers: base.layers, onMiss: () => {} });
  const own = ofSteps.flat();
  const finished = await finishImage(
    plan,
    change,
    withState(base, state),
    squashed?.layers ?? own,
    performed.cached && labels.cached && (squashed?.cached ?? true),
    context,
  );
  const image = squashed
    ? {
        ...finished,
        unsquashed: { layers, config: withLayers(finished.config, base.config, historyOf(base, own)) },
      }
    : finished;
  if (!image.cached) {
    for (const [step, parts] of performed.configured) comparison.configured(step, parts);
    comparison.missedConfig(config);
  }
  rememberHistory(
    plan.name,
    {
      facts: { ...facts, base: begun.fact },
      steps: performed.history,
      ...(plan.squash && { squash: groupParts(plan.squash) }),
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

async function labelsOf({ labels }: ImagePlan, step: StepContext): Promise<GeneratedLabels> {
  if (!labels) return { labels: {}, parts: [], cached: true };
  return located(labels.at, () => generateLabels(labels, step));
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
