/** Stacks as bases of images. */
import type { Digest } from '../../oci/index.ts';
import type { StackBase } from '../../plan/types.ts';
import {
  conflictLines,
  refuseConflicts,
  STACK_ANNOTATION,
  type StackDecision,
  stackRecord,
} from '../../stacking/index.ts';
import { type BuildContext, type LookContext, once, say } from '../context.ts';
import { baseFact } from '../keys/comparison.ts';
import { keyOf } from '../keys/keys.ts';
import { type Start, startFrom } from '../steps/start.ts';
import { type StepContext, type StepResult, throughCache } from '../steps/steps.ts';
import type { LayerRecord } from '../values.ts';
import { stackConfig } from './config.ts';
import { packCorrections } from './corrections.ts';
import { asStacked, decide } from './decide.ts';
import { type KnownLayers, pick, recallStack, rememberOutline, type StackOutline } from './outline.ts';
import { namesOfParts, type Part, pileOf, stackKeyParts, stackRules } from './parts.ts';
import { REGENERATE, regenerate, regenerateKeyParts } from './regenerate.ts';
import { compareSystems, separated } from './separate.ts';

/** The domain of the keys of what is remembered of stacks. */
const STACK = 'stack';

/**
 * Opens the parts and stacks them: their layers as they are, and above them what has to be corrected. Config and
 * annotations are those of the first part.
 * @throws AshlarError when they disagree about something that must not be.
 */
export async function stack(base: StackBase, step: StepContext): Promise<Start> {
  const names = namesOfParts(base.parts);
  const open = async (part: StackBase['parts'][number], i: number) => {
    const start = await startFrom(part, step);
    return { ...start, name: names[i] ?? '', fact: baseFact({ base: part }, start) };
  };
  const opened = await Promise.all(base.parts.map(open));
  if (base.separate) await compareSystems(opened, step);
  const parts = base.separate ? await separated(opened, base, step) : opened;
  const [first, ...rest] = parts;
  if (!first) throw new Error('a stack without parts');
  const { outline, layers, results } = await stackParts(base, parts, step);
  return {
    layers,
    config: stackConfig([first, ...rest], outline.order, step.context.options.authorship.author),
    annotations: { ...first.annotations, [STACK_ANNOTATION]: outline.record },
    made: results.flatMap(({ layer, created }) =>
      layer ? [{ diffId: layer.diffId, created, createdBy: base.createdBy }] : [],
    ),
    cached: [...parts, ...results].every(({ cached }) => cached),
    stacked: { parts: parts.map(({ fact }) => fact), rules: stackRules(base, step.context.options) },
  };
}

interface Stacked {
  readonly outline: StackOutline;
  /** Bottom to top. */
  readonly layers: readonly LayerRecord[];
  /** What made the uppermost ones, those of no part. */
  readonly results: readonly StepResult[];
}

async function stackParts(base: StackBase, parts: readonly Part[], step: StepContext): Promise<Stacked> {
  const { context } = step;
  const keyParts = stackKeyParts(parts, base, context.options);
  const key = keyOf(STACK, keyParts);
  const decision = () => once(context, `decision ${key}`, () => decideOrRefuse(base, parts, context));
  const known = recallStack(key, context);
  const draft = known ?? draftOf(await decision());
  tellOf(draft, parts, base, step);
  const untouched = pick(draft.order, layersIn(parts));
  const corrected = await throughCache(
    {
      domain: STACK,
      parts: keyParts,
      perform: async pack => packCorrections((await decision()).corrections, untouched, pack, step),
    },
    step,
  );
  const below = [...untouched, ...layersOf([corrected])];
  const results =
    draft.regenerate.length === 0
      ? [corrected]
      : [corrected, await regenerate(draft.regenerate, base, below, step)];
  const layers = [...untouched, ...layersOf(results)];
  const outline = known && results.every(({ cached }) => cached) ? known : await finish();
  return { outline, layers: asPile(layers, draft, base, parts), results };

  async function finish(): Promise<StackOutline> {
    const [extra, regenerated] = results.map(({ layer }) => layer !== undefined);
    const made = { extra: extra ?? false, regenerated: regenerated ?? false };
    const record = stackRecord(asStacked(parts, context), base.conflicts, await decision(), made);
    const outline = { ...draft, record };
    rememberOutline(key, outline, context);
    return outline;
  }
}

