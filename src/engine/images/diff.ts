/** What is different between two images: paths, packages and config. */
import { mergeContents } from '../../layers/index.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { looking } from '../keys/looking.ts';
import { contentsOf } from '../layer-contents.ts';
import type { LayerRecord } from '../values.ts';
import { type ConfigDifference, configDifferences } from './config-difference.ts';
import { openNamed } from './open.ts';
import type { PackageDifference } from './package-difference.ts';
import { type PathDifference, pathDifferences } from './path-difference.ts';

export interface ImageDiff {
  /** As they were named. */
  readonly from: string;
  readonly to: string;
  /** How many layers each has, and how many at the bottom are the same. */
  readonly layers: { readonly from: number; readonly to: number; readonly shared: number };
  readonly paths: readonly PathDifference[];
  readonly packages: readonly PackageDifference[];
  readonly config: readonly ConfigDifference[];
}

/**
 * Compares two images, named as in `openNamed`, by what is known of their layers; a layer that nobody has looked into
 * yet is read once. Nothing is read where the layers are the same.
 * @throws AshlarError when one of them cannot be had.
 */
export function diffImages(
  from: string,
  to: string,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
): Promise<ImageDiff> {
  return looking(options, emit, signal, async context => {
    const [one, other] = await Promise.all([openNamed(from, context), openNamed(to, context)]);
    const shared = sharedLayers(one.layers, other.layers);
    const same = shared === one.layers.length && shared === other.layers.length;
    const trees = same
      ? undefined
      : await Promise.all([treeOf(one.layers, context), treeOf(other.layers, context)]);
    return {
      from,
      to,
      layers: { from: one.layers.length, to: other.layers.length, shared },
      paths: trees ? pathDifferences(...trees) : [],
      packages: [],
      config: configDifferences(one.config, other.config),
    };
  });
}

async function treeOf(layers: readonly LayerRecord[], context: LookContext) {
  return mergeContents(await Promise.all(layers.map(layer => contentsOf(layer, context))));
}

/** How many layers at the bottom two images have in common. */
export function sharedLayers(some: readonly LayerRecord[], others: readonly LayerRecord[]): number {
  const end = some.findIndex(({ diffId }, i) => diffId !== others[i]?.diffId);
  return end < 0 ? some.length : end;
}
