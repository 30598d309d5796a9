/** The directories of a mounted tree's layers: unpacked ones in the store, and file systems mounted on their own. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { getXattr } from '../../linux/index.ts';
import { findProgram, runProgram } from '../../support/process.ts';
import { type LookContext, say } from '../context.ts';
import { treeLayers } from '../forms/tar-form.ts';
import { rootHashOf } from '../forms/verity.ts';
import { readSnapshot, type Snapshot } from '../inside/snapshots.ts';
import type { Use } from '../store/claims.ts';
import { isTar, type LayerRecord } from '../values.ts';

/** A layer as a directory, and what of the store it is made of. */
export interface Lower extends Snapshot {
  readonly use: Use;
}

/**
 * Fetches layers, checks file systems against their root hashes, and unpacks the rest: what takes long.
 * @throws AshlarError when a layer is not what its root hash says.
 */
export async function prepareLowers(layers: readonly LayerRecord[], context: LookContext): Promise<void> {
  await Promise.all(layers.map(layer => layer.fetch()));
  await unpack(layers.filter(isTar), context);
}

/** One directory for each layer, bottom to top; file systems are mounted below `directory`. */
export async function mountLowers(
  layers: readonly LayerRecord[],
  directory: string,
  context: LookContext,
): Promise<readonly Lower[]> {
  const lowers: Lower[] = [];
  for (const [i, layer] of layers.entries()) {
    const point = join(directory, String(i));
    const { kind } = layer.format;
    if (kind !== 'tar' && (await mountOne(layer, kind, point, context))) {
      lowers.push({ ...fileSystemAt(point), use: `blob ${layer.descriptor.digest}` });
    } else {
      lowers.push(...(await unpack([layer], context)));
    }
  }
  return lowers;
}

/** Options of every mount of a single layer, for whoever finds it. */
const OPTIONS = 'ro,nosuid,nodev';

/**
 * By the kernel where a root hash was checked, by a program otherwise, where there is one. False where neither can.
 * A root hash, like a digest, only says that the layer is what its manifest names: a stranger who makes a file system
 * that harms the kernel makes a hash that fits. Images to mount as root are those whose makers one trusts.
 */
async function mountOne(
  { descriptor }: LayerRecord,
  kind: 'squashfs' | 'erofs',
  point: string,
  context: LookContext,
): Promise<boolean> {
  const blob = context.store.blobPath(descriptor.digest);
  const isVerified = rootHashOf(descriptor) !== undefined;
  const ways: readonly (readonly string[])[] = [
    ...(isVerified ? [['mount', '-t', kind, '-o', `loop,${OPTIONS}`, blob, point]] : []),
    ...(kind === 'squashfs' ? [['squashfuse', '-o', OPTIONS, blob, point]] : [['erofsfuse', blob, point]]),
  ];
  mkdirSync(point, { recursive: true });
  for (const [name = '', ...args] of ways) {
    const program = findProgram(name);
    if (program === undefined) continue;
    const { status, stderr } = await runProgram(program, args, { signal: context.signal });
    if (status === 0) return true;
    say(context, undefined, 'debug', `${name} cannot mount ${descriptor.digest}: ${stderr.trim()}`);
  }
  rmdirSync(point);
  return false;
}

function fileSystemAt(tree: string): Snapshot {
  const mark = getXattr(tree, 'user.overlay.opaque');
  const opaqueRoot = mark !== undefined && Buffer.from(mark).toString() === 'y';
  return { tree, impliedDirectories: [], opaqueRoot };
}

async function unpack(layers: readonly LayerRecord[], context: LookContext): Promise<readonly Lower[]> {
  const trees = await treeLayers(layers, context);
  const { workshop, store, signal } = context;
  if (trees.length > 0) await workshop.call('unpack', trees, { signal });
  return trees.map(({ diffId }) => {
    const snapshot = readSnapshot(store.snapshots, diffId);
    if (!snapshot) throw new Error(`${diffId} was unpacked, and is not there`);
    return { ...snapshot, use: `tree ${diffId}` };
  });
}
