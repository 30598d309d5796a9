/** An image beside what its last build in this project was made of: says why it is built again. */
import { nameOfBase, nameOfSource, nameOfText } from '../../plan/names.ts';
import type { ImagePlan, Step } from '../../plan/types.ts';
import { type LookContext, say } from '../context.ts';
import { chainOf } from '../layer-records.ts';
import type { BaseImage } from '../sources/bases.ts';
import { changedPaths } from '../sources/listings.ts';
import type { ResolvedSources } from '../sources/sources.ts';
import { type Change, changedNames, changesBetween, shortHash } from './explanation.ts';
import {
  type BaseFact,
  type ImageFacts,
  type ImageHistory,
  nameOfStep,
  type StepHistory,
} from './history.ts';
import { canonical, type KeyPart, keyOf } from './keys.ts';
import { type ChangedPaths, missMessages } from './misses.ts';

/** Why a step is done: its key is new, or what it made is no longer in the store. */
export type MissReason = 'changed' | 'lost';

/** The facts of an image but its base, which may have to be made first. */
type EarlyFacts = Omit<ImageFacts, 'base'>;

export class Comparison {
  readonly #plan: ImagePlan;
  readonly #before: ImageHistory | undefined;
  readonly #context: LookContext;
  #facts: EarlyFacts;
  readonly #changedPaths: ChangedPaths;
  readonly #explained = new Set<string>();
  #base: BaseFact | undefined;
  #said = false;

  constructor(plan: ImagePlan, facts: EarlyFacts, before: ImageHistory | undefined, context: LookContext) {
    this.#plan = plan;
    this.#facts = facts;
    // Who ignores the cache does not wonder why nothing comes from it.
    this.#before = context.options.noCache ? undefined : before;
    this.#context = context;
    this.#changedPaths = (old, now) => changedPaths(old, now, context.store.database);
  }

  /** Sources in other images may be known only later. */
  factsAre(facts: EarlyFacts): void {
    this.#facts = facts;
  }

  /** Until then, what is made anew is the base. */
  baseIs(base: BaseFact): void {
    this.#base = base;
    this.#explain('base', () => baseChanges(this.#before?.facts.base, base));
  }

