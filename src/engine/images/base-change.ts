/**
 * From one base to another as if it were a layer, which nobody writes: so an image on the old base and the new base are
 * two parts of one stack, with the old base as what they have in common.
 */
import type { ByteString, ContentsEntry, LayerContents } from '../../layers/index.ts';
import { changedAspects, type MergedContents } from './path-difference.ts';

/** What a layer on top of the old tree would say, to show the new one. Only times stay as they were. */
export function changeBetween(old: MergedContents, young: MergedContents): LayerContents {
  const entries = new Map<ByteString, ContentsEntry>();
  for (const [path, { entry }] of young) {
    const before = old.get(path)?.entry;
    if (before !== undefined && changedAspects(before, entry).length === 0) continue;
    // The other name of a hard link may be in another layer.
    const { linkedTo: _, ...alone } = entry;
    entries.set(path, alone);
  }
  // What lies in a directory that goes, goes with it.
  const hidden = new Set(
    [...old.keys()].filter(path => !young.has(path) && young.get(parentOf(path))?.entry.type === 'directory'),
  );
  return { entries, implied: impliedBy([...entries.keys(), ...hidden], entries), hidden, opaque: new Set() };
}

/** The directories on the way to paths, but those that have an entry. */
function impliedBy(paths: readonly ByteString[], entries: ReadonlyMap<ByteString, unknown>): Set<ByteString> {
  const implied = new Set<ByteString>();
  for (const path of paths) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = path.slice(0, end);
      if (implied.has(directory)) break;
      if (!entries.has(directory)) implied.add(directory);
    }
  }
  return implied;
}

function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
