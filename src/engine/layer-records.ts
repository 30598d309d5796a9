/** Layers of images: others' and our own, known and newly made. */
import type { PackedLayer } from '../layers/index.ts';
import {
  type Descriptor,
  type Digest,
  type LayerFormat,
  layerFormat,
  type OpenedImage,
  ociLayerMediaType,
  parseDigest,
  type TarCompression,
} from '../oci/index.ts';
import type { LookContext } from './context.ts';
import { checkFileSystem } from './forms/verity.ts';
import { keyOf } from './keys/keys.ts';
import { watched, watchedWhole } from './sources/transfers.ts';
import type { LayerRecord, TarLayer } from './values.ts';

/** What identifies the tree of layers: their diff IDs from the bottom to the top, or what is known to be the same. */
export function chainOf(layers: readonly LayerRecord[]): string {
  const end = layers.findLastIndex(({ pile }) => pile !== undefined);
  const pile = layers[end]?.pile;
  return keyOf('chain', [
    ...(pile === undefined ? [] : [['pile', pile] as const]),
    ...layers.slice(end + 1).map(({ diffId }) => ['layer', diffId] as const),
  ]);
}

/** Where somebody else's blobs come from. */
export type BlobSource = Pick<OpenedImage, 'blob' | 'localBlob'>;

/**
 * A layer that somebody else has written; its descriptor is kept as it is, but for docker's names of media types.
 * `image` is the one that is built on it.
 */
export function foreignLayer(
  descriptor: Descriptor,
  diffId: Digest,
  source: BlobSource,
  image: string,
  context: LookContext,
): LayerRecord {
  const { store } = context;
  const format = layerFormat(descriptor.mediaType);
  const local = source.localBlob(descriptor);
  const download = async () => {
    if (await store.hasBlob(descriptor)) return;
    const { digest, size } = descriptor;
    const transfer = { image, what: 'blob', name: digest, size } as const;
    if (local === undefined) {
      const bytes = watched(source.blob(descriptor), { ...transfer, from: 'network' }, context);
      await store.addBlob(descriptor, bytes);
    } else {
      const linked = () => store.addFile(descriptor, local);
      await watchedWhole({ ...transfer, from: 'disk' }, context, linked);
    }
  };
  const fetch = async () => {
    await download();
    if (format.kind !== 'tar') await checkFileSystem(descriptor, format, context);
  };
  let fetching: Promise<void> | undefined;
  return {
    // What an image says of file systems is not asked: the blob itself is what is hashed.
    diffId: format.kind === 'tar' ? diffId : descriptor.digest,
    descriptor: { ...descriptor, mediaType: ociMediaType(descriptor.mediaType, format) },
    format,
    ...(local === undefined ? {} : { local }),
    fetch: () => {
      fetching ??= fetch();
      return fetching;
    },
  };
}

function ociMediaType(mediaType: string, format: LayerFormat): string {
  if (format.kind !== 'tar' || !mediaType.startsWith('application/vnd.docker.')) return mediaType;
  return ociLayerMediaType(format.compression);
}

/** A tar layer of ours, whose blob is in the store. */
export function ownLayer(diffId: Digest, descriptor: Descriptor, compression: TarCompression): TarLayer {
  return { diffId, descriptor, format: { kind: 'tar', compression }, fetch: async () => {} };
}

/** Takes a freshly packed layer into the store. */
export async function keepLayer(
  packed: PackedLayer,
  file: string,
  compression: TarCompression,
  { store }: LookContext,
): Promise<TarLayer> {
  const { size, mediaType } = packed;
  const [diffId, digest] = [parseDigest(packed.diffId), parseDigest(packed.digest)];
  await store.placeBlob(digest, file);
  const descriptor = { mediaType, digest, size };
  store.database.addLayer(diffId, compression, descriptor);
  if (packed.contents) store.database.addContents(diffId, packed.contents);
  return ownLayer(diffId, descriptor, compression);
}

const COMPRESSIONS: readonly TarCompression[] = ['gzip', 'zstd', 'none'];

/**
 * A layer that an earlier build left in the store: in the wanted form, or in any form when it need not be given to
 * anybody. Undefined when no usable blob is left.
 */
export async function knownLayer(
  diffId: Digest,
  wanted: TarCompression | 'any',
  context: LookContext,
): Promise<TarLayer | undefined> {
  const { store, options } = context;
  const preferred = wanted === 'any' ? options.compression : wanted;
  for (const compression of [preferred, ...COMPRESSIONS.filter(other => other !== preferred)]) {
    const blob = store.database.layer(diffId, compression);
    if (!blob) continue;
    if (!(await store.hasBlob(blob))) {
      const text = `layer ${blob.digest} in the store is missing or damaged: it is made again`;
      context.emit({ kind: 'message', image: undefined, level: 'warning', text });
      continue;
    }
    const layer = ownLayer(diffId, blob, compression);
    return compression === preferred || wanted === 'any' ? layer : recompress(layer, preferred, context);
  }
  return undefined;
}

/** The same layer in another compression; a layer made for a build-only image may later be wanted in an emitted one. */
async function recompress(
  layer: TarLayer,
  compression: TarCompression,
  context: LookContext,
): Promise<TarLayer | undefined> {
  const { packLayer } = await import('../layers/index.ts');
  const { store, signal } = context;
  const output = store.temporaryPath('layer');
  const path = store.blobPath(layer.descriptor.digest);
  // Times were clamped when the layer was made.
  const packed = await packLayer({ kind: 'tar', path }, { compression, output, signal });
  // Our own tar form comes out as it went in; anything else is not the same layer, and is made from its step again.
  return packed?.diffId === layer.diffId ? keepLayer(packed, output, compression, context) : undefined;
}
