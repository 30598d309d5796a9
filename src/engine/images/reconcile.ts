/** What an image on another base needs besides its own layers, and what people must hear of. */
import { type ByteString, fromText, type PackedLayer, type PackOptions, toText } from '../../layers/index.ts';
import {
  type Correction,
  conflictLines,
  decideStack,
  type LayerFiles,
  type MergedPaths,
  mergers,
  type StackDecision,
  type StackLayer,
} from '../../stacking/index.ts';
import { printable } from '../../support/cells.ts';
import { type LookContext, say } from '../context.ts';
import { contentsOf, filesOf } from '../layer-contents.ts';
import { keepLayer } from '../layer-records.ts';
import { entriesFor } from '../stacking/corrections.ts';
import { stackLayers } from '../stacking/decide.ts';
import { packRegenerated } from '../stacking/regenerate.ts';
import type { LayerRecord } from '../values.ts';
import { changeBetween } from './base-change.ts';
import type { NamedImage } from './open.ts';
import { type ImageTree, treeOf } from './tree-view.ts';

export interface Move {
  /** The base that the image was built on. */
  readonly old: NamedImage;
  readonly image: NamedImage;
  /** Those of the image's layers that are not the old base's. */
  readonly own: readonly LayerRecord[];
  /** The base that it is put on. */
  readonly base: NamedImage;
}

/** The id of the way from the old base to the new one, as stacking sees it. */
const CHANGE = 'change of the base';

/**
 * The layers to add above the new base's and the image's own: nothing where those give by themselves what the image has
 * changed, and all else as the new base has it. Where both have changed the same thing, databases are merged by what
 * they mean; of everything else the image's version stays, and people are told.
 */
export async function reconcile(move: Move, context: LookContext): Promise<readonly LayerRecord[]> {
  const { base, own } = move;
  const tree = await treeOf(base.layers, context);
  const decision = await decide(move, tree, context);
  tell(move, decision, context);
  const extra = await correct(decision, move, tree, context);
  if (decision.regenerate.length === 0) return extra;
  const below = [...base.layers, ...own, ...extra];
  const regenerated = await packed(context, pack =>
    packRegenerated(decision.regenerate, { libraryCache: 'regenerate' }, below, pack, {
      context,
      plan: { name: move.image.name },
    }),
  );
  return [...extra, ...regenerated];
}

async function decide(
  { old, image, own, base }: Move,
  tree: ImageTree,
  context: LookContext,
): Promise<StackDecision> {
  const before = await treeOf(old.layers, context);
  const common = stackLayers(old.layers, context);
  const change: StackLayer = { id: CHANGE, contents: async () => changeBetween(before.merged, tree.merged) };
  // A layer may be there twice: with these ids it stays where it is.
  const upper = own.map((layer, i) => ({ id: idOf(i), contents: () => contentsOf(layer, context) }));
  const known = filesOf(old.layers, context);
  const files: LayerFiles = {
    read: async (id, paths) => {
      if (id === CHANGE) return readAll(tree, paths);
      const layer = own[upper.findIndex(one => one.id === id)];
      return layer ? filesOf([layer], context).read(layer.diffId, paths) : known.read(id, paths);
    },
  };
  return decideStack(
    [
      { name: base.name, layers: [...common, change] },
      { name: image.name, layers: [...common, ...upper] },
    ],
    { policy: 'warn', paths: [] },
    mergers,
    files,
  );
}

function idOf(place: number): string {
  return `layer ${place + 1} of the image's own`;
}

async function readAll(
  tree: ImageTree,
  paths: readonly ByteString[],
): Promise<ReadonlyMap<ByteString, Uint8Array>> {
  const found = paths.map(async path => {
    const version = await tree.read(`/${toText(path)}`);
    if (!version) throw new Error(`${path} is not in the tree of the new base`);
    return [path, version.content] as const;
  });
  return new Map(await Promise.all(found));
}

/** The correction with the layer that really has what is taken. */
function locate(correction: Correction, { base, own }: Move, tree: ImageTree): Correction {
  if (correction.kind !== 'taken') return correction;
  const layer =
    correction.layer === CHANGE
      ? base.layers[tree.merged.get(fromText(correction.path.slice(1)))?.layer ?? -1]
      : own.find((_, i) => idOf(i) === correction.layer);
  return layer ? { ...correction, layer: layer.diffId } : correction;
}

/** The layer of what the new base's layers and the image's own do not give by themselves, if there is anything of that. */
async function correct(
  { corrections }: StackDecision,
  move: Move,
  tree: ImageTree,
  context: LookContext,
): Promise<readonly LayerRecord[]> {
  if (corrections.length === 0) return [];
  const located = corrections.map(correction => locate(correction, move, tree));
  const layers = [...move.old.layers, ...move.base.layers, ...move.own];
  using extra = await entriesFor(located, layers, context);
  const { entries } = extra;
  const { packLayer } = await import('../../layers/index.ts');
  const { signal } = context;
  return await packed(context, pack => packLayer({ kind: 'entries', entries }, { ...pack, signal }));
}

async function packed(
  context: LookContext,
  perform: (pack: PackOptions) => Promise<PackedLayer | undefined>,
): Promise<readonly LayerRecord[]> {
  const { compression, sourceDateEpoch } = context.options;
  const output = context.store.temporaryPath('layer');
  const layer = await perform({
    compression,
    output,
    ...(sourceDateEpoch !== undefined && { sourceDateEpoch }),
  });
  return layer ? [await keepLayer(layer, output, compression, context)] : [];
}

/** Conflicts, and paths of one merger, that are named, unless all are asked for. */
const SHOWN = 20;

function tell({ image, base }: Move, { conflicts, merged }: StackDecision, context: LookContext): void {
  const most = context.options.debug ? Number.POSITIVE_INFINITY : SHOWN;
  for (const line of mergedLines(merged, `${image.name} and ${base.name}`, most))
    say(context, image.name, 'info', line);
  const lines = conflictLines(conflicts);
  if (lines.length === 0) return;
  say(context, image.name, 'warning', `${image.name} wins where ${base.name} has changed the same:`);
  for (const line of lines.slice(0, most)) say(context, image.name, 'warning', `  ${line}`);
  const rest = lines.length - most;
  if (rest > 0) say(context, image.name, 'warning', `  and ${rest} more. use --debug for complete output`);
}

/** A line for each merger, with so many of its paths at most: they are whatever an image has. */
export function mergedLines(merged: readonly MergedPaths[], by: string, most: number): readonly string[] {
  return merged.map(({ merger, paths }) => {
    const rest = paths.length - most;
    const shown = paths.slice(0, most).map(printable).join(', ');
    return `merged what ${by} changed (${merger}): ${shown}${rest > 0 ? ` and ${rest} more` : ''}`;
  });
}
