/** Where copies really go in the tree below them; looked up in the layers without unpacking, and remembered. */
import { posix } from 'node:path';
import { type LayerBlob, MergedTree, type ParentDirectory, prepareLayerWorker } from '../../layers/index.ts';
import type { CopyItem } from '../../plan/types.ts';
import { type LookContext, once } from '../context.ts';
import { tarForm } from '../forms/tar-form.ts';
import { keyOf } from '../keys/keys.ts';
import { recordedContents } from '../layer-contents.ts';
import { chainOf } from '../layer-records.ts';
import { expand, type ImageState, inWorkingDir } from '../state.ts';
import type { LayerRecord } from '../values.ts';
import { fromPlain, type PlainParent, toPlain } from './plain-parents.ts';

export interface Target {
  /** Absolute, with the symbolic links on the way (for a directory: all of them) followed inside the tree. */
  readonly path: string;
  /** The directories that the tree has on the way: the new layer must say of them what the tree says. */
  readonly parents: readonly ParentDirectory[];
}

/** Where an item goes as the description has it. */
export function targetOf({ target }: Pick<CopyItem, 'target'>, state: ImageState): string {
  return posix.resolve('/', inWorkingDir(expand(target, state), state));
}

export async function findTarget(
  target: string,
  kind: 'file' | 'directory',
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<Target> {
  const { database } = context.store;
  const key = keyOf('target', [
    ['layers', chainOf(layers)],
    ['target', target],
    ['kind', kind],
  ]);
  const known = database.recall('lookups', key) as
    | { readonly path: string; readonly parents: readonly PlainParent[] }
    | undefined;
  if (known) return { path: known.path, parents: known.parents.map(fromPlain) };
  // What was never looked up was never packed either; on nothing it may be packed without a worker.
  if (layers.length > 0) prepareLayerWorker();
  const { tree, settle } = await treeOf(layers, context);
  // The last component of a path is not followed, but a directory merges into the directory that its target leads to.
  const inside = kind === 'directory' ? posix.join(target, 'entry') : target;
  const { path: resolved, parents } = await tree.resolve(inside);
  await settle();
  const path = kind === 'directory' ? posix.dirname(resolved) : resolved;
  database.remember('lookups', key, { path, parents: parents.map(toPlain) });
  return { path, parents };
}

export interface TreeOfLayers {
  /** Reads blobs when somebody asks for something in them. */
  readonly tree: MergedTree;
  /**
   * To be called before what was seen counts: a blob that is not in the store yet must be what it should be. What was
   * learnt of the layers is kept.
   */
  readonly settle: () => Promise<void>;
}

/** The tree of layers, to be looked into without unpacking it. */
export function treeOf(layers: readonly LayerRecord[], context: LookContext): Promise<TreeOfLayers> {
  return once(context, `tree ${chainOf(layers)}`, async () => {
    const blobs = await Promise.all(
      layers.map(layer =>
        once(context, `blob ${layer.descriptor.digest}`, () => readableBlob(layer, context)),
      ),
    );
    const tree = new MergedTree(blobs);
    const settle = async () => {
      await Promise.all(layers.map(layer => layer.fetch()));
      for (const [i, { descriptor }] of layers.entries()) {
        const blob = blobs[i];
        if (blob && descriptor.size >= LARGE) await writeDown(tree, blob, descriptor, context);
      }
    };
    return { tree, settle };
  });
}

/** Keeps what was learnt of a layer for other builds; trees of this build have it already. */
async function writeDown(
  tree: MergedTree,
  blob: LayerBlob,
  descriptor: LayerRecord['descriptor'],
  context: LookContext,
): Promise<void> {
  const written = await once(context, 'layers written down', async () => new Set<LayerBlob>());
  if (written.has(blob)) return;
  const names = await tree.learnt(blob);
  if (!names) return;
  written.add(blob);
  context.store.database.remember('lookups', namesKey(descriptor), Buffer.from(names).toString('base64'));
}

/** Bytes of a blob that take longer to read than what is written down of it. */
const LARGE = 256 * 1024;

/** By the digest, which was verified: what an image says of the content of its layers may be untrue. */
function namesKey({ digest }: LayerRecord['descriptor']): string {
  return `names ${digest}`;
}

async function readableBlob(layer: LayerRecord, context: LookContext): Promise<LayerBlob> {
  const { store } = context;
  const tar = await tarForm(layer, context);
  const { local, descriptor, format, fetch } = tar;
  if (local === undefined) await fetch();
  const contents = await recordedContents(tar, context);
  const names = contents ? undefined : store.database.recall('lookups', namesKey(descriptor));
  const known = typeof names === 'string' ? Buffer.from(names, 'base64') : undefined;
  return {
    blob: local ?? store.blobPath(descriptor.digest),
    compression: format.compression,
    known,
    contents,
  };
}