async function decideOrRefuse(
  base: StackBase,
  parts: readonly Part[],
  context: BuildContext,
): Promise<StackDecision> {
  const decision = await decide(parts, base.conflicts, context);
  refuseConflicts(decision.conflicts, base.at);
  return decision;
}

function draftOf(decision: StackDecision): Omit<StackOutline, 'record'> {
  const { order, moved, conflicts, regenerate, orderIndependent } = decision;
  return {
    // Ids are the diff IDs that we have given.
    order: order as readonly Digest[],
    moved,
    warnings: conflictLines(conflicts.filter(({ policy }) => policy === 'warn')),
    regenerate,
    orderIndependent,
  };
}

/** The layers with what identifies all of them together; what identified some of them in a part is no longer true. */
function asPile(
  layers: readonly LayerRecord[],
  { orderIndependent }: Pick<StackOutline, 'orderIndependent'>,
  base: StackBase,
  parts: readonly Part[],
): readonly LayerRecord[] {
  const bare = layers.map(({ pile: _, ...layer }): LayerRecord => layer);
  const last = bare.at(-1);
  return orderIndependent && last ? bare.with(-1, { ...last, pile: pileOf(parts, base) }) : bare;
}

/** The layers of a stack; undefined when some of them have to be made. */
export async function knownStack(
  base: StackBase,
  parts: readonly Part[],
  looking: Pick<StepContext, 'plan'> & { readonly context: LookContext },
  resultOf: (key: string) => Promise<KnownLayers | undefined>,
): Promise<readonly LayerRecord[] | undefined> {
  const { context } = looking;
  const key = keyOf(STACK, stackKeyParts(parts, base, context.options));
  const outline = recallStack(key, context);
  const corrected = outline && (await resultOf(key));
  if (!corrected) return undefined;
  const below = [...pick(outline.order, layersIn(parts)), ...corrected.layers];
  if (outline.regenerate.length === 0) return asPile(below, outline, base, parts);
  const regenerateParts = regenerateKeyParts(outline.regenerate, base, below, looking);
  const regenerated = await resultOf(keyOf(REGENERATE, regenerateParts));
  return regenerated && asPile([...below, ...regenerated.layers], outline, base, parts);
}

function layersIn(parts: readonly Part[]): readonly LayerRecord[] {
  return parts.flatMap(({ layers }) => layers);
}

function layersOf(results: readonly StepResult[]): readonly LayerRecord[] {
  return results.flatMap(({ layer }) => layer ?? []);
}

/** Conflicts that are named, unless all are asked for. */
const SHOWN = 20;

/** Tells people what was decided for them. */
function tellOf(
  { moved, warnings }: Omit<StackOutline, 'record'>,
  parts: readonly Part[],
  { at }: StackBase,
  { context, plan }: StepContext,
): void {
  for (const { layer, reason } of moved) say(context, plan.name, 'info', `layer ${layer}: ${reason}`);
  if (warnings.length === 0) return;
  const shown = context.options.debug ? warnings : warnings.slice(0, SHOWN);
  const rest = warnings.length - shown.length;
  const names = parts.map(({ name }) => name).join(', ');
  const text = `the upper part wins where the parts of this stack disagree: ${names}`;
  context.emit({ kind: 'message', image: plan.name, level: 'warning', text, at });
  for (const line of shown) say(context, plan.name, 'warning', `  ${line}`);
  if (rest > 0) say(context, plan.name, 'warning', `  and ${rest} more. use --debug for complete output`);
}
