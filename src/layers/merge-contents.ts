/** What the layers of an image give together, from their contents alone. */
import type { ByteString } from './bytes.ts';
import type { ContentsEntry, LayerContents } from './contents.ts';
import { splitLast } from './names.ts';

export interface MergedEntry {
  /** `linkedTo` is as its layer says, whether or not that name is still to be seen. */
  readonly entry: ContentsEntry;
  /** Place of the layer that it comes from, counted from the bottom: of implied directories, the lowest one. */
  readonly layer: number;
}

/** A directory that no layer describes. */
export const IMPLIED_DIRECTORY: ContentsEntry = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0n,
  sha256: '',
  link: '',
  major: 0,
  minor: 0,
  xattrs: [],
};

/** What overlayfs shows of the unpacked layers (bottom to top), by canonical path, directories before what they hold. */
export function mergeContents(layers: readonly LayerContents[]): ReadonlyMap<ByteString, MergedEntry> {
  const merged = new Map<ByteString, MergedEntry>();
  // Where nothing of lower layers is to be seen: at a path and below it, or only below it.
  const closed = new Set<ByteString>();
  const opaque = new Set<ByteString>();
  for (const [layer, contents] of [...layers.entries()].reverse()) {
    const shows = visibility(closed, opaque);
    const covers: ByteString[] = [];
    for (const path of contents.implied) {
      if (!shows(path)) continue;
      const above = merged.get(path);
      if (above === undefined || above.entry === IMPLIED_DIRECTORY)
        merged.set(path, { entry: IMPLIED_DIRECTORY, layer });
    }
    for (const [path, entry] of contents.entries) {
      if (!shows(path)) continue;
      if (entry.type !== 'directory') covers.push(path);
      const above = merged.get(path);
      if (above === undefined || (above.entry === IMPLIED_DIRECTORY && entry.type === 'directory'))
        merged.set(path, { entry, layer });
    }
    for (const path of covers) closed.add(path);
    for (const path of contents.hidden) closed.add(path);
    for (const path of contents.opaque) opaque.add(path);
  }
  return sorted(merged);
}

/** Whether a path of a layer is to be seen through the layers above. */
function visibility(
  closed: ReadonlySet<ByteString>,
  opaque: ReadonlySet<ByteString>,
): (path: ByteString) => boolean {
  if (closed.size === 0 && opaque.size === 0) return () => true;
  /** Whether anything in a directory is. */
  const inside = new Map<ByteString, boolean>();
  const showsInside = (directory: ByteString): boolean => {
    const known = inside.get(directory);
    if (known !== undefined) return known;
    const shown = !opaque.has(directory) && shows(directory);
    inside.set(directory, shown);
    return shown;
  };
  const shows = (path: ByteString): boolean =>
    !closed.has(path) && (path === '' || showsInside(splitLast(path).parent));
  return shows;
}

function sorted<T>(map: ReadonlyMap<ByteString, T>): ReadonlyMap<ByteString, T> {
  const result = new Map<ByteString, T>();
  for (const path of [...map.keys()].sort()) {
    const value = map.get(path);
    if (value !== undefined) result.set(path, value);
  }
  return result;
}
