/** Files that come by URL: downloaded once, kept in the store by content, fetched again when the server has another. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Digest } from '../../oci/index.ts';
import type { HttpSource } from '../../plan/types.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { type LookContext, say } from '../context.ts';
import { hashHint } from './hints.ts';
import { watched } from './transfers.ts';

export interface Download {
  /** A file of the store. */
  readonly path: string;
  readonly sha256: string;
}

/** What is remembered of a URL. */
interface Remembered {
  readonly sha256: string;
  readonly size: number;
}

/** Artifactory's header for the SHA-256 of a file; the only cheap way to learn that a file has changed. */
const CHECKSUM_HEADER = 'x-checksum-sha256';

/**
 * The file of a URL. With a hash in the description and a file of that hash in the store nothing is asked; else the
 * server is asked (HEAD) whether it has another file. @throws AshlarError when it cannot be had or has another hash.
 */
export async function download(source: HttpSource, image: string, context: LookContext): Promise<Download> {
  const { url, at } = source;
  const wanted = source.checksums?.sha256;
  const tell = (text: string) => say(context, image, 'info', text);
  const known = await recall(source, context);
  if (known && wanted !== undefined) return known;
  const headers = await credentials(url, text => say(context, image, 'debug', text));
  const announced = await announcedHash(url, headers, context);
  if (announced.kind === 'unreachable') tell(`cannot obtain file info of ${url}`);
  else if (known && announced.kind === 'silent')
    tell(`Couldn't obtain file info of ${url}, using cached copy`);
  if (known && announced.kind !== 'hash') return known;
  if (announced.kind === 'hash' && known?.sha256 === announced.sha256) {
    tell(`matched hash of ${url}, using cached copy`);
    return known;
  }
  if (announced.kind === 'hash' && wanted !== undefined && announced.sha256 !== wanted) {
    const text = `The requested hash of ${url} import is different than the actual hash: ${wanted} != ${announced.sha256}`;
    throw new AshlarError(text, { at, hint: hashHint(announced.sha256) });
  }
  tell(`downloading ${url}`);
  const { sha256, size, temporary } = await fetchFile(source, headers, image, context);
  if (wanted !== undefined) {
    tell('Checking shasum of downloaded file');
    if (sha256 !== wanted)
      throw new AshlarError(`Downloaded file hash does not match. Expected: ${wanted} Actual: ${sha256}`, {
        at,
        hint: hashHint(sha256),
      });
  } else if (announced.kind === 'hash' && announced.sha256 !== sha256) {
    say(
      context,
      image,
      'warning',
      `Downloaded file hash "${sha256}" does not match hash from HTTP header "${announced.sha256}"`,
    );
  }
  await context.store.placeBlob(`sha256:${sha256}`, temporary);
  context.store.database.remember('downloads', url, { sha256, size } satisfies Remembered);
  return { path: context.store.blobPath(`sha256:${sha256}`), sha256 };
}

/**
 * The SHA-256 of what `download` would give, without downloading anything; undefined when only a download can tell.
 */
export async function peekDownload(source: HttpSource, context: LookContext): Promise<string | undefined> {
  if (source.checksums?.sha256 !== undefined) return source.checksums.sha256;
  const known = await recall(source, context);
  const headers = await credentials(source.url, () => {});
  const announced = await announcedHash(source.url, headers, context);
  return announced.kind === 'hash' ? announced.sha256 : known?.sha256;
}

/** The verified file that was downloaded before, unless it is not the one of the hash that is asked for. */
async function recall(
  { url, checksums }: HttpSource,
  { store, options }: LookContext,
): Promise<Download | undefined> {
  if (options.noCache) return undefined;
  const known = store.database.recall('downloads', url) as Remembered | undefined;
  if (!known || (checksums?.sha256 !== undefined && known.sha256 !== checksums.sha256)) return undefined;
  const digest: Digest = `sha256:${known.sha256}`;
  return (await store.hasBlob({ digest, size: known.size }))
    ? { path: store.blobPath(digest), sha256: known.sha256 }
    : undefined;
}

type Announced =
  | { readonly kind: 'hash'; readonly sha256: string }
  | { readonly kind: 'silent' | 'unreachable' };

/** Asked once: who is offline is not to wait for that to pass, and a download that follows is tried again anyway. */
async function announcedHash(
  url: string,
  headers: Readonly<Record<string, string>>,
  { signal }: LookContext,
): Promise<Announced> {
  const { ConnectionError, request } = await import('../../support/http.ts');
  try {
    await using response = await request(url, { method: 'HEAD', headers, signal, retry: false });
    const sha256 = response.status === 200 ? response.header(CHECKSUM_HEADER)?.toLowerCase() : undefined;
    return sha256 === undefined ? { kind: 'silent' } : { kind: 'hash', sha256 };
  } catch (error) {
    // Whether that matters depends on whether the file is here already.
    if (error instanceof ConnectionError) return { kind: 'unreachable' };
    throw error;
  }
}

async function fetchFile(
  { url, at, checksums }: HttpSource,
  headers: Readonly<Record<string, string>>,
  image: string,
  context: LookContext,
): Promise<Remembered & { readonly temporary: string }> {
  const { store, signal } = context;
  const { download: get } = await import('../../support/http.ts');
  const temporary = store.temporaryPath('download');
  const hash = createHash('sha256');
  let size = 0;
  try {
    const { response, body } = await get(url, {
      headers,
      signal,
      verified: checksums !== undefined,
    });
    if (response.status !== 200) throw new AshlarError(await statusText(response.status));
    await using file = await open(temporary, 'wx', 0o644);
    const what = { image, what: 'file', name: url, from: 'network', size: response.length } as const;
    for await (const chunk of watched(body, what, context)) {
      hash.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
    }
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(`couldn't download ${url}: ${messageOf(error)}`, {
      at,
      hint: error.hint,
      cause: error.cause,
    });
  }
  return { sha256: hash.digest('hex'), size, temporary };
}

/** `404 Not Found` */
async function statusText(status: number): Promise<string> {
  const { STATUS_CODES } = await import('node:http');
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

/** What the user's auth files say for this address. */
async function credentials(url: string, debug: (text: string) => void): Promise<Record<string, string>> {
  const { credentialsForUrl } = await import('../../oci/index.ts');
  const found = await credentialsForUrl(url, key => debug(`searching creds for key "${key}"`));
  if (found) return { authorization: found.authorization };
  const { host } = new URL(url);
  debug(`credentials not found for host ${host} - reason:no entry for it continuing without creds`);
  return {};
}
