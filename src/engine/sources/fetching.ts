/** Asks servers for files and texts: with credentials of the user, certificates checked unless that is switched off. */

import { AshlarError, messageOf } from '../../support/errors.ts';
import type { HttpOptions, HttpResponse } from '../../support/http.ts';
import { type BuildOptions, type LookContext, say } from '../context.ts';

/** What it takes to ask a server. */
export interface FetchContext extends Pick<LookContext, 'emit' | 'signal'> {
  readonly options: Pick<BuildOptions, 'fetch'>;
}

/**
 * How a server is asked for this address. Credentials go to its host alone. `debug` hears where they are from.
 * @throws AshlarError for what is no address.
 */
export async function askingFor(
  url: string,
  { options, signal }: FetchContext,
  debug: (text: string) => void,
): Promise<HttpOptions & { readonly headers: Readonly<Record<string, string>> }> {
  if (!URL.canParse(url)) throw new AshlarError(`"${url}" is not an address`);
  const { insecure = false } = options.fetch ?? {};
  const headers = await credentials(url, options.fetch?.credentials ?? {}, debug);
  return { headers, signal, ...(insecure && { tls: () => ({ insecure }) }) };
}

async function credentials(
  url: string,
  own: Readonly<Record<string, string>>,
  debug: (text: string) => void,
): Promise<Readonly<Record<string, string>>> {
  const { host, hostname } = new URL(url);
  const [mine] = [host, hostname].filter(name => Object.hasOwn(own, name));
  if (mine !== undefined) {
    debug(`using the configured credentials for ${mine}`);
    return { authorization: `Basic ${Buffer.from(own[mine] ?? '').toString('base64')}` };
  }
  const { credentialsForUrl } = await import('../../oci/index.ts');
  const found = await credentialsForUrl(url, key => debug(`searching creds for key "${key}"`));
  if (found) return { authorization: found.authorization };
  debug(`credentials not found for host ${host} - reason:no entry for it continuing without creds`);
  return {};
}

/** @throws AshlarError `404 Not Found` unless the server sends the file. */
export async function expectFile(response: HttpResponse): Promise<void> {
  if (response.status === 200) return;
  await response[Symbol.asyncDispose]();
  const { STATUS_CODES } = await import('node:http');
  throw new AshlarError(`${response.status} ${STATUS_CODES[response.status] ?? ''}`.trimEnd());
}

/** Runs `work`; an error of it says what could not be downloaded. */
export async function downloading<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    const { hint, cause } = error;
    throw new AshlarError(`couldn't download ${url}: ${messageOf(error)}`, { hint, cause });
  }
}

/** Bytes. */
const LONGEST_TEXT = 16 << 20;

/**
 * The text of an http or https address, at most 16 MiB of UTF-8.
 * @throws AshlarError when it cannot be had.
 */
export async function fetchText(url: string, context: FetchContext): Promise<string> {
  const { request } = await import('../../support/http.ts');
  const bytes = await downloading(url, async () => {
    const options = await askingFor(url, context, text => say(context, undefined, 'debug', text));
    const response = await request(url, options);
    await expectFile(response);
    return response.bytes(LONGEST_TEXT);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AshlarError(`${url} is not a text in UTF-8`, { cause });
  }
}
