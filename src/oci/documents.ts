/**
 * Reads manifests, indexes and configs. They come from strangers: every field that is used later is checked here, and
 * a document that two programs could understand differently is refused (CVE-2021-41190).
 */
import { AshlarError, messageOf } from '../support/errors.ts';
import { parseDigest } from './digest.ts';
import { type DocumentKind, documentKind } from './mediatypes.ts';
import type {
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

/** Bytes. The distribution specification asks registries for 4 MiB at least; nothing sensible is larger. */
export const longestManifest = 4 * 1024 * 1024;
/** Bytes. */
export const longestConfig = 8 * 1024 * 1024;
/** More than any overlay mount takes (500 lower directories). */
const mostLayers = 1024;
/** Far above any real index of platforms; keeps a hostile one from costing time. */
const mostManifests = 10_000;

export type Document =
  | { readonly kind: 'manifest'; readonly manifest: Manifest; readonly mediaType: string }
  | { readonly kind: 'index'; readonly index: Index; readonly mediaType: string };

/**
 * A manifest or index.
 * @param mediaType What the descriptor or the Content-Type says, if it says anything.
 * @param what Names the document in errors.
 */
export function parseDocument(bytes: Uint8Array, mediaType: string | undefined, what: string): Document {
  const json = parseObject(bytes, longestManifest, what);
  const embedded = optional(json, 'mediaType', asString, what);
  const isManifest = 'layers' in json || 'config' in json;
  const isIndex = 'manifests' in json;
  if (isManifest && isIndex) throw new AshlarError(`${what} is both a manifest and an index`);
  if ('fsLayers' in json || json.schemaVersion === 1) {
    throw new AshlarError(`${what} is in docker's schema 1, which is no longer supported`, {
      hint: 'push the image again with a current tool',
    });
  }
  if (json.schemaVersion !== 2) throw new AshlarError(`${what} does not have schemaVersion 2`);
  if (!isManifest && !isIndex) throw new AshlarError(`${what} is neither a manifest nor an index`);
  const kind: DocumentKind = isManifest ? 'manifest' : 'index';

  // A type that names no document (text/plain, application/json) says nothing about the content.
  const announced = mediaType !== undefined && documentKind(mediaType) ? mediaType : undefined;
  if (announced !== undefined && embedded !== undefined && announced !== embedded) {
    throw new AshlarError(`${what} was announced as ${announced} but says that it is ${embedded}`);
  }
  const effective = announced ?? embedded ?? `application/vnd.oci.image.${kind}.v1+json`;
  if (documentKind(effective) !== kind) {
    throw new AshlarError(
      `${what} was announced as ${effective} but is a${kind === 'index' ? 'n' : ''} ${kind}`,
    );
  }
  return kind === 'manifest'
    ? { kind, manifest: readManifest(json, what), mediaType: effective }
    : { kind, index: readIndex(json, what), mediaType: effective };
}

/** An index; for index.json of a layout too. */
export function parseIndex(bytes: Uint8Array, what: string): Index {
  const document = parseDocument(bytes, undefined, what);
  if (document.kind !== 'index') throw new AshlarError(`${what} is not an index`);
  return document.index;
}

/** The config of a container image. Fields that we do not know are kept. */
export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  const json = parseObject(bytes, longestConfig, what);
  const rootfs = required(json, 'rootfs', asObject, what);
  if (rootfs.type !== 'layers') throw new AshlarError(`${what}: rootfs.type is not "layers"`);
  const diffIds = optional(rootfs, 'diff_ids', asArray, what) ?? [];
  const config = optional(json, 'config', asObject, what);
  const history = optional(json, 'history', asArray, what);
  return {
    ...withoutNulls(json),
    architecture: required(json, 'architecture', asString, what),
    os: required(json, 'os', asString, what),
    ...part(json, 'variant', asString, what),
    ...part(json, 'created', asString, what),
    ...part(json, 'author', asString, what),
    rootfs: { type: 'layers', diff_ids: diffIds.map(id => asDigest(id, `${what}: diff_ids`)) },
    ...(config ? { config: readContainerConfig(config, what) } : {}),
    ...(history ? { history: history.map(entry => readHistory(entry, `${what}: history`)) } : {}),
  };
}

/** The canonical bytes of a document that we make: compact JSON in the order of its keys. */
export function documentBytes(document: Manifest | Index | ImageConfig): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

function readManifest(json: JsonObject, what: string): Manifest {
  // Go programs write an empty list as null.
  const layers = optional(json, 'layers', asArray, what) ?? [];
  if (layers.length > mostLayers)
    throw new AshlarError(`${what} has ${layers.length} layers; ${mostLayers} is the most`);
  return {
    schemaVersion: 2,
    ...part(json, 'mediaType', asString, what),
    ...part(json, 'artifactType', asString, what),
    config: required(json, 'config', asDescriptor, what),
    layers: layers.map((layer, i) => asDescriptor(layer, `${what}: layer ${i + 1}`)),
    ...part(json, 'subject', asDescriptor, what),
    ...part(json, 'annotations', asStringMap, what),
  };
}

