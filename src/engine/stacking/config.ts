/** The config of images that are put together from the layers of several others. Pure functions. */
import type { Digest, History, ImageConfig } from '../../oci/index.ts';
import type { NewLayer } from '../config.ts';

/** An image whose layers become part of another one. */
export interface ConfiguredPart {
  readonly name: string;
  readonly config: ImageConfig;
  /** Layers above those that the config knows. */
  readonly made: readonly NewLayer[];
}

/**
 * The first part's config, for these layers. Each layer has its entry in the history from the first part that tells of
 * it. Entries without a layer stay where they are in the first part; those of other parts say what is in their configs,
 * of which nothing is taken.
 */
export function stackConfig(
  parts: readonly [ConfiguredPart, ...ConfiguredPart[]],
  layers: readonly Digest[],
  author: string,
): ImageConfig {
  const [first] = parts;
  const known = new Map<Digest, History>();
  for (const part of parts.toReversed())
    for (const { diffId, entry } of describedLayers(part, author).toReversed()) known.set(diffId, entry);
  const following = emptyEntries(first.config);
  return {
    ...first.config,
    rootfs: { type: 'layers', diff_ids: layers },
    history: [
      ...(following.get(undefined) ?? []),
      ...layers.flatMap(diffId => [known.get(diffId) ?? {}, ...(following.get(diffId) ?? [])]),
    ],
  };
}

export interface DescribedLayer {
  readonly diffId: Digest;
  readonly entry: History;
}

/** What a part says of its layers. Where its history does not fit them, nobody knows what was how. */
export function describedLayers(
  { name, config, made }: ConfiguredPart,
  author: string,
): readonly DescribedLayer[] {
  const { diff_ids: diffIds } = config.rootfs;
  const told = tellsOfAll(config) ? (config.history ?? []).filter(entry => !entry.empty_layer) : [];
  return [
    ...diffIds.map((diffId, i) => ({ diffId, entry: told[i] ?? { created_by: `layer of ${name}` } })),
    ...made.map(({ diffId, created, createdBy }) => ({
      diffId,
      entry: { created, author, created_by: createdBy },
    })),
  ];
}

/** The entries without a layer, by the layer that they follow. */
function emptyEntries(config: ImageConfig): ReadonlyMap<Digest | undefined, readonly History[]> {
  const { history = [], rootfs } = config;
  if (!tellsOfAll(config)) return new Map();
  let layer = -1;
  const placed = history.map(entry => {
    if (!entry.empty_layer) layer += 1;
    return { entry, after: rootfs.diff_ids[layer] };
  });
  const groups = Map.groupBy(
    placed.filter(({ entry }) => entry.empty_layer),
    ({ after }) => after,
  );
  return new Map([...groups].map(([after, group]) => [after, group.map(({ entry }) => entry)]));
}

function tellsOfAll({ history = [], rootfs }: ImageConfig): boolean {
  return history.filter(entry => !entry.empty_layer).length === rootfs.diff_ids.length;
}
