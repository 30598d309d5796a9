/** Parts of stacks as trees of their own: a part that would remove or hide what is of others gets one layer instead. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { NewEntry, PackedLayer, PackOptions } from '../../layers/index.ts';
import type { StackBase } from '../../plan/types.ts';
import { type SeparateEntry, separateTrees } from '../../stacking/index.ts';
import { type LookContext, say } from '../context.ts';
import { canonical, keyOf } from '../keys/keys.ts';
import { contentsOf, extractFiles, filesOf } from '../layer-contents.ts';
import type { Start } from '../steps/start.ts';
import { packHere, type StepContext, throughCache } from '../steps/steps.ts';
import type { LayerRecord } from '../values.ts';
import { listOf } from './parts.ts';

interface OpenPart extends Start {
  readonly name: string;
}

/** The parts with the layers that they are stacked with. */
export async function separated<P extends OpenPart>(
  parts: readonly P[],
  base: StackBase,
  step: StepContext,
): Promise<readonly P[]> {
  const { context } = step;
  const layered = await Promise.all(
    parts.map(async ({ layers }) => ({
      layers: await Promise.all(layers.map(layer => contentsOf(layer, context))),
      ids: layers.map(({ diffId }) => diffId),
    })),
  );
  const trees = separateTrees(layered);
  return Promise.all(
    parts.map(async (part, i) => {
      const tree = trees[i];
      return tree ? { ...part, ...(await ofOneLayer(part, tree, base, step)) } : part;
    }),
  );
}

async function ofOneLayer(
  { layers, config }: OpenPart,
  tree: readonly SeparateEntry[],
  { createdBy }: StackBase,
  step: StepContext,
): Promise<Pick<Start, 'layers' | 'config' | 'made' | 'cached'>> {
  const paths = tree.map(({ path, content }) => [path, content]);
  const { layer, created, cached } = await throughCache(
    {
      domain: 'separate tree',
      parts: [
        ['layers', listOf(layers)],
        ['paths', keyOf('paths', [['paths', canonical(paths)]])],
        ['SOURCE_DATE_EPOCH', String(step.context.options.sourceDateEpoch ?? '')],
      ],
      perform: pack => packTree(tree, layers, pack, step),
    },
    step,
  );
  const history = (config.history ?? []).filter(entry => entry.empty_layer);
  return {
    layers: layer ? [layer] : [],
    config: { ...config, rootfs: { type: 'layers', diff_ids: [] }, history },
    made: layer ? [{ diffId: layer.diffId, created, createdBy }] : [],
    cached,
  };
}

async function packTree(
  tree: readonly SeparateEntry[],
  layers: readonly LayerRecord[],
  pack: PackOptions,
  step: StepContext,
): Promise<PackedLayer | undefined> {
  const directory = step.context.store.temporaryPath('taken');
  mkdirSync(directory);
  try {
    for (const [place, wanted] of Map.groupBy(tree.filter(hasContent), ({ layer }) => layer)) {
      const layer = layers[place];
      if (!layer) throw new Error(`there is no layer ${place}`);
      const files = new Set(wanted.map(({ content }) => content));
      await extractFiles(layer, [...files], directory, step.context);
    }
    const entries = tree.map((each): NewEntry => {
      const { path, entry } = each;
      const content = hasContent(each) ? { content: join(directory, entry.sha256) } : {};
      return { kind: 'entry', path, entry, ...content };
    });
    return await packHere({ kind: 'entries', entries }, pack, step);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function hasContent({ entry }: SeparateEntry): boolean {
  return entry.type === 'file' && entry.size > 0;
}

/** Warns where parts say that they are of different systems. */
export async function compareSystems(
  parts: readonly OpenPart[],
  { context, plan }: StepContext,
): Promise<void> {
  const found = await Promise.all(
    parts.map(async ({ name, layers }) => ({ name, id: await systemOf(layers, context) })),
  );
  const known = found.flatMap(({ name, id }) => (id === undefined ? [] : [{ name, id }]));
  if (new Set(known.map(({ id }) => id)).size < 2) return;
  const words = known.map(({ name, id }) => `${id} in ${name}`).join(', ');
  say(
    context,
    plan.name,
    'warning',
    `the parts of this stack are different systems by /etc/os-release: ${words}`,
  );
}

/** The ID of os-release. */
async function systemOf(layers: readonly LayerRecord[], context: LookContext): Promise<string | undefined> {
  const key = keyOf('os-release', [['layers', listOf(layers)]]);
  const { database } = context.store;
  const known = database.recall('lookups', key);
  if (typeof known === 'string') return known || undefined;
  const text = await osRelease(layers, context);
  const id = /^ID=(["']?)([\w.-]+)\1\s*$/m.exec(text)?.[2] ?? '';
  database.remember('lookups', key, id);
  return id || undefined;
}

/** Longer ones are none. */
const LONGEST = 1 << 16;

/** Its usual place is that of a link to the second one. */
async function osRelease(layers: readonly LayerRecord[], context: LookContext): Promise<string> {
  for (const path of ['etc/os-release', 'usr/lib/os-release']) {
    for (const layer of layers.toReversed()) {
      const entry = (await contentsOf(layer, context)).entries.get(path);
      if (entry?.type !== 'file' || entry.size > LONGEST) continue;
      const file = entry.linkedTo ?? path;
      const read = await filesOf(layers, context).read(layer.diffId, [file]);
      return Buffer.from(read.get(file) ?? '').toString();
    }
  }
  return '';
}
