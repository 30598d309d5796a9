/** Directories that a layer implies without describing them: a file system has to say of them what lower layers say. */
import {
  type ContentsEntry,
  isText,
  mergeContents,
  type ParentDirectory,
  toText,
} from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { type LookContext, once } from '../context.ts';
import { keyOf } from '../keys/keys.ts';
import { contentsOf } from '../layer-contents.ts';
import { chainOf } from '../layer-records.ts';
import { fromPlain, type PlainParent, toPlain } from '../steps/plain-parents.ts';
import type { LayerRecord } from '../values.ts';

/**
 * What the layers below say of directories that the layer implies, where that is not what such a directory gets anyway.
 * Their times do not count: a layer must not become another one for nothing more than the place where it is stacked.
 * @throws AshlarError for a layer that hides all layers below it.
 */
export async function directoriesBelow(
  layer: LayerRecord,
  lower: readonly LayerRecord[],
  context: LookContext,
): Promise<readonly ParentDirectory[]> {
  if (lower.length === 0) return [];
  const key = keyOf('below', [['layers', chainOf([...lower, layer])]]);
  const found = await once(context, key, async () => {
    const { database } = context.store;
    const known = database.recall('lookups', key) as readonly PlainParent[] | undefined;
    if (known) return known;
    const looked = (await lookBelow(layer, lower, context)).map(toPlain);
    database.remember('lookups', key, looked);
    return looked;
  });
  return found.map(fromPlain);
}

async function lookBelow(
  layer: LayerRecord,
  lower: readonly LayerRecord[],
  context: LookContext,
): Promise<readonly ParentDirectory[]> {
  const { implied, entries, opaque } = await contentsOf(layer, context);
  if (opaque.has('')) {
    // Overlayfs does not look at such a mark on the root of a file system.
    throw new AshlarError(
      `the layer ${layer.diffId} hides everything below it, which only a tar layer can say`,
      {
        hint: 'hand the image out with --layer-type tar',
      },
    );
  }
  const paths = [...new Set(entries.has('') ? implied : ['', ...implied])].filter(isText).sort();
  if (paths.length === 0) return [];
  const tree = mergeContents(await Promise.all(lower.map(one => contentsOf(one, context))));
  return paths.flatMap(path => {
    const entry = tree.get(path)?.entry;
    if (entry?.type !== 'directory' || isPlain(entry)) return [];
    const { mode, uid, gid, xattrs } = entry;
    return [{ path: `/${toText(path)}`, mode, uid, gid, mtime: 0n, xattrs }];
  });
}

function isPlain({ mode, uid, gid, xattrs }: ContentsEntry): boolean {
  return mode === 0o755 && uid === 0 && gid === 0 && xattrs.length === 0;
}
