/**
 * What people and scripts find in the directories of a project of things that are in the store: tar files that images
 * start from, trees of layers. They are links, made only where they are not right already.
 */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { nameOfSource } from '../../plan/names.ts';
import type { ImagePlan, Source } from '../../plan/types.ts';
import { codeOf } from '../../support/errors.ts';
import type { BuildContext } from '../context.ts';
import { identityOfTree, treeLayers } from '../forms/tar-form.ts';
import type { ResolvedSource } from '../sources/sources.ts';
import { removeTree } from '../store/abandoned.ts';
import type { LayerRecord } from '../values.ts';
import type { Project } from './project.ts';

/** Links the tar file that an image starts from; one out of another image has no place that a link could name. */
export async function linkTarBase(
  source: Source,
  { locate }: ResolvedSource,
  context: BuildContext,
): Promise<void> {
  if (source.kind === 'image') return;
  const place = nameOfSource(source);
  const name = place.slice(place.lastIndexOf('/') + 1);
  const location = await locate();
  // An address may end in anything, and a link named `..` would stand for a directory of ours.
  if (['', '.', '..'].includes(name) || location.kind !== 'host') return;
  const link = context.project.tarBase(name);
  // The file may be the very one that earlier builds (or stacker) left under this name.
  const there = realpathOf(link);
  if (there === undefined || there !== realpathOf(location.path)) await pointTo(link, location.path, context);
}

/**
 * Links the trees of an image's layers, and what its own script changed (or, for others to look at, the tar file that
 * it is made of): a directory that is empty when there is nothing to see.
 */
export async function linkTrees(
  plan: ImagePlan,
  layers: readonly LayerRecord[],
  changes: LayerRecord | undefined,
  context: BuildContext,
): Promise<void> {
  const { project, store, workshop, signal } = context;
  // Whether or not this build needed them, the next one that runs something will.
  const trees = layers.map(layer => ({ layer, ...identityOfTree(layer, context) }));
  store.claim(
    ...trees.flatMap(({ layer: { descriptor }, diffId, digest }) => [
      `blob ${descriptor.digest}` as const,
      `blob ${digest}` as const,
      `tree ${diffId}` as const,
    ]),
  );
  // Nobody sees a layer of an image that only serves others but here.
  const shown = changes ?? (plan.base.kind === 'tar' && !plan.emit ? layers[0] : undefined);
  if (shown && !plan.emit && !existsSync(store.treePath(shown.diffId)))
    await workshop.call('unpack', await treeLayers([shown], context), { signal });
  for (const { layer, diffId } of trees) {
    const tree = store.treePath(diffId);
    const link = project.overlayOf(layer.descriptor.digest.replace(':', '_'));
    if (existsSync(tree)) await pointTo(link, tree, context);
  }
  const overlay = project.overlayOf(plan.name);
  const tree = shown && store.treePath(shown.diffId);
  if (tree !== undefined && existsSync(tree)) await pointTo(overlay, tree, context);
  else await makeEmpty(overlay, context);
}

/** Removes links to trees that are in the store no more. */
export function removeDeadLinks({ directories: { roots } }: Project): void {
  for (const entry of readdirSync(roots, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const link = join(roots, entry.name, 'overlay');
    if (!isLink(link) || existsSync(link)) continue;
    rmSync(link);
    if (readdirSync(dirname(link)).length === 0) rmdirSync(dirname(link));
  }
}

function realpathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    // Nothing is there, or nothing that we can see.
    if (codeOf(error) !== undefined) return undefined;
    throw error;
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** A link of that name, whatever stood there before; nobody sees it missing. */
async function pointTo(link: string, target: string, context: BuildContext): Promise<void> {
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() && readlinkSync(link) === target) return;
  mkdirSync(dirname(link), { recursive: true });
  if (there?.isDirectory()) await removeForeign(link, context);
  const fresh = `${link}.${randomBytes(4).toString('hex')}`;
  symlinkSync(target, fresh);
  renameSync(fresh, link);
}

async function makeEmpty(directory: string, context: BuildContext): Promise<void> {
  if (isLink(directory)) rmSync(directory);
  else if (existsSync(directory) && readdirSync(directory).length > 0)
    await removeForeign(directory, context);
  mkdirSync(directory, { recursive: true });
}

/** stacker has trees of its own here, with files of ids that only uid 0 of our namespaces may touch. */
async function removeForeign(directory: string, { workshop, signal }: BuildContext): Promise<void> {
  if (!removeTree(directory)) await workshop.call('remove', [directory], { signal });
}
