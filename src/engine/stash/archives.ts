/** Images in archives of other tools, as OCI layouts. Files are named by what they hold, so nothing is trusted. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ByteString,
  decodeContents,
  extractLayerFiles,
  type LayerContents,
  readLayerContents,
} from '../../layers/index.ts';
import {
  createLayout,
  type Descriptor,
  documentBytes,
  type ImageConfig,
  type Index,
  type LayoutReference,
  mediaTypes,
  ociLayerMediaType,
  parseDigest,
  refName,
} from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';

export interface ImageArchive {
  readonly kind: 'oci-archive' | 'docker-archive';
  /** Absolute. */
  readonly path: string;
  /** The name of one of its images; it need not be given where there is one. */
  readonly tag?: string;
}

/** Bytes of documents in archives. */
const LONGEST_DOCUMENT = 8 << 20;

/**
 * Makes an OCI layout in `directory` (which is not there yet) of the image of an archive: `oci-archive` as skopeo and
 * podman write it, and `docker save`.
 * @throws AshlarError when the archive is damaged, or has no such image.
 */
export async function importArchive(
  { kind, path, tag }: ImageArchive,
  directory: string,
  signal: AbortSignal,
): Promise<LayoutReference> {
  const archive = await openArchive(path, directory, signal);
  const image = await (kind === 'oci-archive' ? fromLayout(archive, tag) : fromDocker(archive, tag));
  const layout = await createLayout(directory);
  {
    using change = await layout.change({ signal });
    await archive.extract(image.blobs);
    for (const blob of image.blobs) renameSync(archive.extracted(blob), layout.blobPath(blob.digest));
    const manifest = await change.addBytes(mediaTypes.manifest, image.manifest);
    await change.setTags([{ tag: IMPORTED, descriptor: { ...manifest, mediaType: image.mediaType } }]);
  }
  rmSync(archive.incoming, { recursive: true });
  return { transport: 'oci', path: directory, tag: IMPORTED };
}

const IMPORTED = 'imported';

interface FoundImage {
  readonly manifest: Uint8Array;
  readonly mediaType: string;
  /** Config and layers. */
  readonly blobs: readonly Pick<Descriptor, 'digest' | 'size'>[];
}

class Archive {
  readonly path: string;
  readonly incoming: string;
  readonly contents: LayerContents;
  readonly #signal: AbortSignal;

  constructor(path: string, incoming: string, contents: LayerContents, signal: AbortSignal) {
    this.path = path;
    this.incoming = incoming;
    this.contents = contents;
    this.#signal = signal;
  }

  /** A small file. @throws AshlarError when it is missing or too large. */
  async document(name: string): Promise<Buffer> {
    const file = this.find(name);
    if (file.size > LONGEST_DOCUMENT) throw new AshlarError(`${name} in ${this.path} is too large`);
    await this.extract([file]);
    return readFileSync(this.extracted(file));
  }

  async json<T>(name: string): Promise<T> {
    const bytes = await this.document(name);
    try {
      return JSON.parse(bytes.toString()) as T;
    } catch (cause) {
      throw new AshlarError(`${name} in ${this.path} is not JSON`, { cause });
    }
  }

  find(name: ByteString): Pick<Descriptor, 'digest' | 'size'> {
    const entry = this.contents.entries.get(name.replace(/^\.?\/+/, ''));
    // Old archives have one layer under several names.
    if (entry?.type === 'symlink') return this.find(`${name}/../${entry.link}`);
    if (entry?.type !== 'file') throw new AshlarError(`there is no ${name} in the archive ${this.path}`);
    return { digest: parseDigest(`sha256:${entry.sha256}`), size: entry.size };
  }

  async extract(files: readonly Pick<Descriptor, 'digest' | 'size'>[]): Promise<void> {
    await extractLayerFiles({
      blob: this.path,
      compression: 'none',
      directory: this.incoming,
      files: files.map(({ digest, size }) => ({ path: digest, size, sha256: digest.slice(7) })),
      signal: this.#signal,
    });
  }

  extracted({ digest }: Pick<Descriptor, 'digest'>): string {
    return join(this.incoming, digest.slice(7));
  }
}

async function openArchive(path: string, directory: string, signal: AbortSignal): Promise<Archive> {
  const incoming = `${directory}.incoming`;
  mkdirSync(incoming, { recursive: true });
  const { contents } = await readLayerContents({ blob: path, compression: 'none', signal });
  return new Archive(path, incoming, decodeContents(contents), signal);
}

async function fromLayout(archive: Archive, tag: string | undefined): Promise<FoundImage> {
  const { manifests = [] } = await archive.json<Index>('index.json');
  const named = manifests.filter(({ annotations }) => tag === undefined || annotations?.[refName] === tag);
  const [only] = named;
  if (!only || named.length > 1) {
    const names = manifests.map(({ annotations }) => annotations?.[refName] ?? '(no name)');
    throw wrongImage(archive, tag, names);
  }
  const manifest = await archive.document(blobName(only.digest));
  const { config, layers } = JSON.parse(manifest.toString()) as {
    config?: Descriptor;
    layers?: Descriptor[];
  };
  if (!config || !layers) throw new AshlarError(`${archive.path} holds an image for several platforms`);
  const blobs = [config, ...layers].map(({ digest }) => archive.find(blobName(parseDigest(digest))));
  return { manifest, mediaType: only.mediaType, blobs };
}

function blobName(digest: string): string {
  return `blobs/${parseDigest(digest).replace(':', '/')}`;
}

interface Saved {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

async function fromDocker(archive: Archive, tag: string | undefined): Promise<FoundImage> {
  const images = await archive.json<readonly Saved[]>('manifest.json');
  const named = images.filter(({ RepoTags }) => tag === undefined || RepoTags?.includes(tag));
  const [only] = named;
  if (!only || named.length > 1)
    throw wrongImage(
      archive,
      tag,
      images.flatMap(({ RepoTags }) => RepoTags ?? []),
    );
  const config = archive.find(only.Config);
  const layers = only.Layers.map(name => archive.find(name));
  const { rootfs } = await archive.json<ImageConfig>(only.Config);
  const plain = (digest: string, i: number) => rootfs.diff_ids[i] === digest;
  const manifest = documentBytes({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...config },
    layers: layers.map((layer, i) => ({
      mediaType: ociLayerMediaType(plain(layer.digest, i) ? 'none' : 'gzip'),
      ...layer,
    })),
  });
  return { manifest, mediaType: mediaTypes.manifest, blobs: [config, ...layers] };
}

function wrongImage({ path }: Archive, tag: string | undefined, names: readonly string[]): AshlarError {
  const message =
    tag === undefined ? `${path} holds ${names.length} images` : `there is no image ${tag} in ${path}`;
  return new AshlarError(message, {
    hint: names.length > 0 ? `it has ${names.slice(0, 10).join(', ')}` : undefined,
  });
}
