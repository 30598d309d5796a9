/** Steps of a plan become layers: known ones from the store, others by doing the work. */

import { type PackedLayer, type PackOptions, packLayer } from '../../layers/index.ts';
import type { TarCompression } from '../../oci/index.ts';
import type { Base, ImagePlan, Source } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { type BuildContext, type BuildOptions, once, say } from '../context.ts';
import { keepForm } from '../forms/file-system-form.ts';
import { squashfsTool } from '../forms/tools.ts';
import type { ChangesPack } from '../inside/request-parts.ts';
import type { PackRequest } from '../inside/requests.ts';
import type { MissReason } from '../keys/comparison.ts';
import { tarParts } from '../keys/key-parts.ts';
import { type KeyPart, keyOf } from '../keys/keys.ts';
import { keepLayer, knownLayer } from '../layer-records.ts';
import { linkTarBase } from '../project/links.ts';
import { followed, type ResolvedSource, type ResolvedSources, resolveSource } from '../sources/sources.ts';
import type { ImageState } from '../state.ts';
import type { LayerRecord } from '../values.ts';
import { writtenNow } from './written.ts';

/** What one step needs to know of the image it is part of. */
export interface StepContext {
  readonly context: BuildContext;
  readonly plan: ImagePlan;
  /** The layers below. */
  readonly layers: readonly LayerRecord[];
  /** What the steps below say besides their layers. */
  readonly state: ImageState;
  /** The image's imports, looked up. */
  readonly imports: readonly ResolvedSource[];
  /** All that it imports and copies, looked up. */
  readonly sources: ResolvedSources;
  /** Where scripts find the imports. */
  readonly importsDirectory: string;
  /** How the layer will be handed out; `any` when it never will. */
  readonly wanted: TarCompression | 'any';
  /** Whether the layer will be handed out as squashfs. */
  readonly squashfs: boolean;
  /** Called before the work of the step is done. */
  readonly onMiss: (parts: readonly KeyPart[], reason: MissReason) => void;
}

export interface StepResult {
  readonly key: string;
  readonly parts: readonly KeyPart[];
  /** The layer that it made; undefined when nothing changed. */
  readonly layer: LayerRecord | undefined;
  /** What the steps above it see, where that is something else than before. */
  readonly state?: ImageState;
  /** Layers of other images that it puts below its own. */
  readonly brought?: readonly BroughtLayer[];
  /** RFC 3339: when the work was really done. */
  readonly created: string;
  readonly cached: boolean;
}

export interface BroughtLayer {
  readonly layer: LayerRecord;
  /** RFC 3339. */
  readonly created: string;
  readonly createdBy: string;
}

interface Work {
  readonly domain: string;
  readonly parts: readonly KeyPart[];
  /** Done anew in every build, since not everything that it depends on can be known. */
  readonly always?: boolean;
  /** Whether the layer has no layers below. */
  readonly lowest?: boolean;
  readonly perform: (pack: ChangesPack) => Promise<PackedLayer | undefined>;
}

/** Does a piece of work, unless the store knows its result or another image of this build is already at it. */
export function throughCache(work: Work, step: StepContext): Promise<StepResult> {
  const key = keyOf(work.domain, work.parts);
  const perform = () => performUnlessKnown(key, work, step);
  return work.always ? perform() : once(step.context, `step ${key} ${step.wanted}`, perform);
}

