/** Images whose layers are applied to what has been built so far. */
import type { Digest } from '../../oci/index.ts';
import type { ApplyStep, ImagePlan } from '../../plan/types.ts';
import { type ApplyDecision, decideApply } from '../../stacking/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { type LookContext, once, say } from '../context.ts';
import { BELOW } from '../keys/key-parts.ts';
import { type KeyPart, keyOf } from '../keys/keys.ts';
import { filesOf } from '../layer-contents.ts';
import { chainOf } from '../layer-records.ts';
import { openBase } from '../sources/bases.ts';
import { type BroughtLayer, type StepContext, type StepResult, throughCache } from '../steps/steps.ts';
import type { LayerRecord } from '../values.ts';
import { type ConfiguredPart, describedLayers } from './config.ts';
import { packCorrections } from './corrections.ts';
import { stackLayers } from './decide.ts';
import { type KnownLayers, pick, recallApply, rememberOutline } from './outline.ts';
import { listOf, MERGING, namesOfParts, type Part } from './parts.ts';

/** The domain of the keys of what is remembered of applied images. */
const APPLY = 'apply';

/**
 * Adds the layers that are not there yet, and above them one with merged files, if there are any. Images that follow
 * each other are applied together, at the last of them: all that they edit is compared with what was there before the
 * first.
 * @throws AshlarError that lists everything that cannot be merged.
 */
export async function apply(applyStep: ApplyStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers } = step;
  const group = groupOf(applyStep, plan);
  const images = await openApplied(group, plan, context);
  const parts = applyKeyParts(group, images, layers, context);
  const key = keyOf(APPLY, parts);
  const { created } = context.options.authorship;
  if (isFollowed(applyStep, plan)) return { key, parts, layer: undefined, created, cached: true };
  const decision = () => once(context, `decision ${key}`, () => decideOrRefuse(applyStep, images, step));
  const known = recallApply(key, context);
  // Ids are the diff IDs that we have given.
  const outline = known ?? { layers: (await decision()).layers as readonly Digest[] };
  const fresh = images.flatMap(image => image.layers);
  const added = pick(outline.layers, fresh);
  const result = await throughCache(
    {
      domain: APPLY,
      parts,
      perform: async pack => {
        tellOf(images, added, step);
        return packCorrections((await decision()).corrections, [...layers, ...fresh], pack, step);
      },
    },
    step,
  );
  if (!known) rememberOutline(key, outline, context);
  return { ...result, brought: broughtLayers(added, images, context, result.created) };
}

/** The steps of its kind that end with it. */
function groupOf(step: ApplyStep, { steps }: ImagePlan): readonly ApplyStep[] {
  const end = steps.indexOf(step) + 1;
  const begin = steps.slice(0, end).findLastIndex(({ kind }) => kind !== 'apply') + 1;
  return steps.slice(begin, end).filter(each => each.kind === 'apply');
}

function isFollowed(step: ApplyStep, { steps }: ImagePlan): boolean {
  return steps[steps.indexOf(step) + 1]?.kind === 'apply';
}

interface AppliedPart extends Part, ConfiguredPart {
  readonly step: ApplyStep;
}

async function openApplied(
  group: readonly ApplyStep[],
  plan: ImagePlan,
  context: LookContext,
): Promise<readonly AppliedPart[]> {
  const names = namesOfParts(group.map(step => step.image));
  return Promise.all(
    group.map(async (step, i) => {
      // Each step asks for all before it, and they are not to be looked up again.
      const open = () => openBase(step.image, plan.platform, plan.name, context);
      const key = `applied ${plan.steps.indexOf(step)} of ${plan.name}`;
      const { layers, config } = await once(context, key, open);
      return { name: names[i] ?? '', step, layers, config, made: [] };
    }),
  );
}

function applyKeyParts(
  group: readonly ApplyStep[],
  images: readonly AppliedPart[],
  layers: readonly LayerRecord[] | undefined,
  { options }: LookContext,
): readonly KeyPart[] {
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ...images.map(({ name, layers }): KeyPart => [`image ${name}`, listOf(layers)]),
    ['merging', MERGING],
    ['times', String(group.some(({ considerTimes }) => considerTimes))],
    ['SOURCE_DATE_EPOCH', String(options.sourceDateEpoch ?? '')],
  ];
}

async function decideOrRefuse(
  { considerTimes, at }: ApplyStep,
  images: readonly AppliedPart[],
  { context, layers }: StepContext,
): Promise<ApplyDecision> {
  const files = filesOf([...layers, ...images.flatMap(image => image.layers)], context);
  const applied = images.map(image => ({ name: image.name, layers: stackLayers(image.layers, context) }));
  const decision = await decideApply(stackLayers(layers, context), applied, { considerTimes }, files);
  const [first, ...others] = decision.conflicts;
  if (!first) return decision;
  const texts = decision.conflicts.map(({ text }) => text);
  const list = [
    `${texts.length} conflicts with what is applied:`,
    ...texts.map(text => `  ${text.replaceAll('\n', '\n  ')}`),
  ];
  const culprit = images.find(({ name }) => name === first.parts.at(-1));
  throw new AshlarError(others.length === 0 ? first.text : list.join('\n'), {
    at: culprit?.step.at ?? at,
    hint: 'make what is applied anew, from layers that do not disagree',
  });
}

function tellOf(images: readonly AppliedPart[], added: readonly LayerRecord[], step: StepContext): void {
  const rest = new Map(added.map(layer => [layer.diffId, layer]));
  for (const { step: applied, layers } of images) {
    say(step.context, step.plan.name, 'info', `merging in layers from ${applied.image.reference}`);
    for (const { diffId, descriptor } of layers) {
      if (!rest.delete(diffId)) continue;
      say(step.context, step.plan.name, 'info', `applying layer ${descriptor.digest}`);
    }
  }
}

/** The layers with what the history of their images says of them. */
function broughtLayers(
  added: readonly LayerRecord[],
  images: readonly AppliedPart[],
  { options }: LookContext,
  created: string,
): readonly BroughtLayer[] {
  const described = images.flatMap(image => describedLayers(image, options.authorship.author));
  return added.map(layer => {
    const entry = described.find(({ diffId }) => diffId === layer.diffId)?.entry;
    return { layer, created: entry?.created ?? created, createdBy: entry?.created_by ?? '' };
  });
}

/** What an apply step depends on, and what it gave when it was done with that; without `layers`, as far as known. */
export async function lookAtApplied(
  applyStep: ApplyStep,
  plan: ImagePlan,
  layers: readonly LayerRecord[] | undefined,
  context: LookContext,
  resultOf: (key: string) => Promise<KnownLayers | undefined>,
): Promise<{ readonly parts: readonly KeyPart[]; readonly find: () => Promise<KnownLayers | undefined> }> {
  const group = groupOf(applyStep, plan);
  const images = await openApplied(group, plan, context);
  const parts = applyKeyParts(group, images, layers, context);
  const find = async () => {
    if (isFollowed(applyStep, plan)) return { layers: [] };
    const key = keyOf(APPLY, parts);
    const outline = recallApply(key, context);
    const result = outline && (await resultOf(key));
    if (!result) return undefined;
    const added = pick(
      outline.layers,
      images.flatMap(image => image.layers),
    );
    return { layers: [...added, ...result.layers] };
  };
  return { parts, find };
}
