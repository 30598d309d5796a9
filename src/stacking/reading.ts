/** Reads contents of layers, and puts them together as the parts have them. */
import { LayerView } from './layer-view.ts';
import type { PartTree } from './opinions.ts';
import { Pile } from './pile.ts';
import type { StackLayer, StackPart } from './types.ts';

/** Those of the layers that are `wanted`, by id; those that are `known` are not read again. */
export async function readLayers(
  layers: readonly StackLayer[],
  wanted: (id: string) => boolean = () => true,
  known: ReadonlyMap<string, LayerView> = new Map(),
): Promise<Map<string, LayerView>> {
  const unique = new Map(layers.map(layer => [layer.id, layer]));
  const read = [...unique.values()]
    .filter(({ id }) => wanted(id))
    .map(async ({ id, contents }) => [id, known.get(id) ?? new LayerView(id, await contents())] as const);
  return new Map(await Promise.all(read));
}

/** A part as far as its layers have been read. */
export function treeOf({ name, layers }: StackPart, views: ReadonlyMap<string, LayerView>): PartTree {
  const pile = new Pile(layers.flatMap(({ id }) => views.get(id) ?? []));
  return { name, pile, heights: new Map(pile.layers.map((layer, height) => [layer, height])) };
}