  /** A step (undefined: the base) has to be done. */
  missed(step: Step | undefined, parts: readonly KeyPart[], reason: MissReason): void {
    const before = step && counterpart(this.#plan, step, this.#before?.steps ?? []);
    this.#say(reason, before ? changedNames(before.parts, parts) : []);
    if (!step) return;
    const where = placeOf(this.#plan, step);
    this.#explain(where, () => {
      if (reason === 'lost') return [{ where, text: 'its result is no longer in the store', details: [] }];
      return before
        ? changesBetween(where, before.parts, parts, this.#changedPaths)
        : [{ where, text: 'new', details: [] }];
    });
  }

  /** A step that is no work changes the config in this way. */
  configured(step: Step, parts: readonly KeyPart[]): void {
    const before = counterpart(this.#plan, step, this.#before?.steps ?? []);
    if (!before || changedNames(before.parts, parts).length > 0) this.missed(step, parts, 'changed');
  }

  /** The script that makes labels has to run. */
  missedLabels(parts: readonly KeyPart[]): void {
    this.#say('changed');
    this.#explain('labels', () => {
      const before = this.#before?.labels;
      return before
        ? changesBetween('labels', before, parts, this.#changedPaths)
        : [{ where: 'labels', text: 'new', details: [] }];
    });
  }

  /** All layers are known, the config is not. */
  missedConfig(parts: readonly KeyPart[]): void {
    this.#say('changed');
    this.#explain('config', () =>
      changesBetween('config', this.#before?.config ?? [], parts, this.#changedPaths),
    );
  }

  /** `changed` are parts of a key, named where the description and what it names are as they were. */
  #say(reason: MissReason, changed: readonly string[] = []): void {
    if (this.#said || !this.#before) return;
    this.#said = true;
    const tell = (text: string) => say(this.#context, this.#plan.name, 'info', text);
    if (reason === 'lost') {
      tell('missing build for layer type tar');
      tell(`couldn't find ${this.#plan.name}, pruning it from the cache`);
      return;
    }
    const base = this.#base ?? { name: '', identity: '' };
    const all = this.#context.options.debug ?? false;
    const messages = missMessages(this.#before.facts, { ...this.#facts, base }, this.#changedPaths, all);
    for (const text of messages) tell(text);
    // Variables of the host, and options: stacker knows nothing of them.
    if (messages.length === 0 && changed.length > 0) tell(`cache miss because ${changed.join(', ')} changed`);
  }

  #explain(where: string, changes: () => readonly Change[]): void {
    if (!this.#context.options.explain || !this.#before || this.#explained.has(where)) return;
    this.#explained.add(where);
    for (const line of changes().flatMap(linesOfChange)) say(this.#context, this.#plan.name, 'info', line);
  }
}

/** What an image's description says, and its sources as far as they are known, before anything is done. */
export function earlyFacts(plan: ImagePlan, sources: ResolvedSources, context: LookContext): EarlyFacts {
  // Whether it is emitted is a question of what is built, too.
  const { base, imports, steps, squash, labels, config, platform } = plan;
  const description = canonical(withoutPlaces({ base, imports, steps, squash, labels, config, platform }));
  const described = [
    ...imports.map(({ name, source }) => ({ role: 'import' as const, name, source })),
    ...steps.flatMap(step => {
      if (step.kind !== 'copy') return [];
      return step.items.map(item => {
        const role = item.keep === 'all' ? ('overlay_dir' as const) : ('import' as const);
        return { role, name: nameOfText(item.target), source: item.source };
      });
    }),
  ];
  return {
    definition: keyOf('definition', [['description', description]]),
    epoch: String(context.options.sourceDateEpoch ?? ''),
    sources: described.flatMap(({ role, name, source }) => {
      if (!sources.has(source)) return [];
      const { identity, type } = sources.of(source);
      return [{ role, name, path: nameOfSource(source), type, identity }];
    }),
  };
}

/** Places change with every line above them, and mean nothing. */
export function withoutPlaces(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, item: unknown) =>
      (name === 'at' || name === 'messages') && typeof item === 'object' ? undefined : item,
    ),
  );
}

export function baseFact({ base }: Pick<ImagePlan, 'base'>, image: BaseImage): BaseFact {
  const { layers, config, digest, stacked } = image;
  const content = [['layers', chainOf(layers)] as const, ['config', canonical(config)] as const];
  return {
    name: nameOfBase(base),
    identity: digest ?? keyOf('base', content),
    ...stacked,
  };
}

export function baseChanges(before: BaseFact | undefined, now: BaseFact): readonly Change[] {
  if (!before || before.identity === now.identity) return [];
  if (before.parts && now.parts && before.name === now.name) {
    const parts = now.parts.flatMap((part, i) => baseChanges(before.parts?.[i], part));
    const rules = changesBetween('base', before.rules ?? [], now.rules ?? [], () => []);
    if (parts.length + rules.length > 0) return [...rules, ...parts];
  }
  const name = before.name === now.name ? now.name : `${before.name} -> ${now.name}`;
  const digests = [before.identity, now.identity];
  const text = digests.every(digest => digest.startsWith('sha256:'))
    ? `${name}: ${digests.map(shortHash).join(' -> ')}`
    : `${name} changed`;
  return [{ where: 'base', text, details: [] }];
}

/** `step 2 (run)`. */
export function placeOf({ steps }: ImagePlan, step: Step): string {
  return `step ${steps.indexOf(step) + 1} (${wordsFor(step.kind, nameOfStep(step))})`;
}

/** Characters of the places that a copy of many items goes to. */
const LONGEST_NAME = 120;

/** `copy to /a`. */
export function wordsFor(kind: Step['kind'], name: string): string {
  switch (kind) {
    case 'apply':
      return `apply ${name}`;
    case 'config':
      return `config of ${name}`;
    case 'copy':
      return `copy to ${name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name}`;
    case 'exec':
    case 'packages':
    case 'run':
    case 'setup':
      return kind;
  }
}

/** The same step in the last build: of the same kind and name; the n-th of several. */
export function counterpart(
  { steps }: ImagePlan,
  step: Step,
  before: readonly StepHistory[],
): StepHistory | undefined {
  const name = nameOfStep(step);
  const alike = (other: Step) => other.kind === step.kind && nameOfStep(other) === name;
  const index = steps.slice(0, steps.indexOf(step)).filter(alike).length;
  return before.filter(other => other.kind === step.kind && other.name === name)[index];
}

export function linesOfChange({ where, text, details }: Change): readonly string[] {
  return [`${where}: ${text}`, ...details.map(line => `  ${line}`)];
}
