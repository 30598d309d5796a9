/** What is known of the tree of an image before anything is made of it. */
import type { DeviceEntry } from '../../disk/index.ts';
import { type ByteString, IMPLIED_DIRECTORY, type MergedEntry, mergeContents } from '../../layers/index.ts';
import { chainId, type Digest } from '../../oci/index.ts';
import type { LookContext } from '../context.ts';
import { tarForm } from '../forms/tar-form.ts';
import type { TreeDetails } from '../inside/requests.ts';
import { keyOf } from '../keys/keys.ts';
import { contentsOf } from '../layer-contents.ts';
import type { LayerRecord } from '../values.ts';

export interface OutputTree {
  readonly layers: readonly LayerRecord[];
  /** What identifies it: the chain ID of its layers as tars. */
  readonly id: Digest;
  /** Seconds since 1970: the latest time in what is made of it. */
  readonly time: number;
}

/** Times are no later than SOURCE_DATE_EPOCH or, where nobody gives one, than the newest that layers tell. */
export async function outputTree(layers: readonly LayerRecord[], context: LookContext): Promise<OutputTree> {
  const id = await contentOf(layers, context);
  return { layers, id, time: context.options.sourceDateEpoch ?? (await newestTime(id, layers, context)) };
}

/** The chain ID of layers as tars. */
export async function contentOf(layers: readonly LayerRecord[], context: LookContext): Promise<Digest> {
  const tars = await Promise.all(layers.map(layer => tarForm(layer, context)));
  return chainId(tars.map(({ diffId }) => diffId));
}

async function newestTime(id: Digest, layers: readonly LayerRecord[], context: LookContext): Promise<number> {
  const { database } = context.store;
  const key = keyOf('newest time', [['tree', id]]);
  const known = database.recall('lookups', key);
  if (typeof known === 'number') return known;
  let newest = 0n;
  for (const { entry } of (await mergedTree(layers, context)).values())
    if (entry.mtime > newest) newest = entry.mtime;
  const seconds = Number(newest / 1_000_000_000n);
  database.remember('lookups', key, seconds);
  return seconds;
}

export async function treeDetails(
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<TreeDetails> {
  return detailsOf(await mergedTree(layers, context));
}

/** Devices are linked to each other as the kernel shows them where layers are mounted on each other. */
export function detailsOf(merged: ReadonlyMap<ByteString, MergedEntry>): TreeDetails {
  const devices: DeviceEntry[] = [];
  const firstNames = new Map<string, ByteString>();
  const undescribed = merged.has('') ? [] : [''];
  let foreignOwners = false;
  for (const [path, { entry, layer }] of merged) {
    if (entry === IMPLIED_DIRECTORY) undescribed.push(path);
    foreignOwners ||= entry.uid !== 0 || entry.gid !== 0;
    const { type, mode, uid, gid, mtime, xattrs, major, minor, linkedTo } = entry;
    if (type !== 'character' && type !== 'block') continue;
    // The name that its layer links to may be covered by a layer above: the first that is left takes its place.
    const inode = `${layer}:${linkedTo ?? path}`;
    const first = firstNames.get(inode);
    if (first === undefined) firstNames.set(inode, path);
    const link = first === undefined ? {} : { linkedTo: first };
    devices.push({ path, type, mode, uid, gid, mtime, xattrs, major, minor, ...link });
  }
  return { devices, undescribed, foreignOwners };
}

async function mergedTree(
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<ReadonlyMap<ByteString, MergedEntry>> {
  return mergeContents(await Promise.all(layers.map(layer => contentsOf(layer, context))));
}
