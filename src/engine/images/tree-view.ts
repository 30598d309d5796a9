/** The tree of an image, path by path, from the contents of its layers; a file is read when somebody asks for it. */
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

/** A file where the tree has it, and the layer that it comes from. */
export type ReadFile = (path: ByteString, entry: ContentsEntry, layer: LayerRecord) => Promise<Uint8Array>;

/**
 * @param layers Bottom to top.
 * @param read How the content of files is had: out of the layers when absent.
 */
export async function treeOf(
  layers: readonly LayerRecord[],
  context: LookContext,
  read: ReadFile = fromLayers(layers, context),
): Promise<ImageTree> {
  const merged = mergeContents(await Promise.all(layers.map(layer => contentsOf(layer, context))));
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
    return read(fromText(path.slice(1)), entry, layer);
  }
}

function fromLayers(layers: readonly LayerRecord[], context: LookContext): ReadFile {
  const files = filesOf(layers, context);
  const readers = new Map<LayerRecord, ReadPath>();
  return (path, { linkedTo }, layer) => {
    const read = readers.get(layer) ?? inBatches(paths => files.read(layer.diffId, paths));
    readers.set(layer, read);
    // The content of a hard link is where its first name is.
    return read(linkedTo ?? path);
  };
}

type ReadPath = (path: ByteString) => Promise<Uint8Array>;
type Found = ReadonlyMap<ByteString, Uint8Array>;

/** What is asked for at once is read by one call of `readAll`. */
export function inBatches(readAll: (paths: readonly ByteString[]) => Promise<Found>): ReadPath {
  let pending: { readonly paths: Set<ByteString>; readonly found: Promise<Found> } | undefined;
  return async path => {
    pending ??= begin();
    pending.paths.add(path);
    const content = (await pending.found).get(path);
    if (content === undefined) throw new Error(`${path} was not read`);
    return content;
  };

  function begin() {
    const paths = new Set<ByteString>();
    const found = Promise.resolve().then(() => {
      pending = undefined;
      return readAll([...paths]);
    });
    return { paths, found };
  }
}

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
