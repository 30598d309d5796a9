import { mergeContents, type TreeDirectories, treeDirectories } from '../../layers/index.ts';
import { type LookContext, once } from '../context.ts';
import { contentsOf } from '../layer-contents.ts';
import { chainOf } from '../layer-records.ts';
import type { LayerRecord } from '../values.ts';

/** The directories that the layers give together, and the links to them. */
export function directoriesBelow(
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<TreeDirectories> {
  return once(context, `directories ${chainOf(layers)}`, async () =>
    treeDirectories(mergeContents(await Promise.all(layers.map(layer => contentsOf(layer, context))))),
  );
}
