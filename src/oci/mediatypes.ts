import { AshlarError } from '../support/errors.ts';

export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

export type DocumentKind = 'manifest' | 'index';

/** What a media type says about a document, or undefined when it is neither manifest nor index. */
export function documentKind(mediaType: string): DocumentKind | undefined {
  switch (mediaType) {
    case mediaTypes.manifest:
    case mediaTypes.dockerManifest:
      return 'manifest';
    case mediaTypes.index:
    case mediaTypes.dockerIndex:
      return 'index';
    default:
      return undefined;
  }
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig;
}

export type TarCompression = 'none' | 'gzip' | 'zstd';

export type LayerFormat =
  | { readonly kind: 'tar'; readonly compression: TarCompression }
  | {
      readonly kind: 'squashfs' | 'erofs';
      /** The compressor inside the file system, in its own words (`zstd`, `lz4hc`). */
      readonly compression?: string;
      /** The type says that a dm-verity hash area follows; today's types do not say so even when one does. */
      readonly verityInType: boolean;
    };

const tarTypes: ReadonlyMap<string, TarCompression> = new Map([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.zstd', 'zstd'],
]);

const fileSystemType =
  /^application\/vnd\.stacker\.image\.layer\.(squashfs|erofs)(?:\+(?!verity(?:\+|$))([a-z0-9]+))?(\+verity)?$/;

/** How a layer of this media type is to be read. Throws AshlarError for a type that is no layer's. */
export function layerFormat(mediaType: string): LayerFormat {
  const tar = tarTypes.get(mediaType);
  if (tar !== undefined) return { kind: 'tar', compression: tar };
  const [, kind, compression, verity] = fileSystemType.exec(mediaType) ?? [];
  if (kind !== 'squashfs' && kind !== 'erofs') throw new AshlarError(`unknown media type ${mediaType}`);
  return { kind, ...(compression === undefined ? {} : { compression }), verityInType: verity !== undefined };
}

/** Layers that the publisher does not want to be pushed elsewhere; they are fetched from their `urls`. */
export function isNondistributable(mediaType: string): boolean {
  return mediaType.includes('.nondistributable.') || mediaType.includes('.rootfs.foreign.');
}

/** The OCI media type of a tar layer. */
export function ociLayerMediaType(compression: TarCompression): string {
  const tar = 'application/vnd.oci.image.layer.v1.tar';
  return compression === 'none' ? tar : `${tar}+${compression}`;
}
