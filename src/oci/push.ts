/** Pushing: the writing half of distribution-spec 1.1. Its reading half is registry.ts. */
import { AshlarError } from '../support/errors.ts';
import { ConnectionError, checkTarget, type HttpOptions, type HttpResponse } from '../support/http.ts';
import { pause } from '../support/pause.ts';
import type { Credentials } from './auth.ts';
import { RegistryConnection } from './connection.ts';
import { verifying } from './digest.ts';
import { distributableBlobs, type OpenedImage, type OpenedImages } from './image.ts';
import { inParallel } from './parallel.ts';
import { formatReference, type RegistryReference } from './reference.ts';
import { pushTarget } from './registries.ts';
import type { Descriptor } from './types.ts';

/** How an image is written; most of it is about registries. */
export interface WriteOptions {
  /** Unverified TLS or plain http for this registry. */
  readonly insecure?: boolean | undefined;
  /** Instead of what the auth files say. */
  readonly credentials?: Credentials | undefined;
  /** Another repository of the same registry that has the blob: the registry is asked to take it from there. */
  readonly mountFrom?: ((blob: Descriptor) => string | undefined) | undefined;
  /** Called for each blob of which bytes are about to be copied or sent. */
  readonly onBlob?: ((blob: Descriptor) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Uploads at a time: a few keep a line busy, many make registries answer 429. */
const parallelUploads = 4;
/** Bytes of a chunk: held in memory, and sent again when it is lost. */
const chunkSize = 8 * 1024 * 1024;
/** Bytes that a registry may want a chunk to have at least. */
const largestChunk = 256 * 1024 * 1024;
/** Failures before an upload in chunks is given up. */
const mostFailures = 6;
/** Milliseconds before an upload goes on after its first failure; doubled for each further one. */
const firstPause = 100;
/** Failures that an upload can survive: the session is lost, out of step, or the registry is busy. */
const passingStatus: ReadonlySet<number> = new Set([404, 408, 416, 429]);

/** Pushes images and the index of them. Throws AshlarError. */
export async function pushIndex(
  { descriptor, bytes, images }: OpenedImages,
  to: RegistryReference,
  options: WriteOptions,
): Promise<void> {
  const { tag: _, ...place } = to;
  for (const image of images) await pushImage(image, { ...place, digest: image.descriptor.digest }, options);
  await putManifest(await connectionTo(to, options), { descriptor, manifestBytes: bytes }, to);
}

async function connectionTo(
  to: RegistryReference,
  { insecure = false, credentials, signal }: WriteOptions,
): Promise<RegistryConnection> {
  const target = await pushTarget(to);
  return new RegistryConnection({ ...target, insecure: insecure || target.insecure }, signal, credentials);
}

/** Pushes an image: the blobs that the registry lacks, then the manifest. Throws AshlarError. */
export async function pushImage(
  image: OpenedImage,
  to: RegistryReference,
  options: WriteOptions,
): Promise<void> {
  const { mountFrom, onBlob } = options;
  if (to.digest !== undefined && to.digest !== image.descriptor.digest) {
    throw new AshlarError(`cannot push ${image.descriptor.digest} as ${formatReference(to)}`);
  }
  const connection = await connectionTo(to, options);
  const from = image.reference;
  const sibling = from.transport === 'docker' && from.registry === to.registry ? from.repository : undefined;
  if (!(await hasManifest(connection, image.descriptor))) {
    await inParallel(distributableBlobs(image.manifest), parallelUploads, blob => {
      const other = mountFrom?.(blob) ?? sibling;
      const content = () => image.blob(blob);
      return pushBlob(connection, blob, content, other === to.repository ? undefined : other, onBlob);
    });
  }
  await putManifest(connection, image, to);
}

/** A registry that has a manifest has what it refers to. */
async function hasManifest(
  connection: RegistryConnection,
  { digest, mediaType }: Descriptor,
): Promise<boolean> {
  const url = await connection.url(`manifests/${digest}`);
  const head: HttpOptions = { method: 'HEAD', headers: { accept: mediaType } };
  await using response = await connection.send(url, 'pull,push', head);
  return response.status === 200;
}

async function putManifest(
  connection: RegistryConnection,
  { descriptor, manifestBytes }: Pick<OpenedImage, 'descriptor' | 'manifestBytes'>,
  to: RegistryReference,
): Promise<void> {
  const url = await connection.url(`manifests/${to.tag ?? descriptor.digest}`);
  await using response = await connection.send(url, 'pull,push', {
    method: 'PUT',
    headers: { 'content-type': descriptor.mediaType },
    body: manifestBytes,
  });
  const name = formatReference(to);
  if (response.status !== 201)
    throw await connection.failure(`cannot push the manifest of ${name}`, response);
  const stored = response.header('docker-content-digest');
  if (stored !== undefined && stored !== descriptor.digest) {
    throw new AshlarError(`registry ${to.registry} stored ${name} as ${stored}, not as ${descriptor.digest}`);
  }
}

type Content = () => AsyncIterable<Uint8Array>;

async function pushBlob(
  connection: RegistryConnection,
  blob: Descriptor,
  content: Content,
  mountFrom: string | undefined,
  onBlob: WriteOptions['onBlob'],
): Promise<void> {
  if (await hasBlob(connection, blob)) return;
  const session = await startUpload(connection, blob, mountFrom);
  if (session === undefined) return;
  onBlob?.(blob);
  if (await putWhole(connection, session, blob, content)) return;
  await putInChunks(connection, blob, content);
}

async function hasBlob(connection: RegistryConnection, { digest }: Descriptor): Promise<boolean> {
  const url = await connection.url(`blobs/${digest}`);
  await using response = await connection.send(url, 'pull,push', { method: 'HEAD' });
  return response.status === 200;
}

interface UploadSession {
  readonly location: URL;
  /** Bytes that a chunk must have, except the last one. */
  readonly shortestChunk: number;
}

/** Undefined when the registry has taken the blob out of another repository. */
async function startUpload(
  connection: RegistryConnection,
  { digest }: Descriptor,
  mountFrom?: string,
): Promise<UploadSession | undefined> {
  const url = await connection.url('blobs/uploads/');
  if (mountFrom !== undefined) url.search = String(new URLSearchParams({ mount: digest, from: mountFrom }));
  const others = mountFrom === undefined ? [] : [mountFrom];
  const post: HttpOptions = { method: 'POST', headers: { 'content-length': '0' } };
  await using response = await connection.send(url, 'pull,push', post, others);
  if (response.status === 201 && mountFrom !== undefined) return undefined;
  if (response.status !== 202) throw await connection.failure(`cannot push blob ${digest}`, response);
  return {
    location: await uploadLocation(connection, response),
    shortestChunk: shortestChunk(connection, response),
  };
}

function shortestChunk({ source }: RegistryConnection, response: HttpResponse): number {
  const text = response.header('oci-chunk-min-length') ?? '0';
  if (/^\d+$/.test(text) && Number(text) <= largestChunk) return Number(text);
  throw new AshlarError(`registry ${source.registry} wants chunks of at least ${text} bytes`, {
    hint: `${largestChunk} bytes is the most`,
  });
}

/**
 * Sends the blob in one request. False when that did not work, and chunks are to be tried: the connection broke, or
 * the registry (or a proxy before it) does not take so much at once.
 */
async function putWhole(
  connection: RegistryConnection,
  { location }: UploadSession,
  blob: Descriptor,
  content: Content,
): Promise<boolean> {
  try {
    await using response = await connection.send(withDigest(location, blob), 'pull,push', {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) },
      body: () => verifying(blob, content()),
      // An upload session is over when its request has failed.
      retry: false,
    });
    if (response.status === 201) return true;
    if (response.status < 500 && response.status !== 413) {
      throw await connection.failure(`cannot push blob ${blob.digest}`, response);
    }
    return false;
  } catch (error) {
    if (error instanceof ConnectionError) return false;
    throw error;
  }
}

