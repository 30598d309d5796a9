/** Images in archives of other tools, as OCI layouts. Files are named by what they hold, so nothing is trusted. */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, posix } from 'node:path';
import {
  type ByteString,
  decodeContents,
  extractLayerFiles,
  fromText,
  type LayerContents,
  readLayerContents,
} from '../../layers/index.ts';
import {
  createLayout,
  type Descriptor,
  documentBytes,
  type LayoutReference,
  mediaTypes,
  ociLayerMediaType,
  parseConfig,
  parseDigest,
  parseDocument,
  parseIndex,
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

/** Links on the way to a file. */
const MOST_HOPS = 40;

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
    // A layer may be there more than once.
    const blobs = [...new Map(image.blobs.map(blob => [blob.digest, blob])).values()];
    await archive.extract(blobs);
    for (const blob of blobs) renameSync(archive.extracted(blob), layout.blobPath(blob.digest));
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
    if (file.size > LONGEST_DOCUMENT) throw new AshlarError(`${this.nameOf(name)} is too large`);
    await this.extract([file]);
    return readFileSync(this.extracted(file));
  }

  /** As errors call a file of it. */
  nameOf(name: string): string {
    return `${name} in ${this.path}`;
  }

  find(name: string): Pick<Descriptor, 'digest' | 'size'> {
    let path = canonical(fromText(name));
    let entry = this.contents.entries.get(path);
    // Old archives have one layer under several names.
    for (let hops = 0; entry?.type === 'symlink' && hops < MOST_HOPS; hops += 1) {
      path = canonical(posix.join(posix.dirname(path), entry.link));
      entry = this.contents.entries.get(path);
    }
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

/** Without dots and slashes that say nothing. */
function canonical(path: ByteString): ByteString {
  return posix.normalize(path).replace(/^\/+/, '');
}

async function openArchive(path: string, directory: string, signal: AbortSignal): Promise<Archive> {
  const incoming = `${directory}.incoming`;
  mkdirSync(incoming, { recursive: true });
  const { contents } = await readLayerContents({ blob: path, compression: 'none', signal });
  return new Archive(path, incoming, decodeContents(contents), signal);
}

async function fromLayout(archive: Archive, tag: string | undefined): Promise<FoundImage> {
  const { manifests } = parseIndex(await archive.document('index.json'), archive.nameOf('index.json'));
  const named = manifests.filter(({ annotations }) => tag === undefined || annotations?.[refName] === tag);
  const [only] = named;
  if (!only || named.length > 1) {
    const names = manifests.map(({ annotations }) => annotations?.[refName] ?? '(no name)');
    throw wrongImage(archive, tag, names);
  }
  const manifest = await archive.document(blobName(only.digest));
  const document = parseDocument(manifest, only.mediaType, archive.nameOf(blobName(only.digest)));
  if (document.kind === 'index')
    throw new AshlarError(`${archive.path} holds an image for several platforms`);
  const { config, layers } = document.manifest;
  const blobs = [config, ...layers].map(({ digest }) => archive.find(blobName(parseDigest(digest))));
  return { manifest, mediaType: only.mediaType, blobs };
}

function blobName(digest: string): string {
  return `blobs/${parseDigest(digest).replace(':', '/')}`;
}

interface Saved {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** The images of an archive of docker's. */
async function savedImages(archive: Archive): Promise<readonly Saved[]> {
  const bytes = await archive.document(SAVED);
  const what = archive.nameOf(SAVED);
  let images: unknown;
  try {
    images = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new AshlarError(`${what} is not JSON`, { cause });
  }
  if (!Array.isArray(images)) throw new AshlarError(`${what} is not a list`);
  return images.map((image: unknown, i) => {
    const { Config, RepoTags, Layers } = (image ?? {}) as Readonly<Record<string, unknown>>;
    const tags = RepoTags ?? [];
    if (typeof Config !== 'string' || !areTexts(tags) || !areTexts(Layers))
      throw new AshlarError(`${what}: entry ${i + 1} is no image`);
    return { Config, RepoTags: tags, Layers };
  });
}

const SAVED = 'manifest.json';

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

async function fromDocker(archive: Archive, tag: string | undefined): Promise<FoundImage> {
  const images = await savedImages(archive);
  const named = images.filter(({ RepoTags }) => tag === undefined || RepoTags.includes(tag));
  const [only] = named;
  if (!only || named.length > 1)
    throw wrongImage(
      archive,
      tag,
      images.flatMap(({ RepoTags }) => RepoTags),
    );
  const config = archive.find(only.Config);
  const layers = only.Layers.map(name => archive.find(name));
  const { rootfs } = parseConfig(await archive.document(only.Config), archive.nameOf(only.Config));
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
