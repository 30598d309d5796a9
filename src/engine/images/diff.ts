/** What is different between two images: paths, packages and config. */
import { dirname } from 'node:path';
import { packagesIn, type TreeView } from '../../stacking/index.ts';
import { type BuildOptions, type LookContext, say } from '../context.ts';
import type { EventSink } from '../events.ts';
import { looking } from '../keys/looking.ts';
import { type ConfigDifference, configDifferences } from './config-difference.ts';
import { openNamed } from './open.ts';
import { type PackageDifference, packageDifferences } from './package-difference.ts';
import { type PathDifference, pathDifferences } from './path-difference.ts';
import { sharedLayers } from './shared-layers.ts';
import { treeOf } from './tree-view.ts';

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
    const config = configDifferences(one.config, other.config);
    const layers = { from: one.layers.length, to: other.layers.length, shared };
    if (shared === layers.from && shared === layers.to)
      return { from, to, layers, paths: [], packages: [], config };
    const [before, after] = await Promise.all([treeOf(one.layers, context), treeOf(other.layers, context)]);
    const paths = pathDifferences(before.merged, after.merged);
    const packages = await comparePackages(before, after, paths, context);
    return { from, to, layers, paths, packages, config };
  });
}

/** Databases in whose directories nothing has changed tell of the same packages, and are not read. */
async function comparePackages(
  before: TreeView,
  after: TreeView,
  paths: readonly PathDifference[],
  context: LookContext,
): Promise<readonly PackageDifference[]> {
  const changed = new Set(paths.map(({ path }) => dirname(path)));
  const [old, young] = await Promise.all([
    packagesIn(limited(before, changed)),
    packagesIn(limited(after, changed)),
  ]);
  const unread = new Map([...old.unread, ...young.unread].map(({ path, reason }) => [path, reason]));
  for (const [path, reason] of unread)
    say(context, undefined, 'warning', `the packages of ${path} are not compared: ${reason}`);
  return packageDifferences(old.packages, young.packages);
}

/** A tree of which only these directories hold anything. */
function limited(tree: TreeView, directories: ReadonlySet<string>): TreeView {
  const shows = (path: string) => directories.has(dirname(path));
  return {
    list: directory => tree.list(directory),
    entry: path => (shows(path) ? tree.entry(path) : undefined),
    read: async path => (shows(path) ? tree.read(path) : undefined),
  };
}
