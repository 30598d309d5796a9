/**
 * OCI images as values: types, digests, media types, references, image layouts on disk, and registries. Follows
 * image-spec 1.1 and distribution-spec 1.1; docker's schema 2 types are read too. Layers are streams of bytes here:
 * what is in them is the concern of src/layers, and what is built from them of src/engine.
 */
export { archiveFiles } from './archive.ts';
export { type Credentials, credentialsForUrl } from './auth.ts';
export { type CopyOptions, copyImage, writeImage } from './copy.ts';
export { chainId, digestOf, parseDigest, verifying } from './digest.ts';
export { documentBytes, parseConfig, parseDocument, parseIndex } from './documents.ts';
export { type OpenedImage, type OpenOptions, openImage, openImages, resolveDigest } from './image.ts';
export {
  canBeReferenceName,
  canBeTag,
  createLayout,
  type Layout,
  type LayoutChange,
  openLayout,
  refName,
  type TagEntry,
} from './layout.ts';
export {
  type LayerFormat,
  layerFormat,
  mediaTypes,
  ociLayerMediaType,
  type TarCompression,
} from './mediatypes.ts';
export { formatPlatform, hostPlatform, parsePlatform } from './platform.ts';
export type { WriteOptions } from './push.ts';
export {
  formatReference,
  type ImageReference,
  type LayoutReference,
  parseReference,
  type RegistryReference,
} from './reference.ts';
export { ImageSender } from './sender.ts';
export type {
  Annotations,
  ContainerConfig,
  Descriptor,
  Digest,
  History,
  ImageConfig,
  Index,
  Manifest,
  Platform,
} from './types.ts';
