/** What layers say and hold, for those who compare and merge them: read from the blobs once, then remembered. */
import {
  type ByteString,
  decodeContents,
  type LayerContents,
  readLayerContents,
  readLayerFiles,
} from '../layers/index.ts';
import type { LayerFiles } from '../stacking/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type LookContext, once } from './context.ts';
import { tarForm } from './forms/tar-form.ts';
import type { LayerRecord } from './values.ts';

/**
 * What the layer says, path by path.
 * Throws an AshlarError when its blob cannot be had, is damaged or hostile, or is not the layer that it should be.
 */
export function contentsOf(layer: LayerRecord, context: LookContext): Promise<LayerContents> {
  return once(context, `contents ${layer.diffId}`, async () => {
    const { database } = context.store;
    const known = database.contents(layer.diffId);
    if (known) return decodeContents(known);
    const { diffId, ...tar } = await tarOf(layer, context);
    const read = await readLayerContents({ ...tar, signal: context.signal });
    if (read.diffId !== diffId) {
      throw new AshlarError(`the layer ${tar.blob} has the diff ID ${read.diffId} instead of ${diffId}`, {
        hint: 'the image is damaged or was tampered with',
      });
    }
    database.addContents(layer.diffId, read.contents);
    return decodeContents(read.contents);
  });
}

/**
 * Reads files out of the layers, each layer at most once for each question. Throws an AshlarError for what is more
 * than 256 MiB together.
 */
export function filesOf(layers: readonly LayerRecord[], context: LookContext): LayerFiles {
  const known = new Map(layers.map(layer => [String(layer.diffId), layer]));
  return {
    read: async (id, paths) => {
      const layer = known.get(id);
      if (layer === undefined) throw new Error(`nothing is known of the layer ${id}`);
      return paths.length === 0 ? new Map() : readFiles(layer, paths, context);
    },
  };
}

async function readFiles(layer: LayerRecord, paths: readonly ByteString[], context: LookContext) {
  const { entries } = await contentsOf(layer, context);
  const files = paths.map(path => {
    const entry = entries.get(path);
    if (entry?.type !== 'file') throw new Error(`${path} is no file of the layer ${layer.diffId}`);
    return { path, size: entry.size, sha256: entry.sha256 };
  });
  const { blob, compression } = await tarOf(layer, context);
  return readLayerFiles({ blob, compression, files, signal: context.signal });
}

/** The tar of the layer, in the store. */
async function tarOf(layer: LayerRecord, context: LookContext) {
  const { diffId, descriptor, format, fetch } = await tarForm(layer, context);
  await fetch();
  return { diffId, blob: context.store.blobPath(descriptor.digest), compression: format.compression };
}
