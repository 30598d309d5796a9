import type { PackedLayer, PackOptions } from '../../layers/index.ts';
import type { ImagePlan, StackBase } from '../../plan/types.ts';
import type { Regeneration } from '../../stacking/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { type LookContext, say } from '../context.ts';
import { BELOW } from '../keys/key-parts.ts';
import { canonical, type KeyPart } from '../keys/keys.ts';
import { chainOf } from '../layer-records.ts';
import { roomOf } from '../steps/rooms.ts';
import { type StepContext, type StepResult, throughCache } from '../steps/steps.ts';
import type { LayerRecord } from '../values.ts';

/** The domain of the keys of what programs of an image made. */
export const REGENERATE = 'regenerate';

const LIBRARY_CACHE = '/etc/ld.so.cache';

/** Where programs of images are looked for by other programs of theirs. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function regenerateKeyParts(
  regenerations: readonly Regeneration[],
  { libraryCache }: Pick<StackBase, 'libraryCache'>,
  layers: readonly LayerRecord[],
  { context, plan }: Pick<StepContext, 'plan'> & { readonly context: LookContext },
): readonly KeyPart[] {
  return [
    [BELOW.layers, chainOf(layers)],
    ['programs', canonical(regenerations)],
    ['library cache', libraryCache],
    ['platform', canonical(plan.platform)],
    ['SOURCE_DATE_EPOCH', String(context.options.sourceDateEpoch ?? '')],
  ];
}

/**
 * Lets programs of the tree make anew what they have derived from it. What they cannot make is removed, since it would
 * be wrong.
 */
export function regenerate(
  regenerations: readonly Regeneration[],
  base: Pick<StackBase, 'libraryCache' | 'at'>,
  layers: readonly LayerRecord[],
  step: StepContext,
): Promise<StepResult> {
  return throughCache(
    {
      domain: REGENERATE,
      parts: regenerateKeyParts(regenerations, base, layers, step),
      perform: pack =>
        packRegenerated(regenerations, base, layers, pack, step).catch(error =>
          Promise.reject(explained(error, base)),
        ),
    },
    step,
  );
}

/** The work of `regenerate`. Undefined when all is there as it should be. */
export async function packRegenerated(
  regenerations: readonly Regeneration[],
  { libraryCache }: Pick<StackBase, 'libraryCache'>,
  layers: readonly LayerRecord[],
  pack: PackOptions,
  { context, plan }: { readonly context: LookContext; readonly plan: Pick<ImagePlan, 'name'> },
): Promise<PackedLayer | undefined> {
  const { workshop, signal, emit } = context;
  const programs = regenerations.map(({ command, makes }) => ({
    command,
    makes,
    wanted: libraryCache === 'regenerate' || !makes.includes(LIBRARY_CACHE),
  }));
  const environment = { defaults: { PATH }, passThrough: [], set: {} };
  const room = await roomOf({ environment, binds: [], importDirectories: [] }, layers, '', context);
  const { layer, problems } = await workshop.call(
    'regenerate',
    { ...room, network: 'none', programs, pack },
    {
      signal,
      onPacking: bytes => emit({ kind: 'packing', image: plan.name, bytes }),
      onWarning: text => say(context, plan.name, 'warning', text),
    },
  );
  for (const text of problems) say(context, plan.name, 'warning', text);
  return layer;
}

/** What cannot be run, need not be. */
function explained(error: unknown, { at }: Pick<StackBase, 'at'>): unknown {
  if (!(error instanceof AshlarError)) return error;
  const hint = error.hint ?? 'with "library_cache: drop" the stack has no cache of libraries';
  return new AshlarError(error.message, { at, hint, cause: error.cause });
}
