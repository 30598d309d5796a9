/**
 * HTTP for registries and imports: retries, redirects that keep credentials at home, proxies, resumed downloads.
 * Authentication is the caller's: here, credentials are only an `authorization` header that must not travel.
 */
import { Readable } from 'node:stream';
import { type Dispatcher, request as send } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import { AshlarError, codeOf, messageOf } from './errors.ts';
import { dispatcherFor, type TlsSettings } from './http-agents.ts';
import { pause } from './pause.ts';
import { isPrivateHost } from './private-hosts.ts';

export type { TlsSettings };

export interface HttpOptions {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Asked for every address anew, so that what holds for one host is not carried to the next by a redirect. */
  readonly tls?: (url: URL) => TlsSettings | Promise<TlsSettings>;
  /** Whether the request is sent again after a failure that may pass. Default true. */
  readonly retry?: boolean;
}

/** A body that can be sent more than once. A stream needs a `content-length` header. */
export type HttpBody = string | Uint8Array | (() => AsyncIterable<Uint8Array>);

/** No answer came, or the connection broke while it came. */
export class ConnectionError extends AshlarError {
  override readonly name = 'ConnectionError';
}

const mostTries = 5;
const mostRedirects = 10;
/** Milliseconds before the second try; doubled for each further one. */
const firstPause = 200;
/** Milliseconds. A server that asks for more than this is reported instead of waited for. */
const longestPause = 60_000;
/** Milliseconds that the rest of an unwanted body may take before its connection is cut. */
const longestRest = 1_000;
/** Bytes after which a resumed download has made progress, and its failures are forgotten. */
const progress = 1024 * 1024;

const passingStatus: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const redirectStatus: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const passingErrors: ReadonlySet<string | undefined> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_SOCKET',
]);

/** An answer. Read its body to the end, or dispose of it. */
export class HttpResponse implements AsyncDisposable {
  /** The address that answered, after redirects. */
  readonly url: URL;
  readonly status: number;
  readonly #data: Dispatcher.ResponseData;

  constructor(url: URL, data: Dispatcher.ResponseData) {
    this.url = url;
    this.status = data.statusCode;
    this.#data = data;
  }

  /** A header's value, several joined by commas. */
  header(name: string): string | undefined {
    const value = this.#data.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** The `content-length`, in bytes. */
  get length(): number | undefined {
    const text = this.header('content-length');
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  }

  /** Throws ConnectionError when it breaks off. */
  async *body(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of this.#data.body) yield chunk;
    } catch (error) {
      throw asConnectionError(error, this.url);
    }
  }

