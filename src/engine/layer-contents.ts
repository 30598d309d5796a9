/** What layers say and hold, for those who compare and merge them: read from the blobs once, then remembered. */
import {
  type ByteString,
  decodeContents,
  extractLayerFiles,
  type LayerContents,
  readLayerContents,
  readLayerFiles,
} from '../layers/index.ts';
import type { LayerFiles } from '../stacking/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type LookContext, once } from './context.ts';
import { tarForm } from './forms/tar-form.ts';
import type { LayerRecord, TarLayer } from './values.ts';

/**
 * What the layer says, path by path.
 * Throws an AshlarError when its blob cannot be had, is damaged or hostile, or is not the layer that it should be.
 */
export function contentsOf(layer: LayerRecord, context: LookContext): Promise<LayerContents> {
  return once(context, `contents ${layer.diffId}`, async () => {
    const tar = await tarForm(layer, context);
    const { database } = context.store;
    return decodeContents(database.contents(tar.diffId) ?? (await readAndKeep(tar, context)));
  });
}

async function readAndKeep(layer: TarLayer, context: LookContext): Promise<Uint8Array> {
  const { store, signal } = context;
  const tar = await blobOf(layer, context);
  const { contents, diffId } = await readLayerContents({ ...tar, signal });
  if (diffId !== layer.diffId) {
    throw new AshlarError(`the layer ${tar.blob} has the diff ID ${diffId} instead of ${layer.diffId}`, {
      hint: 'the image is damaged or was tampered with',
    });
  }
  store.database.addContents(layer.diffId, contents);
  return contents;
}

/** What it takes to read the layer's tar, and what it says, as bytes. */
export async function tarWithContents(layer: LayerRecord, context: LookContext) {
  await contentsOf(layer, context);
  const tar = await tarForm(layer, context);
  const contents = context.store.database.contents(tar.diffId);
  if (!contents) throw new Error(`what was read of the layer ${tar.diffId} was not kept`);
  return { ...(await blobOf(tar, context)), contents };
}

/** What a layer of ours says, whose blob is certain to be what its diff ID says, if it was recorded. */
export async function recordedContents(
  layer: TarLayer,
  context: LookContext,
): Promise<LayerContents | undefined> {
  const { diffId, descriptor, format } = layer;
  const { database } = context.store;
  if (database.layer(diffId, format.compression)?.digest !== descriptor.digest) return undefined;
  return database.hasContents(diffId) ? contentsOf(layer, context) : undefined;
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
  return readLayerFiles(await wantedFiles(layer, paths, context));
}

/** Writes files of the layer, which may be of any size, into a directory, each under its SHA-256. */
export async function extractFiles(
  layer: LayerRecord,
  paths: readonly ByteString[],
  directory: string,
  context: LookContext,
): Promise<void> {
  await extractLayerFiles({ ...(await wantedFiles(layer, paths, context)), directory });
}

/** What a job needs to find the files in the layer's blob. */
async function wantedFiles(layer: LayerRecord, paths: readonly ByteString[], context: LookContext) {
  const { entries } = await contentsOf(layer, context);
  const files = paths.map(path => {
    const entry = entries.get(path);
    if (entry?.type !== 'file') throw new Error(`${path} is no file of the layer ${layer.diffId}`);
    return { path, size: entry.size, sha256: entry.sha256 };
  });
  const tar = await blobOf(await tarForm(layer, context), context);
  return { ...tar, files, signal: context.signal };
}

async function blobOf({ descriptor, format, fetch }: TarLayer, { store }: LookContext) {
  await fetch();
  return { blob: store.blobPath(descriptor.digest), compression: format.compression };
}
