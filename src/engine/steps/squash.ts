/** Layers of steps put together for the image that is handed out, group by group; known ones from the store. */
import { fromText, type Squashed, squashLayers } from '../../layers/index.ts';
import type { ImagePlan, Squash } from '../../plan/types.ts';
import { once } from '../context.ts';
import { squashParts } from '../keys/key-parts.ts';
import { type KeyPart, keyOf } from '../keys/keys.ts';
import { contentsOf, tarWithContents } from '../layer-contents.ts';
import { chainOf, knownLayer } from '../layer-records.ts';
import type { LayerRecord } from '../values.ts';
import { fromPlain, type PlainParent, toPlain } from './plain-parents.ts';
import { type BroughtLayer, packHere, type StepContext, throughCache } from './steps.ts';
import { findTarget, treeOf } from './targets.ts';

export interface SquashedLayers {
  /** One for each group that changes something. */
  readonly layers: readonly BroughtLayer[];
  /** What identifies the work of all groups. */
  readonly key: string;
  readonly cached: boolean;
}

/** `ofSteps` has the layers of each step; `step.layers` are those of the base. */
export async function squash(
  { groups, without }: Squash,
  ofSteps: readonly (readonly BroughtLayer[])[],
  step: StepContext,
): Promise<SquashedLayers> {
  const all = [...step.layers, ...ofSteps.flat().map(({ layer }) => layer)];
  const paths = await Promise.all(without.map(path => findTarget(path, 'file', all, step.context)));
  const leftOut = paths.map(({ path }) => fromText(path.slice(1))).sort();
  const layers: BroughtLayer[] = [];
  const keys: KeyPart[] = [];
  let cached = true;
  let first = 0;
  for (const [i, { steps, createdBy }] of groups.entries()) {
    const group = ofSteps.slice(first, first + steps).flat();
    first += steps;
    const below = [...step.layers, ...layers.map(({ layer }) => layer)];
    const result = await squashGroup(group, below, leftOut, i === groups.length - 1, step);
    if (result.layer) layers.push({ layer: result.layer, created: result.created, createdBy });
    keys.push([`group ${i + 1}`, result.key]);
    cached &&= result.cached;
  }
  return { layers, key: keyOf('squash groups', keys), cached };
}

/** Whether what a step makes becomes a part of something else, for all that is known before. */
export function isIntermediate(
  { squash, steps }: Pick<ImagePlan, 'squash' | 'steps'>,
  index: number,
): boolean {
  let first = 0;
  for (const { steps: count } of squash?.groups ?? []) {
    const group = steps.slice(first, first + count);
    first += count;
    if (index < first) return group.filter(({ kind }) => kind !== 'config').length > 1;
  }
  return false;
}

interface SquashedGroup {
  readonly layer: LayerRecord | undefined;
  readonly created: string;
  readonly key: string;
  readonly cached: boolean;
}

async function squashGroup(
  group: readonly BroughtLayer[],
  below: readonly LayerRecord[],
  without: readonly string[],
  last: boolean,
  step: StepContext,
): Promise<SquashedGroup> {
  const { context } = step;
  const { created } = group.at(-1) ?? context.options.authorship;
  const layers = group.map(({ layer }) => layer);
  const key = keyOf('squashed', [
    ['below', chainOf(below)],
    ['layers', layers.map(({ diffId }) => diffId).join(' ')],
    ['without', JSON.stringify(without)],
    ['last', String(last)],
  ]);
  const [only, ...more] = layers;
  const asItIs = async (layer: LayerRecord) => ({
    layer: await asWanted(layer, step),
    created,
    key,
    cached: true,
  });
  if (only && more.length === 0 && without.length === 0) return asItIs(only);
  const squashed = await once(context, key, () => lookAt(key, layers, below, without, last, step));
  if (squashed.empty) return { layer: undefined, created, key, cached: true };
  if (squashed.asItIs && only) return asItIs(only);
  return throughCache(
    {
      domain: 'squash',
      parts: squashParts(layers, squashed, without, context.options),
      lowest: below.length === 0,
      perform: async pack => {
        const tars = await Promise.all(layers.map(layer => tarWithContents(layer, context)));
        return packHere({ kind: 'squash', layers: tars, squashed, without }, pack, step);
      },
    },
    // Why it is done anew, the steps have told.
    { ...step, onMiss: () => {} },
  );
}

/** The same as JSON can hold it. */
interface PlainSquashed extends Omit<Squashed, 'described'> {
  readonly described: readonly PlainParent[];
}

/** What the group is to become; remembered, since it takes a look at all layers. */
async function lookAt(
  key: string,
  layers: readonly LayerRecord[],
  below: readonly LayerRecord[],
  without: readonly string[],
  removeBelow: boolean,
  { context }: StepContext,
): Promise<Squashed> {
  const { database } = context.store;
  const known = database.recall('lookups', key) as PlainSquashed | undefined;
  if (known) return { ...known, described: known.described.map(fromPlain) };
  const contents = await Promise.all(layers.map(layer => contentsOf(layer, context)));
  const { tree, settle } = await treeOf(below, context);
  const squashed = await squashLayers(contents, { without, removeBelow, below: path => tree.at(path) });
  await settle();
  const plain: PlainSquashed = { ...squashed, described: squashed.described.map(toPlain) };
  database.remember('lookups', key, plain);
  return squashed;
}

/** A layer of a step may have been packed as one that nobody is given. */
export async function asWanted(layer: LayerRecord, { wanted, context }: StepContext): Promise<LayerRecord> {
  const { format } = layer;
  if (wanted === 'any' || format.kind !== 'tar' || format.compression === wanted) return layer;
  return (await knownLayer(layer.diffId, wanted, context)) ?? layer;
}