  /** The whole body, for small documents. Throws AshlarError when it has more than `longest` bytes. */
  async bytes(longest: number): Promise<Uint8Array> {
    const tooLong = () =>
      new AshlarError(`the answer of ${printable(this.url)} is larger than ${longest} bytes`);
    if ((this.length ?? 0) > longest) {
      await this[Symbol.asyncDispose]();
      throw tooLong();
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.body()) {
      size += chunk.length;
      if (size > longest) throw tooLong();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Gives the connection back; a short rest of the body is read, a long one is cut off. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What goes wrong in a body that nobody wants is of no interest.
    const signal = AbortSignal.timeout(longestRest);
    await this.#data.body.dump({ limit: 64 * 1024, signal }).catch(() => undefined);
  }
}

/**
 * Sends a request and returns whatever the server finally says; the status is the caller's to judge. GET and HEAD
 * follow redirects: without credentials to another origin, never from https to http, never from a public host into
 * a private network. Throws ConnectionError when nobody answers, and the signal's reason when it is aborted.
 */
export async function request(address: string | URL, options: HttpOptions = {}): Promise<HttpResponse> {
  const start = new URL(address);
  let url = start;
  let headers = options.headers ?? {};
  for (let redirects = 0; ; redirects += 1) {
    const response = await withRetries(url, { ...options, headers });
    const target = redirectTarget(response, options);
    if (target === undefined) return response;
    await response[Symbol.asyncDispose]();
    if (redirects === mostRedirects)
      throw new AshlarError(`${printable(start)} redirects more than ${mostRedirects} times`);
    await checkTarget(url, target, 'redirects');
    if (target.origin !== url.origin) headers = withoutCredentials(headers);
    url = target;
  }
}

/**
 * Like `request` with GET, but the body goes on with range requests when the connection breaks while it is read.
 * @param verified The caller checks the content, so that a server that cannot say whether its file has changed in
 * between may be asked for the rest nevertheless.
 */
export async function download(
  address: string | URL,
  options: HttpOptions & { readonly verified?: boolean } = {},
): Promise<{ readonly response: HttpResponse; readonly body: AsyncIterable<Uint8Array> }> {
  const response = await request(address, options);
  const again = (range: Readonly<Record<string, string>>) =>
    request(address, { ...options, headers: { ...options.headers, ...range } });
  return { response, body: resuming(response, again, options.verified ?? false, options.signal) };
}

/**
 * The body of a response with status 200. When it breaks off, the rest is asked for by `again`, which sends the
 * request once more with these further headers.
 */
export async function* resuming(
  first: HttpResponse,
  again: (range: Readonly<Record<string, string>>) => Promise<HttpResponse>,
  verified: boolean,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const validator = strongValidator(first);
  let response = first;
  let received = 0;
  let skip = 0;
  for (let failures = 0, resumedAt = 0; ; ) {
    try {
      for await (const chunk of response.body()) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        received += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      return;
    } catch (error) {
      failures = received - resumedAt >= progress ? 1 : failures + 1;
      const canResume = first.status === 200 && (verified || validator !== undefined);
      if (!(error instanceof ConnectionError) || !canResume || failures >= mostTries) throw error;
    }
    await pause(pauseBefore(failures), signal);
    resumedAt = received;
    const ifRange = validator === undefined ? undefined : { 'if-range': validator };
    response = await again({ range: `bytes=${received}-`, ...ifRange });
    skip = await bytesToSkip(response, received, verified);
  }
}

/** How much of the answer to a range request we already have. */
async function bytesToSkip(response: HttpResponse, received: number, verified: boolean): Promise<number> {
  const start = /^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1];
  if (response.status === 206 && start !== undefined && Number(start) === received) return 0;
  // The whole file again: the server knows no ranges, or the file has changed, which a verifier will notice.
  if (response.status === 200 && verified) return received;
  await response[Symbol.asyncDispose]();
  throw new AshlarError(`the download of ${printable(response.url)} broke off and cannot be resumed`, {
    hint: response.status === 200 ? 'the file changed while it was downloaded: try again' : undefined,
  });
}

function strongValidator(response: HttpResponse): string | undefined {
  const etag = response.header('etag');
  return etag?.startsWith('"') ? etag : undefined;
}

/**
 * Throws AshlarError unless a server at `from` may send us to `to`: not from https down to http, and not from a public
 * host into a private network.
 * @param verb What the server does, for the message.
 */
export async function checkTarget(from: URL, to: URL, verb: string): Promise<void> {
  const refuse = (why: string) =>
    new AshlarError(`${from.host} ${verb} to ${printable(to)}: refused, because ${why}`);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse('that is no web address');
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refuse('that is not encrypted');
  if (to.host === from.host) return;
  if ((await isPrivateHost(to)) && !(await isPrivateHost(from))) throw refuse('that is in a private network');
}

/** A URL as it may be shown: no password, no signature in the query. */
export function printable({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function redirectTarget(response: HttpResponse, { method = 'GET' }: HttpOptions): URL | undefined {
  const location = response.header('location');
  const follows = (method === 'GET' || method === 'HEAD') && redirectStatus.has(response.status);
  if (!follows || location === undefined) return undefined;
  if (!URL.canParse(location, response.url.href)) {
    throw new AshlarError(`${printable(response.url)} redirects to something that is not an address`);
  }
  return new URL(location, response.url);
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { authorization: _, cookie: __, ...rest } = headers;
  return rest;
}

async function withRetries(url: URL, options: HttpOptions): Promise<HttpResponse> {
  const tries = options.retry === false ? 1 : mostTries;
  for (let tried = 1; ; tried += 1) {
    let wait = pauseBefore(tried);
    try {
      const response = await once(url, options);
      if (!passingStatus.has(response.status) || tried === tries) return response;
      wait = Math.max(wait, retryAfter(response));
      if (wait > longestPause) return response;
      await response[Symbol.asyncDispose]();
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof ConnectionError) || tried === tries || !mayPass(error.cause)) throw error;
    }
    await pause(wait, options.signal);
  }
}