async function performUnlessKnown(
  key: string,
  { parts, always, lowest = false, perform }: Work,
  step: StepContext,
): Promise<StepResult> {
  const { context, plan, wanted, squashfs, onMiss } = step;
  const { store, options, signal } = context;
  store.claim(`step ${key}`);
  const known = options.noCache ? undefined : store.database.step(key);
  if (known && always) {
    say(context, plan.name, 'info', 'rebuilding cached layer due to use of binds in stacker file');
  } else if (known) {
    const { diffId, created } = known;
    if (diffId === undefined) return { key, parts, layer: undefined, created, cached: true };
    const layer = await knownLayer(diffId, wanted, context);
    if (layer) return { key, parts, layer, created, cached: true };
    onMiss(parts, 'lost');
  } else {
    onMiss(parts, 'changed');
  }
  signal.throwIfAborted();
  // Where squashfs is made in the same pass the tar is seldom read: to compress it would take a fifth of the time.
  const compression = wanted === 'any' ? (squashfs ? 'none' : 'zstd') : wanted;
  const output = store.temporaryPath('layer');
  // Of a layer that was known before, the image mostly is, too.
  const image = squashfs && !known ? await squashfsImage(lowest, context) : undefined;
  const written = await writtenNow(step.layers, context);
  const pack = { ...packOptions(compression, output, options), ...(written && { written }) };
  const packed = await perform({ ...pack, ...image });
  const layer = packed && (await keepLayer(packed, output, compression, context));
  if (layer && image && packed.squashfs)
    await keepForm(layer.diffId, packed.squashfs, image.squashfs.output, plan.name, context);
  const { created } = options.authorship;
  store.database.addStep(key, { diffId: layer?.diffId, created });
  return { key, parts, layer, created, cached: false };
}

function packOptions(
  compression: TarCompression,
  output: string,
  { sourceDateEpoch }: BuildOptions,
): PackOptions {
  return { compression, output, ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }) };
}

/** What the pass that packs a layer is to make as well. */
async function squashfsImage(
  lowest: boolean,
  context: BuildContext,
): Promise<Required<Pick<PackOptions, 'squashfs'>>> {
  const { compression: into } = await squashfsTool(context);
  const { verity } = context.options.forms;
  const output = context.store.temporaryPath('layer');
  return { squashfs: { into, verity, output, lowest } };
}

/** A tar file that is the lowest layer of an image. */
export async function tarBase(base: Extract<Base, { kind: 'tar' }>, step: StepContext): Promise<StepResult> {
  const { context, plan } = step;
  // A link is a name for the file here; as an import it would stand for itself.
  const source = await resolveSource(followed(base.source), plan.name, context);
  if (source.type !== 'file')
    throw new AshlarError(`a tar base must be a file, not a ${source.type}`, { at: base.source.at });
  await linkTarBase(base.source, source, context);
  return throughCache(
    {
      domain: 'tar',
      lowest: true,
      parts: tarParts(source, context.options),
      perform: async pack => {
        const location = await source.locate();
        const recorded = (plan.outputs?.length ?? 0) > 0;
        if (location.kind === 'host' && !source.inside)
          return packHere({ kind: 'tar', path: location.path, recorded }, pack, step);
        return packInside({ kind: 'tar', location, recorded, pack }, step);
      },
    },
    step,
  );
}

/** What was packed must be what the key says, also when somebody writes to the source meanwhile. */
export async function checkUnchanged(
  source: Source,
  before: ResolvedSource | undefined,
  { context, plan }: Pick<StepContext, 'context' | 'plan'>,
): Promise<void> {
  if (source.kind !== 'file') return;
  const after = await resolveSource(source, plan.name, context);
  if (after.identity !== before?.identity) {
    throw new AshlarError(`${source.path} changed while it was read`, {
      at: source.at,
      hint: 'build again when nobody writes to it',
    });
  }
}

/** Packs a layer out of what this process can read. */
export async function packHere(
  job: Parameters<typeof packLayer>[0],
  pack: PackOptions,
  { context, plan }: StepContext,
) {
  const onProgress = (bytes: number) => context.emit({ kind: 'packing', image: plan.name, bytes });
  const packed = await packLayer(job, { ...pack, signal: context.signal, onProgress });
  for (const text of packed?.warnings ?? []) say(context, plan.name, 'warning', text);
  return packed;
}

/** Packs a layer out of what only uid 0 of the build's namespaces can read. */
export function packInside(request: PackRequest, { context, plan }: StepContext) {
  const onWarning = (text: string) => say(context, plan.name, 'warning', text);
  const onPacking = (bytes: number) => context.emit({ kind: 'packing', image: plan.name, bytes });
  return context.workshop.call('pack', request, { signal: context.signal, onWarning, onPacking });
}