/** Sends the blob chunk by chunk; after a failure it asks how much has arrived and goes on from there. */
async function putInChunks(
  connection: RegistryConnection,
  blob: Descriptor,
  content: Content,
): Promise<void> {
  let position: Position | undefined;
  let size = chunkSize;
  for (let failures = 0; ; ) {
    if (position === undefined) {
      // Perhaps everything had arrived, and only the answer was lost.
      if (await hasBlob(connection, blob)) return;
      const session = await startUpload(connection, blob);
      if (session === undefined) return;
      size = Math.max(chunkSize, session.shortestChunk);
      position = { location: session.location, offset: 0 };
    }
    const outcome = await putRest(connection, blob, content, size, position);
    if (outcome.done) return;
    failures += 1;
    if (failures === mostFailures) throw outcome.error;
    await pause(firstPause * 2 ** (failures - 1), connection.signal);
    position = await uploadPosition(connection, outcome.location);
  }
}

interface Position {
  readonly location: URL;
  /** Bytes that the registry has. */
  readonly offset: number;
}

type Outcome =
  | { readonly done: true }
  | { readonly done: false; readonly location: URL; readonly error: AshlarError };

async function putRest(
  connection: RegistryConnection,
  blob: Descriptor,
  content: Content,
  size: number,
  start: Position,
): Promise<Outcome> {
  let { location, offset } = start;
  const attempt = async (
    options: HttpOptions,
    url: URL,
    expected: number,
  ): Promise<AshlarError | undefined> => {
    try {
      await using response = await connection.send(url, 'pull,push', { ...options, retry: false });
      if (response.status !== expected) {
        const failure = await connection.failure(`cannot push blob ${blob.digest}`, response);
        if (response.status < 500 && !passingStatus.has(response.status)) throw failure;
        return failure;
      }
      if (expected === 202) location = await uploadLocation(connection, response);
      return undefined;
    } catch (error) {
      if (error instanceof ConnectionError) return error;
      throw error;
    }
  };
  for await (const chunk of inChunks(verifying(blob, content()), size, offset)) {
    const headers = {
      'content-type': 'application/octet-stream',
      'content-range': `${offset}-${offset + chunk.length - 1}`,
    };
    const error = await attempt({ method: 'PATCH', headers, body: chunk }, location, 202);
    if (error) return { done: false, location, error };
    offset += chunk.length;
  }
  const error = await attempt(
    { method: 'PUT', headers: { 'content-length': '0' } },
    withDigest(location, blob),
    201,
  );
  return error ? { done: false, location, error } : { done: true };
}

