import { AshlarError } from '../support/errors.ts';
import { longestConfig, longestManifest, parseConfig, parseDocument } from './documents.ts';
import { type Layout, openLayout, refName } from './layout.ts';
import { isConfigType, isNondistributable } from './mediatypes.ts';
import { chooseByPlatform, hostPlatform, noSuchPlatform } from './platform.ts';
import { formatReference, type ImageReference, type LayoutReference } from './reference.ts';
import type { ImageStore, StoredDocument } from './store.ts';
import type { Descriptor, Digest, ImageConfig, Index, Manifest, Platform } from './types.ts';

/** An image whose manifest and config are at hand and whose layers can be asked for. */
export interface OpenedImage {
  /** With the digest that the tag stood for: that of the index when there is one. */
  readonly reference: ImageReference;
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly manifestBytes: Uint8Array;
  readonly configBytes: Uint8Array;
  /** The content of one of the manifest's blobs, verified while it streams; ends with AshlarError when it is not right. */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  /** The regular file that holds the blob, for an image in a layout. Only its size has been compared. */
  localBlob(descriptor: Descriptor): string | undefined;
}

export interface OpenOptions {
  /** Which image of an index; the machine's own platform when absent. */
  readonly platform?: Platform;
  /** Unverified TLS or plain http for this reference. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Indexes in indexes: one more than any tool writes. */
const deepestIndex = 4;

/**
 * Fetches the manifest and config of an image in a registry or a layout, and nothing else. Throws AshlarError when it
 * cannot be had, or is not a container image.
 */
export async function openImage(reference: ImageReference, options: OpenOptions = {}): Promise<OpenedImage> {
  const platform = options.platform ?? hostPlatform();
  const store = await openStore(reference, platform, options);
  return openStored(store, await chooseManifest(store, platform, formatReference(reference)), reference);
}

/** What a reference stands for: one image, or an index of images for different platforms. */
export interface OpenedImages {
  /** Of the manifest or of the index, with its bytes. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly images: readonly OpenedImage[];
}

/** All images of a reference, of which nothing but manifests and configs is fetched. Throws AshlarError. */
export async function openImages(
  reference: ImageReference,
  options: Omit<OpenOptions, 'platform'> = {},
): Promise<OpenedImages> {
  const store = await openStore(reference, hostPlatform(), options);
  const { root } = store;
  const name = formatReference(reference);
  const read = (stored: StoredDocument) =>
    parseDocument(stored.bytes, stored.descriptor.mediaType, `the manifest of ${name}`);
  const document = read(root);
  const stored =
    document.kind === 'index' ? document.index.manifests.map(entry => store.document(entry)) : [root];
  const images = stored.map(async promise => {
    const one = await promise;
    const inner = read(one);
    if (inner.kind === 'index') throw new AshlarError(`${name} is an index of indexes`);
    return openStored(store, { ...one, manifest: inner.manifest }, reference);
  });
  return { ...root, images: await Promise.all(images) };
}

async function openStored(
  store: ImageStore,
  { descriptor, manifest, bytes }: StoredManifest,
  reference: ImageReference,
): Promise<OpenedImage> {
  const name = formatReference(reference);
  if (!isConfigType(manifest.config.mediaType)) {
    throw new AshlarError(
      `${name} is not a container image: its config is of type ${manifest.config.mediaType}`,
    );
  }
  const configBytes = await store.readBlob(manifest.config, longestConfig);
  const config = parseConfig(configBytes, `the config of ${name}`);
  const { length } = config.rootfs.diff_ids;
  if (length !== manifest.layers.length) {
    throw new AshlarError(
      `${name} has ${manifest.layers.length} layers, but ${length} diff_ids in its config`,
    );
  }
  return {
    reference: { ...reference, digest: store.root.descriptor.digest },
    descriptor,
    manifest,
    config,
    manifestBytes: bytes,
    configBytes,
    blob: blob => named(name, store.blob(blob)),
    localBlob: blob => store.localBlob(blob),
  };
}

/**
 * Says which image it was when a blob cannot be had. A broken connection becomes a plain AshlarError, so that who sends
 * the bytes on does not take it for a failure of the other end.
 */
async function* named(
  name: string,
  blob: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* blob;
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(`${name}: ${error.message}`, { hint: error.hint, cause: error });
  }
}

async function openStore(
  reference: ImageReference,
  platform: Platform,
  options: OpenOptions,
): Promise<ImageStore> {
  switch (reference.transport) {
    case 'oci':
      return layoutStore(await openLayout(reference.path), reference, platform);
    case 'docker': {
      // The HTTP client takes longer to load than a layout to read.
      const { registryStore } = await import('./registry.ts');
      return registryStore(reference, options);
    }
  }
}

interface StoredManifest extends StoredDocument {
  readonly manifest: Manifest;
}

/** Follows indexes down to the manifest for the platform. */
async function chooseManifest(store: ImageStore, platform: Platform, name: string): Promise<StoredManifest> {
  let current = store.root;
  for (let depth = 0; depth <= deepestIndex; depth += 1) {
    const document = parseDocument(current.bytes, current.descriptor.mediaType, `the manifest of ${name}`);
    if (document.kind === 'manifest') return { ...current, manifest: document.manifest };
    const entry = chooseByPlatform(document.index.manifests, platform);
    if (entry === undefined) throw noSuchPlatform(name, document.index.manifests, platform);
    current = await store.document(entry);
  }
  throw new AshlarError(`${name} is an index of indexes, more than ${deepestIndex} deep`);
}

async function layoutStore(
  layout: Layout,
  reference: LayoutReference,
  platform: Platform,
): Promise<ImageStore> {
  // The entry's annotations are about its place in this layout.
  const document = async ({ mediaType, digest, size }: Descriptor): Promise<StoredDocument> => {
    const descriptor = { mediaType, digest, size };
    return { descriptor, bytes: await layout.readBlob(descriptor, longestManifest) };
  };
  return {
    root: await document(findEntry(await layout.index(), reference, platform)),
    document,
    blob: descriptor => layout.blob(descriptor),
    readBlob: (descriptor, longest) => layout.readBlob(descriptor, longest),
    localBlob: descriptor => (layout.hasBlob(descriptor) ? layout.blobPath(descriptor.digest) : undefined),
  };
}

/** The entry of index.json for the tag or digest. Of several with one tag, the platform decides, then the last one. */
function findEntry({ manifests }: Index, reference: LayoutReference, platform: Platform): Descriptor {
  const { tag, digest } = reference;
  const found = manifests.filter(entry =>
    digest === undefined ? entry.annotations?.[refName] === tag : entry.digest === digest,
  );
  const entry = found.length > 1 ? (chooseByPlatform(found, platform) ?? found.at(-1)) : found[0];
  if (entry) return entry;
  const tags = manifests.flatMap(({ annotations }) => annotations?.[refName] ?? []);
  throw new AshlarError(`${digest ?? `tag ${tag}`} is not in the OCI layout ${reference.path}`, {
    hint: tags.length > 0 ? `it has ${tags.slice(0, 10).join(', ')}` : 'it has no tags',
  });
}

/**
 * The digest that a reference stands for now: one HEAD request, or a look into index.json. `retry` (default true):
 * whether a registry that does not answer is asked again. Throws AshlarError.
 */
export async function resolveDigest(
  reference: ImageReference,
  options: OpenOptions & { readonly retry?: boolean } = {},
): Promise<Digest> {
  if (reference.transport === 'docker') {
    const { registryDigest } = await import('./registry.ts');
    return registryDigest(reference, options);
  }
  const layout = await openLayout(reference.path);
  return findEntry(await layout.index(), reference, options.platform ?? hostPlatform()).digest;
}

/**
 * Every blob of a manifest once, the config last. Layers that may not be distributed are left out: they stay where
 * their `urls` point.
 */
export function distributableBlobs({ layers, config }: Manifest): readonly Descriptor[] {
  const own = layers.filter(({ mediaType, urls }) => !(isNondistributable(mediaType) && urls?.length));
  return [...new Map([...own, config].map(blob => [blob.digest, blob])).values()];
}