function readIndex(json: JsonObject, what: string): Index {
  const manifests = optional(json, 'manifests', asArray, what) ?? [];
  if (manifests.length > mostManifests)
    throw new AshlarError(`${what} has more than ${mostManifests} entries`);
  return {
    schemaVersion: 2,
    ...part(json, 'mediaType', asString, what),
    ...part(json, 'artifactType', asString, what),
    manifests: manifests.map((entry, i) => asDescriptor(entry, `${what}: entry ${i + 1}`)),
    ...part(json, 'subject', asDescriptor, what),
    ...part(json, 'annotations', asStringMap, what),
  };
}

function readContainerConfig(json: JsonObject, what: string): ContainerConfig {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, ...unknown } =
    json;
  const known = { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal };
  return {
    ...withoutNulls(unknown),
    ...part(known, 'User', asString, what),
    ...part(known, 'ExposedPorts', asObjectMap, what),
    ...part(known, 'Env', asStrings, what),
    ...part(known, 'Entrypoint', asStrings, what),
    ...part(known, 'Cmd', asStrings, what),
    ...part(known, 'Volumes', asObjectMap, what),
    ...part(known, 'WorkingDir', asString, what),
    ...part(known, 'Labels', asStringMap, what),
    ...part(known, 'StopSignal', asString, what),
  };
}

function readHistory(value: unknown, what: string): History {
  const json = asObject(value, what);
  return {
    ...withoutNulls(json),
    ...part(json, 'created', asString, what),
    ...part(json, 'author', asString, what),
    ...part(json, 'created_by', asString, what),
    ...part(json, 'comment', asString, what),
    ...part(json, 'empty_layer', asBoolean, what),
  };
}

function asDescriptor(value: unknown, what: string): Descriptor {
  const json = asObject(value, what);
  const size = json.size;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new AshlarError(`${what}: "size" is not a number of bytes`);
  }
  return {
    mediaType: required(json, 'mediaType', asString, what),
    digest: required(json, 'digest', asDigest, what),
    size,
    ...part(json, 'annotations', asStringMap, what),
    ...part(json, 'platform', asPlatform, what),
    ...part(json, 'urls', asStrings, what),
    ...part(json, 'artifactType', asString, what),
  };
}

function asPlatform(value: unknown, what: string): Platform {
  const json = asObject(value, what);
  return {
    ...withoutNulls(json),
    os: required(json, 'os', asString, what),
    architecture: required(json, 'architecture', asString, what),
    ...part(json, 'variant', asString, what),
  };
}

// Small readers of JSON values. A null counts as absent: Go programs write it for what is empty.

type JsonObject = Readonly<Record<string, unknown>>;
type Reader<T> = (value: unknown, what: string) => T;

export function parseObject(bytes: Uint8Array, longest: number, what: string): JsonObject {
  if (bytes.length > longest) throw new AshlarError(`${what} is larger than ${longest} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AshlarError(`${what} is not JSON: ${messageOf(cause)}`, { cause });
  }
  return asObject(value, what);
}

function optional<T>(json: JsonObject, key: string, read: Reader<T>, what: string): T | undefined {
  const value = json[key];
  return value === undefined || value === null ? undefined : read(value, `${what}: ${JSON.stringify(key)}`);
}

function required<T>(json: JsonObject, key: string, read: Reader<T>, what: string): T {
  const value = optional(json, key, read, what);
  if (value === undefined) throw new AshlarError(`${what}: ${JSON.stringify(key)} is missing`);
  return value;
}

/** `{ key: value }`, or `{}` when the value is absent: to be spread into an object. */
function part<K extends string, T>(
  json: JsonObject,
  key: K,
  read: Reader<T>,
  what: string,
): { [P in K]?: T } {
  const value = optional(json, key, read, what);
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: T });
}

function withoutNulls(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AshlarError(`${what} is not an object`);
  return value as JsonObject;
}

function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new AshlarError(`${what} is not a list`);
  return value;
}

function asString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new AshlarError(`${what} is not a string`);
  return value;
}

function asBoolean(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw new AshlarError(`${what} is neither true nor false`);
  return value;
}

function asDigest(value: unknown, what: string): Digest {
  return parseDigest(asString(value, what));
}

function asStrings(value: unknown, what: string): readonly string[] {
  return asArray(value, what).map(item => asString(item, what));
}

function asStringMap(value: unknown, what: string): Annotations {
  return Object.fromEntries(Object.entries(asObject(value, what)).map(([k, v]) => [k, asString(v, what)]));
}

function asObjectMap(value: unknown, what: string): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(asObject(value, what)).map(([k, v]) => [k, asObject(v, what)]));
}