/** How far an interrupted upload has come; undefined when the registry has forgotten it. */
async function uploadPosition(connection: RegistryConnection, location: URL): Promise<Position | undefined> {
  await using response = await connection.send(location, 'pull,push');
  if (response.status !== 204) return undefined;
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(response.header('range') ?? '')?.[1] ?? 0);
  // Registries say 0-0 for nothing at all; a single byte is sent again.
  return {
    location: await uploadLocation(connection, response, location),
    offset: last === 0 ? 0 : last + 1,
  };
}

/** Where the upload goes on. Our credentials only go there when it is the registry itself. */
async function uploadLocation(
  connection: RegistryConnection,
  response: HttpResponse,
  known?: URL,
): Promise<URL> {
  const text = response.header('location');
  if (text === undefined && known) return known;
  if (text === undefined || !URL.canParse(text, response.url.href)) {
    throw new AshlarError(`registry ${connection.source.registry} does not say where to send the blob`);
  }
  const location = new URL(text, response.url);
  const base = await connection.base();
  // Registries behind a proxy that does the encryption often believe that there is none.
  if (location.host === base.host) location.protocol = base.protocol;
  await checkTarget(base, location, 'sends the upload');
  return location;
}

/** By hand: URLSearchParams would write the registry's own parameters anew, and they may be signed. */
function withDigest(location: URL, { digest }: Descriptor): URL {
  const url = new URL(location);
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** The stream without its first `skip` bytes, in pieces of exactly `size` bytes, except the last one. */
async function* inChunks(
  source: AsyncIterable<Uint8Array>,
  size: number,
  skip: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = skip;
  let pieces: Uint8Array[] = [];
  let collected = 0;
  for await (const bytes of source) {
    let rest = bytes.subarray(Math.min(left, bytes.length));
    left -= bytes.length - rest.length;
    while (rest.length > 0) {
      const piece = rest.subarray(0, size - collected);
      rest = rest.subarray(piece.length);
      pieces.push(piece);
      collected += piece.length;
      if (collected === size) {
        yield Buffer.concat(pieces);
        pieces = [];
        collected = 0;
      }
    }
  }
  if (collected > 0) yield Buffer.concat(pieces);
}
