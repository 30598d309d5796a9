/** OCI layouts as plain files: read without any code of ours. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly empty_layer?: boolean;
}

export interface Config {
  readonly created?: string;
  readonly author?: string;
  readonly os: string;
  readonly architecture: string;
  readonly config?: {
    readonly Env?: readonly string[];
    readonly Cmd?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Volumes?: Readonly<Record<string, object>>;
    readonly WorkingDir?: string;
    readonly User?: string;
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history?: readonly History[];
}

export interface Image {
  /** Of the manifest. */
  readonly digest: string;
  readonly manifest: Manifest;
  readonly config: Config;
  /** Digests of the layers, bottom to top. */
  readonly layers: readonly string[];
  /** Names in layer `i` (from the end when negative) as GNU tar lists them, special characters as escapes. */
  names(i: number): readonly string[];
}

interface Index {
  readonly manifests: readonly Descriptor[];
}

const REF_NAME = 'org.opencontainers.image.ref.name';

function readJson<T>(...path: readonly string[]): T {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as T;
}

export function blobPath(oci: string, digest: string): string {
  return join(oci, 'blobs', digest.replace(':', '/'));
}

/** The tags of a layout in the order of index.json. */
export function readTags(oci: string): readonly string[] {
  const { manifests } = readJson<Index>(oci, 'index.json');
  return manifests.map(({ annotations }) => annotations?.[REF_NAME] ?? '(none)');
}

export function readImage(oci: string, tag: string): Image {
  const { manifests } = readJson<Index>(oci, 'index.json');
  const tagged = manifests.filter(({ annotations }) => annotations?.[REF_NAME] === tag);
  const [descriptor] = tagged;
  if (!descriptor || tagged.length > 1) throw new Error(`${tagged.length} images ${tag} in ${oci}`);
  const manifest = readJson<Manifest>(blobPath(oci, descriptor.digest));
  return {
    digest: descriptor.digest,
    manifest,
    config: readJson<Config>(blobPath(oci, manifest.config.digest)),
    layers: manifest.layers.map(layer => layer.digest),
    names: i => namesIn(blobPath(oci, manifest.layers.at(i)?.digest ?? 'none:none')),
  };
}

/** Replaces the manifest of an image by another one, whoever may object. */
export function rewriteManifest(oci: string, tag: string, change: (manifest: Manifest) => Manifest): void {
  const index = readJson<Index>(oci, 'index.json');
  const manifests = index.manifests.map(descriptor => {
    if (descriptor.annotations?.[REF_NAME] !== tag) return descriptor;
    const text = JSON.stringify(change(readJson<Manifest>(blobPath(oci, descriptor.digest))));
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    writeFileSync(blobPath(oci, digest), text);
    return { ...descriptor, digest, size: Buffer.byteLength(text) };
  });
  writeFileSync(join(oci, 'index.json'), JSON.stringify({ ...index, manifests }));
}

/** The names in a tar file, compressed or not. */
export function namesIn(tar: string): readonly string[] {
  const options = ['--absolute-names', '--quoting-style=escape', '-tf', tar];
  return execFileSync('tar', options, { encoding: 'utf8' }).split('\n').filter(Boolean);
}

/** The blobs below a `blobs` directory whose content is not what their name says. */
export function wrongBlobs(blobs: string): readonly string[] {
  const directory = join(blobs, 'sha256');
  return readdirSync(directory).filter(
    name =>
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex') !== name,
  );
}
