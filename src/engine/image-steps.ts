/** The steps of an image, one after the other, and what they come to. */
import type { ImagePlan, Step } from '../plan/types.ts';
import type { BuiltLayer } from './events.ts';
import type { Comparison } from './keys/comparison.ts';
import { nameOfStep, type StepHistory } from './keys/history.ts';
import type { KeyPart } from './keys/keys.ts';
import { located } from './located.ts';
import { type ImageState, stateOf } from './state.ts';
import { configure } from './steps/config-step.ts';
import { copy } from './steps/copy.ts';
import { exec } from './steps/exec-step.ts';
import { run } from './steps/run-step.ts';
import { isIntermediate, type SquashedLayers, squash } from './steps/squash.ts';
import type { Start } from './steps/start.ts';
import type { BroughtLayer, StepContext, StepResult } from './steps/steps.ts';
import type { LayerRecord } from './values.ts';

/** What is the same for all steps of an image. */
export type CommonContext = Omit<StepContext, 'layers' | 'state' | 'onMiss'>;

/** What the steps of an image came to. */
export interface Performed {
  /** Those of the base and of all steps. */
  readonly layers: readonly LayerRecord[];
  /** What each step has added. */
  readonly ofSteps: readonly (readonly BroughtLayer[])[];
  readonly state: ImageState;
  readonly history: readonly StepHistory[];
  /** The config steps, and what they depend on. */
  readonly configured: readonly (readonly [step: Step, parts: readonly KeyPart[]])[];
  /** What the last step that ran something has changed. */
  readonly changes: LayerRecord | undefined;
  readonly cached: boolean;
}

/** Kinds of steps that change the tree in ways that nobody can know before. */
const CHANGING: ReadonlySet<Step['kind']> = new Set(['exec', 'packages', 'run']);

/** What an image is before its first step. */
export function notBegun(plan: ImagePlan, { layers, config, cached }: Start): Performed {
  const state = stateOf(config.config ?? {}, plan.config);
  return { layers, ofSteps: [], state, history: [], configured: [], changes: undefined, cached };
}

/** Does the steps that are not done yet, up to the one with the index `end`. */
export async function performSteps(
  plan: ImagePlan,
  before: Performed,
  end: number,
  common: CommonContext,
  comparison: Comparison,
): Promise<Performed> {
  const { emit } = common.context;
  const of = countSteps(plan);
  const layers = [...before.layers];
  const ofSteps = [...before.ofSteps];
  const history = [...before.history];
  const configured = [...before.configured];
  let { changes, state, cached } = before;
  for (const [offset, step] of plan.steps.slice(before.history.length, end).entries()) {
    const i = before.history.length + offset;
    const stepContext: StepContext = {
      ...common,
      ...(isIntermediate(plan, i) && { wanted: 'any', squashfs: false }),
      layers,
      state,
      onMiss: (parts, reason) => comparison.missed(step, parts, reason),
    };
    const place = { image: plan.name, step: i + 1 };
    emit({ kind: 'step-started', ...place, of, what: step.kind, text: step.createdBy });
    const result = await located(step.at, () => perform(step, stepContext));
    const { key, parts, layer, created } = result;
    // Also when another image of this build did the work.
    if (!result.cached) comparison.missed(step, parts, 'changed');
    if (step.kind === 'config') configured.push([step, parts]);
    if (CHANGING.has(step.kind)) changes = layer;
    state = result.state ?? state;
    cached &&= result.cached;
    history.push({ kind: step.kind, name: nameOfStep(step), key, parts });
    emit({ kind: 'step-finished', ...place, key, cached: result.cached, layer: layer && builtLayer(layer) });
    const own = layer ? [{ layer, created, createdBy: step.createdBy }] : [];
    const all = [...(result.brought ?? []), ...own];
    layers.push(...all.map(({ layer }) => layer));
    ofSteps.push(all);
  }
  return { layers, ofSteps, state, history, configured, changes, cached };
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
    case 'packages': {
      const { installPackages } = await import('./steps/packages-step.ts');
      return installPackages(step, context);
    }
    case 'run':
      return run(step, context);
    case 'setup': {
      const { setUp } = await import('./steps/setup-step.ts');
      return setUp(step, context);
    }
  }
}

/** The layers of the image where its steps' layers become others; `step` is above the base. */
export async function squashSteps(
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

/** As events tell of it. */
export function builtLayer({ diffId, descriptor: { digest, size, mediaType } }: LayerRecord): BuiltLayer {
  return { digest, size, mediaType, diffId };
}
