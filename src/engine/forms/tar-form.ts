/** Layers that are file systems, as the tar layers that say the same: for those who read layers path by path. */
import { type Digest, digestOf, ociLayerMediaType, type TarCompression } from '../../oci/index.ts';
import { type LookContext, once } from '../context.ts';
import type { TreeLayer } from '../inside/request-parts.ts';
import { keyOf } from '../keys/keys.ts';
import { keepLayer, knownLayer, ownLayer } from '../layer-records.ts';
import { isTar, type LayerRecord, type TarLayer } from '../values.ts';

/** What a layer is as a tar; known as long as that blob is there. */
interface Remembered {
  readonly diffId: Digest;
  readonly digest: Digest;
}

/** The layer itself where it is a tar; else what it says as a tar layer, made once and remembered. */
export async function tarForm(
  layer: LayerRecord,
  context: LookContext,
  wanted: TarCompression | 'any' = 'any',
): Promise<TarLayer> {
  if (isTar(layer)) return layer;
  const tar = await once(context, `tar form ${layer.diffId}`, () => readAsTar(layer, context));
  if (wanted === 'any' || wanted === tar.format.compression) return tar;
  return (await knownLayer(tar.diffId, wanted, context)) ?? tar;
}

/** The layers, as tars, with their blobs in the store: ready to be unpacked or looked into. */
export async function treeLayers(
  layers: readonly LayerRecord[],
  context: LookContext,
): Promise<readonly TreeLayer[]> {
  const { store } = context;
  const tars = await Promise.all(layers.map(layer => tarForm(layer, context)));
  store.claim(...tars.map(({ diffId }) => `tree ${diffId}` as const));
  await Promise.all(tars.map(layer => layer.fetch()));
  return tars.map(({ diffId, descriptor, format: { compression } }) => {
    return { diffId, blob: store.blobPath(descriptor.digest), compression };
  });
}

/** What the tree of a layer is kept for: the layer, or the tar that it is read as, if that is known. */
export function identityOfTree(layer: LayerRecord, { store }: LookContext): Remembered {
  const { diffId, descriptor } = layer;
  const known = isTar(layer) ? undefined : store.database.recall('images', keyOfTarForm(layer));
  return (known as Remembered | undefined) ?? { diffId, digest: descriptor.digest };
}

function keyOfTarForm({ diffId }: LayerRecord): string {
  return keyOf('tar form', [['layer', diffId]]);
}

async function readAsTar(layer: LayerRecord, context: LookContext): Promise<TarLayer> {
  const { store, workshop, signal, options } = context;
  const key = keyOfTarForm(layer);
  const known = options.noCache
    ? undefined
    : (store.database.recall('images', key) as Remembered | undefined);
  const kept = known && (await knownLayer(known.diffId, 'any', context));
  if (kept) return kept;
  await layer.fetch();
  const { kind } = layer.format;
  if (kind === 'tar') throw new Error('a tar layer needs no other form of tar');
  // Who gets file systems only never sees the tar.
  const compression = options.forms.types.includes('tar') ? options.compression : 'zstd';
  const output = store.temporaryPath('layer');
  const blob = store.blobPath(layer.descriptor.digest);
  const onWarning = (text: string) => {
    context.emit({ kind: 'message', image: undefined, level: 'warning', text: `${layer.diffId}: ${text}` });
  };
  const request = { blob, kind, pack: { compression, output } } as const;
  const packed = await workshop.call('readFileSystem', request, { signal, onWarning });
  const tar = packed ? await keepLayer(packed, output, compression, context) : await emptyLayer(context);
  const { diffId, descriptor } = tar;
  store.database.remember('images', key, { diffId, digest: descriptor.digest } satisfies Remembered);
  return tar;
}

/** A tar with nothing in it. */
async function emptyLayer({ store }: LookContext): Promise<TarLayer> {
  const bytes = Buffer.alloc(1024);
  const digest = await store.addBytes(bytes);
  const descriptor = { mediaType: ociLayerMediaType('none'), digest: digestOf(bytes), size: bytes.length };
  return ownLayer(digest, descriptor, 'none');
}
