/** Image configs and manifests: what an image gets on top of what it inherits. Pure functions. */

import {
  type ContainerConfig,
  type Descriptor,
  type Digest,
  type History,
  type ImageConfig,
  type Index,
  type Manifest,
  mediaTypes,
  type Platform,
} from '../oci/index.ts';
import type { ConfigChange } from '../plan/types.ts';

/** Who and when, for everything that is made in one build. */
export interface Authorship {
  readonly author: string;
  /** RFC 3339. */
  readonly created: string;
}

/** The config of an image from nothing. */
export function emptyConfig({ os, architecture, variant }: Platform): ImageConfig {
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    rootfs: { type: 'layers', diff_ids: [] },
  };
}

export interface NewLayer {
  readonly diffId: Digest;
  readonly created: string;
  readonly createdBy: string;
}

/** A change whose values have no variables (any more). */
export interface PlainChange extends ConfigChange {
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly labels: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
}

/** The config of the result: the base's, with layers and history appended and the change applied. */
export function composeConfig(
  base: ImageConfig,
  layers: readonly NewLayer[],
  change: PlainChange,
  platform: Platform,
  createdBy: string,
  { author, created }: Pick<Authorship, 'created'> & Partial<Authorship>,
): ImageConfig {
  const maker = change.author ?? author;
  const writer = change.history?.author ?? maker;
  const by = writer === undefined ? {} : { author: writer };
  const comment = change.history?.comment;
  // The variant is the base's where the platform asks for the same processor (an arm64 v8 base stays one).
  const variant =
    platform.variant ?? (base.architecture === platform.architecture ? base.variant : undefined);
  const history: History[] = layers.map(layer => ({
    created: layer.created,
    ...by,
    created_by: layer.createdBy,
  }));
  const { variant: _, ...inherited } = base;
  return {
    ...inherited,
    created,
    ...(maker === undefined ? {} : { author: maker }),
    os: platform.os,
    architecture: platform.architecture,
    ...(variant === undefined ? {} : { variant }),
    config: changeContainer(base.config ?? {}, change),
    rootfs: layersOf(base, layers),
    history: [
      ...(base.history ?? []),
      ...history,
      {
        created,
        ...by,
        created_by: createdBy,
        ...(comment === undefined ? {} : { comment }),
        empty_layer: true,
      },
    ],
  };
}

/** The config of the same image with other layers on its base. */
export function withLayers(config: ImageConfig, base: ImageConfig, layers: readonly NewLayer[]): ImageConfig {
  const [author, closing] = [config.author, config.history?.at(-1)];
  const history = layers.map(({ created, createdBy }) => ({
    created,
    ...(author === undefined ? {} : { author }),
    created_by: createdBy,
  }));
  return {
    ...config,
    rootfs: layersOf(base, layers),
    history: [...(base.history ?? []), ...history, ...(closing ? [closing] : [])],
  };
}

function layersOf({ rootfs }: ImageConfig, layers: readonly NewLayer[]): ImageConfig['rootfs'] {
  return { type: 'layers', diff_ids: [...rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)] };
}

/** A config with a change applied: maps are merged, single values replaced. */
export function changeContainer(base: ContainerConfig, change: PlainChange): ContainerConfig {
  const environment = mergeEnvironment(base.Env ?? [], change);
  const labels = { ...base.Labels, ...change.labels };
  const ports = { ...base.ExposedPorts, ...Object.fromEntries((change.ports ?? []).map(port => [port, {}])) };
  const volumes = { ...base.Volumes, ...Object.fromEntries(change.volumes.map(path => [path, {}])) };
  return {
    ...base,
    ...(environment.length > 0 ? { Env: environment } : {}),
    ...(Object.keys(labels).length > 0 ? { Labels: sorted(labels) } : {}),
    ...(Object.keys(ports).length > 0 ? { ExposedPorts: sorted(ports) } : {}),
    ...(Object.keys(volumes).length > 0 ? { Volumes: sorted(volumes) } : {}),
    ...(change.workingDir ? { WorkingDir: change.workingDir } : {}),
    ...(change.user ? { User: change.user } : {}),
    ...(change.entrypoint === undefined ? {} : { Entrypoint: change.entrypoint }),
    ...(change.cmd === undefined ? {} : { Cmd: change.cmd }),
    ...(change.stopSignal === undefined ? {} : { StopSignal: change.stopSignal }),
  };
}

/** A name replaces the inherited variable of that name, in its place; new names follow in their order. */
function mergeEnvironment(inherited: readonly string[], change: PlainChange): string[] {
  const variables = new Map(inherited.map(entry => [nameOf(entry), entry]));
  for (const [name, value] of change.environment) variables.set(name, `${name}=${value}`);
  for (const [name, value] of change.defaultEnvironment ?? []) {
    if (!variables.has(name)) variables.set(name, `${name}=${value}`);
  }
  return [...variables.values()];
}

function nameOf(entry: string): string {
  const end = entry.indexOf('=');
  return end < 0 ? entry : entry.slice(0, end);
}

/** JSON maps keep their order, and equal images must be equal bytes. */
function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** An index of images for different platforms. */
export function composeIndex(
  images: readonly { readonly manifest: Descriptor; readonly platform: Platform }[],
): Index {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images.map(({ manifest: { mediaType, digest, size }, platform }) => ({
      mediaType,
      digest,
      size,
      platform,
    })),
  };
}

export function composeManifest(
  config: Pick<Descriptor, 'digest' | 'size'>,
  layers: readonly Descriptor[],
  annotations: Readonly<Record<string, string>>,
): Manifest {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.size },
    layers,
    ...(Object.keys(annotations).length > 0 ? { annotations: sorted(annotations) } : {}),
  };
}
