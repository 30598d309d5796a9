import type { ContainerConfig } from '../../oci/index.ts';
import { nameOfText } from '../../plan/names.ts';
import { sourcesOfStep } from '../../plan/step-sources.ts';
import type {
  ConfigStep,
  CopyStep,
  ExecStep,
  ImagePlan,
  PackagesStep,
  Plan,
  RunStep,
  SetupStep,
  Source,
  Step,
} from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { changeContainer } from '../config.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import { dependenciesOf } from '../dependencies.ts';
import { changedPaths } from '../sources/listings.ts';
import { lookAtApplied } from '../stacking/apply.ts';
import type { KnownLayers } from '../stacking/outline.ts';
import { changeState, type ImageState, plainChange, settleConfig, stateOf } from '../state.ts';
import { allParents } from '../steps/copy.ts';
import { findTarget, targetOf } from '../steps/targets.ts';
import { DIRECTORY, missingDirectory } from '../steps/working-directory.ts';
import { timeBelow } from '../steps/written.ts';
import { Store } from '../store/store.ts';
import type { LayerRecord } from '../values.ts';
import { Workshop } from '../workshop.ts';
import { counterpart, placeOf, wordsFor } from './comparison.ts';
import { execParts, settleExec } from './exec-parts.ts';
import { explainBase, type Findings } from './explain-base.ts';
import { type Change, changesBetween } from './explanation.ts';
import { type ImageHistory, recallHistory, type StepHistory } from './history.ts';
import {
  BELOW,
  configParts,
  configStepParts,
  copyParts,
  groupParts,
  labelParts,
  runParts,
} from './key-parts.ts';
import { type KeyPart, keyOf } from './keys.ts';
import { identityOf, resultOf } from './known.ts';
import { packagesParts, setupParts } from './system-parts.ts';

export interface Explanation {
  readonly image: string;
  readonly state: 'up to date' | 'never built' | 'changed';
  /** Empty unless the state is `changed`. */
  readonly changes: readonly Change[];
}

/**
 * Compares images of a plan with their last builds in this project; all of them when no names are given. Asks
 * registries and servers what they have, downloads no layers and no files, and makes nothing.
 * @throws AshlarError for names that the plan does not have, and for sources that are not there.
 */
export async function explainPlan(
  plan: Plan,
  names: readonly string[],
  options: BuildOptions,
  warn: (text: string) => void,
  signal: AbortSignal,
): Promise<readonly Explanation[]> {
  const unknown = names.find(name => !plan.images.some(image => image.name === name));
  if (unknown !== undefined) throw new AshlarError(`no layer ${unknown} in stackerfile`);
  using store = new Store(options.store);
  await using workshop = new Workshop(store, warn);
  const known = new Map<string, readonly LayerRecord[]>();
  const context: LookContext = {
    options,
    store,
    workshop,
    emit: event => event.kind === 'message' && event.level === 'warning' && warn(event.text),
    signal,
    built: name => {
      const layers = known.get(name);
      if (!layers) throw new Error(`the layers of ${name} are not known`);
      return { layers };
    },
    shared: new Map(),
  };
  const wanted = names.length === 0 ? undefined : withDependencies(plan, names);
  const containers = new Map<string, ContainerConfig>();
  const explanations: Explanation[] = [];
  const changed = new Set<string>();
  for (const image of plan.images) {
    if (wanted?.has(image.name) === false) continue;
    const findings = { known, containers, changed };
    const { explanation, layers, container } = await explainImage(image, findings, context);
    if (explanation.state === 'changed') changed.add(image.name);
    if (layers) known.set(image.name, layers);
    if (container) containers.set(image.name, container);
    if (names.length === 0 || names.includes(image.name)) explanations.push(explanation);
  }
  return explanations;
}

function withDependencies({ images }: Plan, names: readonly string[]): ReadonlySet<string> {
  const wanted = new Set(names);
  // The plan lists every image after those that it needs.
  for (const image of images.toReversed())
    if (wanted.has(image.name)) for (const name of dependenciesOf(image)) wanted.add(name);
  return wanted;
}

interface Explained {
  readonly explanation: Explanation;
  /** Undefined when they are known only after a build. */
  readonly layers: readonly LayerRecord[] | undefined;
  readonly container: ContainerConfig | undefined;
}

