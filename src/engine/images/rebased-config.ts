/**
 * The config of an image that is put on another base: the new base's, and what the image said differently from the old
 * one. So it is what a build of the same description on the new base gives.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Annotations, ContainerConfig, Digest, History, ImageConfig } from '../../oci/index.ts';
import type { Authorship } from '../config.ts';

/** Of three images, or of one thing in them. */
export interface Three<T> {
  /** The base that the image was built on. */
  readonly old: T;
  readonly image: T;
  /** The base that it is put on. */
  readonly base: T;
}

/** The layers of the result: the new base's, the image's own, and perhaps more. */
interface Layers {
  readonly diffIds: readonly Digest[];
  /** The `created_by` of those that are more. */
  readonly createdBy: string;
}

/** Settings by setting: what the image has changed or removed of the old base stays so, all else is the new base's. */
export function rebasedConfig(
  { old, image, base }: Three<ImageConfig>,
  { diffIds, createdBy }: Layers,
  { author, created }: Authorship,
): ImageConfig {
  const { rootfs: _, history: __, variant: ___, ...own } = image;
  const { variant } = base;
  const below = layerCount(old);
  const more = diffIds.length - layerCount(base) - (layerCount(image) - below);
  const history = historyOf(image);
  return {
    ...own,
    created,
    author,
    os: base.os,
    architecture: base.architecture,
    ...(variant === undefined ? {} : { variant }),
    config: containerOf(each({ old, image, base }, ({ config }) => config ?? {})),
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: [
      ...historyOf(base),
      ...history.slice(endOfBase(history, historyOf(old), below)),
      ...Array.from({ length: more }, () => ({ created, author, created_by: createdBy })),
    ],
  };
}

function layerCount({ rootfs }: ImageConfig): number {
  return rootfs.diff_ids.length;
}

/** Annotations of manifests by the same rule, but for one that tells of an image's lowest layers: the new base's stays. */
export function rebasedAnnotations(three: Three<Annotations>, ofLowest: string): Annotations {
  const fields = each(three, annotations => new Map(Object.entries(annotations)));
  fields.old.delete(ofLowest);
  fields.image.delete(ofLowest);
  return Object.fromEntries(mergeFields(fields)) as Annotations;
}

type Fields = ReadonlyMap<string, unknown>;

/** Fields in which every key is a setting of its own. */
const MAPS = ['Labels', 'Volumes', 'ExposedPorts'];

function containerOf(three: Three<ContainerConfig>): ContainerConfig {
  const fields = each(three, config => new Map(Object.entries(config)));
  return Object.fromEntries(mergeFields(fields, mergeField));
}

/** The new base's fields in their order, then those that only the image has. */
function mergeFields(
  { old, image, base }: Three<Fields>,
  merge: (three: Three<unknown>, name: string) => unknown = mergeValue,
): Fields {
  const names = [...new Set([...base.keys(), ...image.keys()])];
  return new Map(
    names.flatMap(name => {
      const value = merge({ old: old.get(name), image: image.get(name), base: base.get(name) }, name);
      return value === undefined || value === null ? [] : [[name, value]];
    }),
  );
}

function mergeField(three: Three<unknown>, name: string): unknown {
  if (name === 'Env') {
    const list = [...mergeFields(each(three, variables)).values()];
    return list.length > 0 ? list : undefined;
  }
  if (!MAPS.includes(name)) return mergeValue(three);
  const entries = mergeFields(each(three, value => new Map(Object.entries(value ?? {}))));
  return entries.size > 0 ? Object.fromEntries(entries) : undefined;
}

function mergeValue({ old, image, base }: Three<unknown>): unknown {
  return isDeepStrictEqual(image ?? null, old ?? null) ? base : image;
}

/** The same of each. */
export function each<T, U>({ old, image, base }: Three<T>, change: (value: T) => U): Three<U> {
  return { old: change(old), image: change(image), base: change(base) };
}

/** The variables by name, in their order. */
function variables(list: unknown): Fields {
  const entries = (list ?? []) as readonly string[];
  return new Map(entries.map(entry => [entry.split('=', 1)[0] ?? '', entry]));
}

/** With an entry for every layer: some tools write none, and then every reader would count wrong. */
function historyOf({ history = [], rootfs }: ImageConfig): readonly History[] {
  const missing = rootfs.diff_ids.length - history.filter(hasLayer).length;
  return [...Array.from({ length: Math.max(0, missing) }, () => ({})), ...history];
}

/** How many entries of an image's history are those of its base. */
function endOfBase(image: readonly History[], base: readonly History[], layers: number): number {
  const begins = base.every((entry, i) => isDeepStrictEqual(entry, image[i]));
  if (begins) return base.length;
  let seen = 0;
  const end = image.findIndex(entry => hasLayer(entry) && ++seen > layers);
  return end < 0 ? image.length : end;
}

function hasLayer({ empty_layer }: History): boolean {
  return empty_layer !== true;
}