async function once(url: URL, options: HttpOptions): Promise<HttpResponse> {
  const { method = 'GET', body, signal } = options;
  const tls = (await options.tls?.(url)) ?? {};
  const dispatcher = dispatcherFor(url, tls);
  try {
    const data = await send(url, {
      method,
      dispatcher,
      headers: {
        'user-agent': `ashlar/${packageJson.version}`,
        // Content is addressed by the digest of its bytes: nobody may encode it on the way.
        'accept-encoding': 'identity',
        ...options.headers,
      },
      body: (typeof body === 'function' ? Readable.from(body(), { objectMode: false }) : body) ?? null,
      signal: signal ?? null,
    });
    return new HttpResponse(url, data);
  } catch (error) {
    signal?.throwIfAborted();
    throw asConnectionError(error, url);
  }
}

/** Errors of the network become ConnectionError; everything else (a bug, an error of our own body) stays. */
function asConnectionError(error: unknown, url: URL): unknown {
  const code = codeOf(error);
  if (error instanceof AshlarError || code === undefined || code === 'UND_ERR_INVALID_ARG') return error;
  if (error instanceof Error && error.name === 'AbortError') return error;
  return new ConnectionError(`cannot reach ${url.host}: ${reason(error, code)}`, {
    cause: error,
    hint: cure(code, url),
  });
}

function reason(error: unknown, code: string): string {
  switch (code) {
    case 'ENOTFOUND':
      return 'no such host';
    case 'EAI_AGAIN':
      return 'the name server does not answer';
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'ETIMEDOUT':
      return 'it does not answer in time';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'the connection broke';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'it does not speak https';
    default:
      if (isCertificateProblem(code)) return `its certificate cannot be verified (${code})`;
      return messageOf(error).split('\n', 1)[0] ?? code;
  }
}

function cure(code: string, { hostname, port, protocol }: URL): string | undefined {
  switch (code) {
    case 'ENOTFOUND':
      return `check the spelling of ${hostname}, and the name servers in /etc/resolv.conf`;
    case 'EAI_AGAIN':
      return 'check the network of this machine, and the name servers in /etc/resolv.conf';
    case 'ECONNREFUSED':
      return `nothing listens on port ${port || (protocol === 'https:' ? 443 : 80)} of ${hostname}: check the address, and that the server runs`;
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'check the network of this machine; where only a proxy leads out, set https_proxy and http_proxy';
    default:
      return isCertificateProblem(code)
        ? 'if its authority is one of your own, name the file with its certificate in SSL_CERT_FILE'
        : undefined;
  }
}

function isCertificateProblem(code: string): boolean {
  return /^(?:ERR_TLS_CERT|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)/.test(code);
}

/** Whether the connection failed because the server has no encryption, or none that can be trusted. */
export function isTlsProblem(error: unknown): boolean {
  const code = error instanceof ConnectionError ? (codeOf(error.cause) ?? '') : '';
  return isCertificateProblem(code) || code.startsWith('ERR_SSL') || code === 'EPROTO';
}

function mayPass(error: unknown): boolean {
  return passingErrors.has(codeOf(error));
}

/** Milliseconds: exponential, with jitter so that many clients do not come back at the same moment. */
function pauseBefore(tried: number): number {
  return firstPause * 2 ** (tried - 1) * (0.5 + Math.random() / 2);
}

/** Milliseconds, from `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3). */
function retryAfter(response: HttpResponse): number {
  const text = response.header('retry-after') ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : date - Date.now();
}