async function explainImage(plan: ImagePlan, findings: Findings, context: LookContext): Promise<Explained> {
  const before = recallHistory(plan.name, context);
  if (!before) {
    const explanation = { image: plan.name, state: 'never built', changes: [] } as const;
    return { explanation, layers: undefined, container: undefined };
  }
  const { known } = findings;
  const base = await explainBase(plan, before.facts.base, findings, context);
  const state = base.container && stateOf(base.container, plan.config);
  const walk = new Walk(plan, before, { layers: base.layers, state }, context);
  for (const step of plan.steps) {
    await walk.take(step, known);
  }
  await walk.takeLabels(known);
  const gone = removedSteps(plan, before);
  const closing = walk.state && plainChange(plan.config, walk.state);
  const config = closing
    ? changesBetween('config', before.config, configParts(closing, plan, context.options), () => [])
    : [];
  const groups = plan.squash ? groupParts(plan.squash) : [];
  const squash = changesBetween('squash', before.squash ?? [], groups, () => []);
  const changes = [...base.changes, ...walk.changes, ...gone, ...squash, ...config];
  return {
    explanation: { image: plan.name, state: changes.length === 0 ? 'up to date' : 'changed', changes },
    layers: walk.layers,
    container: closing && walk.state && changeContainer(walk.state.container, closing),
  };
}

/** Goes through the steps of an image from the bottom to the top. */
class Walk {
  readonly #plan: ImagePlan;
  readonly #before: ImageHistory;
  readonly #context: LookContext;
  readonly changes: Change[] = [];
  /** Undefined above the first step that is done anew. */
  layers: readonly LayerRecord[] | undefined;
  /** Undefined where the config of the base is known only after a build. */
  state: ImageState | undefined;
  /** What the layers are unknown because of. */
  #cause = 'its base changes';

  constructor(
    plan: ImagePlan,
    before: ImageHistory,
    { layers, state }: Pick<Walk, 'layers' | 'state'>,
    context: LookContext,
  ) {
    this.#plan = plan;
    this.#before = before;
    this.layers = layers;
    this.state = state;
    this.#context = context;
  }

  async take(step: Step, known: ReadonlyMap<string, readonly LayerRecord[]>): Promise<void> {
    const where = placeOf(this.#plan, step);
    const before = counterpart(this.#plan, step, this.#before.steps);
    if (step.kind === 'config') {
      await this.#configure(step, where, before);
      return;
    }
    const { parts, find } = await this.#lookAt(step, before, known);
    const changes = this.#changesOf(where, before?.parts, parts);
    this.changes.push(...changes);
    if (!this.layers) {
      if (changes.length === 0) this.#note(where, `will be rebuilt, since ${this.#cause}`);
      return;
    }
    const always = step.kind === 'run' && step.surroundings.binds.length > 0;
    const result = always ? undefined : await find();
    if (result && changes.length > 0) this.#note(where, 'known from an earlier build');
    else if (always) this.#note(where, 'rebuilt in every build, since it has binds');
    else if (!result && changes.length === 0) this.#note(where, 'its result is no longer in the store');
    this.#follow(step, result);
  }

  /** Goes on above a step. @param result Undefined when it is done anew. */
  #follow(step: Step, result: KnownLayers | undefined): void {
    if (!result) this.#cause = `step ${this.#plan.steps.indexOf(step) + 1} changes`;
    this.layers = result && this.layers && [...this.layers, ...result.layers];
  }

  async #configure(step: ConfigStep, where: string, before: StepHistory | undefined): Promise<void> {
    if (!this.state) return;
    const settled = settleConfig(step, this.state);
    const changes = this.#changesOf(where, before?.parts, configStepParts(settled));
    this.changes.push(...changes);
    this.state = changeState(this.state, settled);
    const directory = step.makeWorkingDir && this.state.container.WorkingDir;
    if (!this.layers || !directory) return;
    const missing = await missingDirectory(
      directory,
      this.state.container.User ?? '',
      this.layers,
      this.#context,
    );
    if (!missing) return;
    const made = await resultOf(keyOf(DIRECTORY, missing.parts), this.#context);
    if (!made && changes.length === 0) this.#note(where, 'its result is no longer in the store');
    this.#follow(step, made);
  }

  #note(where: string, text: string): void {
    this.changes.push({ where, text, details: [] });
  }

