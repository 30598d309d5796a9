/** What stashes there are. */
import { type Layout, openImage } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { DESCRIPTION, findStash, stashNames } from './stashes.ts';

export interface ListedStash {
  readonly name: string;
  /** In the order in which they were made, the newest last; at least one. */
  readonly tags: readonly ListedTag[];
}

export interface ListedTag {
  readonly tag: string;
  readonly digest: string;
  readonly layers: number;
  /** Bytes of its blobs. */
  readonly size: number;
  /** RFC 3339. */
  readonly created: string | undefined;
  /** What its description is called; undefined where it cannot be rebuilt. */
  readonly description:
    | { readonly name: string; readonly version: string | undefined; readonly digest: string | undefined }
    | undefined;
}

/** Sorted by name; what is damaged or not finished is left out. */
export async function listStashes(store: string): Promise<readonly ListedStash[]> {
  const all = await Promise.all(stashNames(store).map(name => listOne(store, name)));
  return all.filter(stash => stash !== undefined);
}

async function listOne(store: string, name: string): Promise<ListedStash | undefined> {
  try {
    const layout = await findStash(store, name);
    if (!layout) return undefined;
    const tags = await Promise.all((await layout.tags()).map(({ tag }) => listTag(layout, tag)));
    const usable = tags.filter(tag => tag !== undefined);
    return usable.length > 0 ? { name, tags: usable } : undefined;
  } catch (error) {
    if (error instanceof AshlarError) return undefined;
    throw error;
  }
}

async function listTag(layout: Layout, tag: string): Promise<ListedTag | undefined> {
  const { manifest, descriptor, config } = await openImage({ transport: 'oci', path: layout.path, tag });
  const blobs = [descriptor, manifest.config, ...manifest.layers];
  if (!blobs.every(blob => layout.hasBlob(blob))) return undefined;
  return {
    tag,
    digest: descriptor.digest,
    layers: manifest.layers.length,
    size: blobs.reduce((sum, { size }) => sum + size, 0),
    created: config.created,
    description: descriptionOf(manifest.annotations ?? {}),
  };
}

function descriptionOf(annotations: Readonly<Record<string, string>>): ListedTag['description'] {
  const name = annotations[DESCRIPTION.name];
  if (name === undefined) return undefined;
  return { name, version: annotations[DESCRIPTION.version], digest: annotations[DESCRIPTION.digest] };
}
