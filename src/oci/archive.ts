/** One image as the files of an archive that `podman load`, `docker load` and skopeo take. */
import { digestParts } from './digest.ts';
import { documentBytes } from './documents.ts';
import type { OpenedImage } from './image.ts';
import { refName } from './layout.ts';
import { mediaTypes } from './mediatypes.ts';
import type { Descriptor } from './types.ts';

/** A file of an archive; its content is read when it is asked for. */
export interface ArchiveFile {
  readonly name: string;
  readonly size: number;
  readonly content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * An OCI layout with this image alone (image-spec image-layout.md), and beside it for `docker` the manifest.json of
 * docker-save(1), which knows all names; the layout then has the first one. All that is in it has its digest verified as
 * it is read.
 */
export function archiveFiles(
  image: Pick<OpenedImage, 'manifest' | 'descriptor' | 'manifestBytes' | 'configBytes' | 'blob'>,
  names: readonly [string, ...string[]],
  format: 'docker' | 'oci' = 'docker',
): ArchiveFile[] {
  const { manifest, descriptor, manifestBytes, configBytes } = image;
  const tags = format === 'oci' ? names : [names[0]];
  const manifests = tags.map(name => ({
    ...descriptor,
    annotations: { ...descriptor.annotations, [refName]: name },
  }));
  const index = { schemaVersion: 2 as const, mediaType: mediaTypes.index, manifests };
  const saved = [{ Config: pathOf(manifest.config), RepoTags: names, Layers: manifest.layers.map(pathOf) }];
  // A layer that occurs twice is one file.
  const layers = new Map(manifest.layers.map(layer => [layer.digest, layer]));
  return [
    fileOf('oci-layout', Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' }))),
    fileOf('index.json', documentBytes(index)),
    ...(format === 'docker' ? [fileOf('manifest.json', Buffer.from(JSON.stringify(saved)))] : []),
    fileOf(pathOf(descriptor), manifestBytes),
    fileOf(pathOf(manifest.config), configBytes),
    ...[...layers.values()].map(layer => ({
      name: pathOf(layer),
      size: layer.size,
      content: image.blob(layer),
    })),
  ];
}

function fileOf(name: string, bytes: Uint8Array): ArchiveFile {
  return { name, size: bytes.length, content: [bytes] };
}

function pathOf({ digest }: Descriptor): string {
  const { algorithm, hex } = digestParts(digest);
  return `blobs/${algorithm}/${hex}`;
}
