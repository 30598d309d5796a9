/** Pulling: the reading half of distribution-spec 1.1. Its writing half is push.ts. */
import { AshlarError } from '../support/errors.ts';
import { type HttpResponse, resuming } from '../support/http.ts';
import { RegistryConnection } from './connection.ts';
import { digestOf, parseDigest, verifiedBytes, verifyBytes, verifying } from './digest.ts';
import { longestManifest, parseDocument } from './documents.ts';
import { documentKind, mediaTypes } from './mediatypes.ts';
import { formatReference, type RegistryReference } from './reference.ts';
import { pullSources } from './registries.ts';
import type { ImageStore, StoredDocument } from './store.ts';
import type { Descriptor, Digest } from './types.ts';

const accept = [
  mediaTypes.manifest,
  mediaTypes.index,
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
].join(', ');

interface PullOptions {
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether a question that the registry does not answer is asked again. Default true. */
  readonly retry?: boolean | undefined;
}

/** The image in the first place that has it: a mirror, else the registry itself. */
export async function registryStore(reference: RegistryReference, options: PullOptions): Promise<ImageStore> {
  const { connection, result: root } = await fromFirst(reference, options, fetchManifest);
  const name = formatReference(reference);
  const blob = (descriptor: Descriptor) => fetchBlob(connection, descriptor, options.signal);
  return {
    root,
    document: async ({ mediaType, digest, size }) => {
      const { bytes } = await fetchManifest(connection, { ...reference, digest });
      if (bytes.length !== size)
        throw new AshlarError(`manifest ${digest} of ${name} does not have ${size} bytes`);
      return { descriptor: { mediaType, digest, size }, bytes };
    },
    blob,
    readBlob: (descriptor, longest) => {
      if (descriptor.size > longest) {
        throw new AshlarError(`blob ${descriptor.digest} of ${name} is larger than ${longest} bytes`);
      }
      return verifiedBytes(descriptor, blob(descriptor));
    },
    localBlob: () => undefined,
  };
}

/** What the reference stands for now, by a HEAD request if the registry answers that fully. */
export async function registryDigest(reference: RegistryReference, options: PullOptions): Promise<Digest> {
  const ask = (connection: RegistryConnection) => headManifest(connection, reference, options.retry ?? true);
  return (await fromFirst(reference, options, ask)).result;
}

/** Tries the mirrors and then the registry itself, whose error counts. */
async function fromFirst<T>(
  reference: RegistryReference,
  options: PullOptions,
  ask: (connection: RegistryConnection, reference: RegistryReference) => Promise<T>,
): Promise<{ readonly connection: RegistryConnection; readonly result: T }> {
  const sources = await pullSources(reference);
  for (const [i, source] of sources.entries()) {
    const isLast = i === sources.length - 1;
    const insecure = source.insecure || (isLast && options.insecure === true);
    const connection = new RegistryConnection({ ...source, insecure }, options.signal);
    try {
      return { connection, result: await ask(connection, reference) };
    } catch (error) {
      // A mirror may lack the image or be down: that is no reason to fail.
      if (isLast || !(error instanceof AshlarError)) throw error;
    }
  }
  throw new Error('an image reference has at least one source');
}

async function fetchManifest(
  connection: RegistryConnection,
  reference: RegistryReference,
): Promise<StoredDocument> {
  await using response = await askManifest(connection, reference, 'GET');
  const bytes = await response.bytes(longestManifest);
  const name = formatReference(reference);
  const announced = reference.digest ?? announcedDigest(response);
  if (announced) verifyBytes(announced, bytes, `the manifest of ${name}`);
  const { mediaType } = parseDocument(bytes, contentType(response), `the manifest of ${name}`);
  return { descriptor: { mediaType, digest: announced ?? digestOf(bytes), size: bytes.length }, bytes };
}

async function headManifest(
  connection: RegistryConnection,
  reference: RegistryReference,
  retry: boolean,
): Promise<Digest> {
  await using response = await askManifest(connection, reference, 'HEAD', retry);
  return announcedDigest(response) ?? (await fetchManifest(connection, reference)).descriptor.digest;
}

async function askManifest(
  connection: RegistryConnection,
  reference: RegistryReference,
  method: 'GET' | 'HEAD',
  retry = true,
): Promise<HttpResponse> {
  const url = await connection.url(`manifests/${reference.digest ?? reference.tag}`);
  const response = await connection.send(url, 'pull', { method, headers: { accept }, retry });
  if (response.status === 200) return response;
  const name = formatReference(reference);
  const failure = await connection.failure(`cannot pull ${name}`, response);
  if (response.status !== 404) throw failure;
  throw new AshlarError(`manifest unknown: ${name}`, {
    cause: failure,
    hint: `registry ${connection.source.registry} has no such repository, tag or digest`,
  });
}

async function* fetchBlob(
  connection: RegistryConnection,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const url = await connection.url(`blobs/${descriptor.digest}`);
  const ask = (headers: Readonly<Record<string, string>>) => connection.send(url, 'pull', { headers });
  await using response = await ask({});
  if (response.status !== 200) {
    const failure = await connection.failure(`cannot pull blob ${descriptor.digest}`, response);
    if (!descriptor.urls?.length) throw failure;
    // Following them would let an image make us send requests anywhere (CVE-2020-15157).
    throw new AshlarError(failure.message, {
      hint: 'it is only at the addresses in "urls", which are never followed',
    });
  }
  yield* verifying(descriptor, resuming(response, ask, true, signal));
}

function announcedDigest(response: HttpResponse): Digest | undefined {
  const header = response.header('docker-content-digest');
  return header === undefined ? undefined : parseDigest(header);
}

/** The Content-Type when it names a kind of manifest; many servers say something vague instead. */
function contentType(response: HttpResponse): string | undefined {
  const type = response.header('content-type')?.replace(/;.*$/s, '').trim().toLowerCase();
  return type !== undefined && documentKind(type) ? type : undefined;
}
