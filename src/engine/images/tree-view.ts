/** The tree of an image, path by path, from the contents of its layers; a file is read out of its layer when asked for. */
import {
  type ByteString,
  type ContentsEntry,
  fromText,
  type MergedEntry,
  mergeContents,
  toText,
} from '../../layers/index.ts';
import type { FileVersion, TreeView } from '../../stacking/index.ts';
import type { LookContext } from '../context.ts';
import { contentsOf, filesOf } from '../layer-contents.ts';
import type { LayerRecord } from '../values.ts';

export interface ImageTree extends TreeView {
  /** All of it, by canonical path. */
  readonly merged: ReadonlyMap<ByteString, MergedEntry>;
}

/** @param layers Bottom to top. */
export async function treeOf(layers: readonly LayerRecord[], context: LookContext): Promise<ImageTree> {
  const merged = mergeContents(await Promise.all(layers.map(layer => contentsOf(layer, context))));
  const read = batched(layers, context);
  let names: ReadonlyMap<ByteString, readonly ByteString[]> | undefined;
  const find = (path: string) => merged.get(fromText(path.slice(1)));
  return {
    merged,
    entry: path => find(path)?.entry,
    list: directory => {
      names ??= namesByDirectory(merged.keys());
      return (names.get(fromText(directory.slice(1))) ?? []).map(toText);
    },
    read: async (path): Promise<FileVersion | undefined> => {
      const found = find(path);
      if (found === undefined) return undefined;
      const { entry, layer } = found;
      return { entry, content: await contentOf(path, entry, layers[layer]) };
    },
  };

  async function contentOf(
    path: string,
    entry: ContentsEntry,
    layer: LayerRecord | undefined,
  ): Promise<Uint8Array> {
    if (entry.type !== 'file' || entry.size === 0 || layer === undefined) return new Uint8Array();
    // The content of a hard link is where its first name is.
    return read(layer, entry.linkedTo ?? fromText(path.slice(1)));
  }
}

type ReadFile = (layer: LayerRecord, path: ByteString) => Promise<Uint8Array>;

/** What is asked for at once is read in one pass over its layer. */
function batched(layers: readonly LayerRecord[], context: LookContext): ReadFile {
  const files = filesOf(layers, context);
  const pending = new Map<LayerRecord, { readonly paths: Set<ByteString>; readonly found: Promise<Found> }>();
  return async (layer, path) => {
    const batch = pending.get(layer) ?? begin(layer);
    batch.paths.add(path);
    const content = (await batch.found).get(path);
    if (content === undefined) throw new Error(`${path} of ${layer.diffId} was not read`);
    return content;
  };

  function begin(layer: LayerRecord) {
    const paths = new Set<ByteString>();
    const found = Promise.resolve().then(() => {
      pending.delete(layer);
      return files.read(layer.diffId, [...paths]);
    });
    const batch = { paths, found };
    pending.set(layer, batch);
    return batch;
  }
}

type Found = ReadonlyMap<ByteString, Uint8Array>;

/** The names in each directory, sorted, as the paths are. */
function namesByDirectory(paths: Iterable<ByteString>): ReadonlyMap<ByteString, readonly ByteString[]> {
  const names = new Map<ByteString, ByteString[]>();
  for (const path of paths) {
    if (path === '') continue;
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? '' : path.slice(0, slash);
    const list = names.get(parent) ?? [];
    list.push(path.slice(slash + 1));
    names.set(parent, list);
  }
  return names;
}