  /** What makes labels runs when all steps are done. */
  async takeLabels(known: ReadonlyMap<string, readonly LayerRecord[]>): Promise<void> {
    const { labels, imports, name } = this.#plan;
    const before = this.#before.labels;
    if (!labels) {
      if (before) this.#note('labels', 'removed');
      return;
    }
    const identities = await Promise.all(
      imports.map(({ source }) => identityOf(source, name, known, this.#context)),
    );
    const parts = labelParts(labels, this.#plan, identities, this.layers, this.#context.options);
    const changes = this.#changesOf('labels', before, parts);
    this.changes.push(...changes);
    if (!this.layers && changes.length === 0) this.#note('labels', `will be made anew, since ${this.#cause}`);
  }

  #changesOf(
    where: string,
    before: readonly KeyPart[] | undefined,
    parts: readonly KeyPart[],
  ): readonly Change[] {
    if (!before) return [{ where, text: 'new', details: [] }];
    // Where the layers are not known, what follows from them is not compared.
    const below: readonly string[] = this.layers ? [] : Object.values(BELOW);
    const comparable = before.filter(([name]) => !below.includes(name));
    return changesBetween(where, comparable, parts, (old, now) =>
      changedPaths(old, now, this.#context.store.database),
    );
  }

  /** What a step depends on, and how to find what it gave the last time. */
  async #lookAt(
    step: Exclude<Step, ConfigStep>,
    before: StepHistory | undefined,
    known: ReadonlyMap<string, readonly LayerRecord[]>,
  ): ReturnType<typeof lookAtApplied> {
    const find = (key: string) => resultOf(key, this.#context);
    if (step.kind === 'apply') return lookAtApplied(step, this.#plan, this.layers, this.#context, find);
    const parts = await this.#partsOf(step, before, known);
    return { parts, find: () => find(keyOf(step.kind, parts)) };
  }

  async #partsOf(
    step: CopyStep | ExecStep | PackagesStep | RunStep | SetupStep,
    before: StepHistory | undefined,
    known: ReadonlyMap<string, readonly LayerRecord[]>,
  ): Promise<readonly KeyPart[]> {
    const { name, imports } = this.#plan;
    const { options } = this.#context;
    const identify = (source: Source) => identityOf(source, name, known, this.#context);
    if (step.kind === 'run') {
      const identities = await Promise.all(imports.map(({ source }) => identify(source)));
      return runParts(step, this.#plan, identities, this.layers, options);
    }
    const { layers, state } = this;
    if (step.kind === 'setup') return setupParts(step, layers, options);
    if (step.kind === 'packages') {
      const keys = await Promise.all(sourcesOfStep(step).map(identify));
      return packagesParts(step, this.#plan, keys, layers, this.#context);
    }
    if (step.kind === 'exec')
      return state
        ? execParts(settleExec(step, state, options), this.#plan, layers, options)
        : (before?.parts ?? []).filter(([part]) => part !== BELOW.layers);
    const items = await Promise.all(
      step.items.map(async (item, i) => {
        const { identity, type } = await identify(item.source);
        if (!layers || !state) {
          // Where links on the way would lead is not known: as far as before.
          const target = targetsOf(before)[i] ?? nameOfText(item.target);
          return { item, identity, target, parents: [] };
        }
        const kind = type === 'directory' ? 'directory' : 'file';
        const { path, parents } = await findTarget(targetOf(item, state), kind, layers, this.#context);
        return { item, identity, target: path, parents };
      }),
    );
    if (!layers || step.items.some(item => item.extract))
      return copyParts(items, undefined, layers, undefined, options);
    const time = await timeBelow(layers, this.#context);
    return copyParts(items, allParents(items), layers, time, options);
  }
}

/** Where the items of a copy went. */
function targetsOf(before: StepHistory | undefined): readonly string[] {
  const parts = before?.parts ?? [];
  return parts.flatMap(([name, value]) => (/^target(?:$| of )/.test(name) ? [value] : []));
}

/** Steps of the last build that are no more. */
function removedSteps(plan: ImagePlan, { steps }: ImageHistory): readonly Change[] {
  const kept = new Set(plan.steps.map(step => counterpart(plan, step, steps)));
  return steps
    .filter(step => !kept.has(step))
    .map(({ kind, name }) => ({
      where: wordsFor(kind, name),
      text: 'removed',
      details: [],
    }));
}
