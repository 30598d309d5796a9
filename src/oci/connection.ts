import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AshlarError, codeOf, messageOf } from '../support/errors.ts';
import {
  ConnectionError,
  type HttpOptions,
  type HttpResponse,
  isTlsProblem,
  request,
  type TlsSettings,
} from '../support/http.ts';
import { basicAuthorization, type Credentials, registryCredentials } from './auth.ts';
import { parseObject } from './documents.ts';
import type { Source } from './registries.ts';
import { type Challenge, fetchToken, readChallenge, type Token } from './token.ts';

const longestErrorText = 300;

/**
 * The way to one repository of one registry: where its API is, who we are there, and what its errors mean. Credentials
 * are sent when the registry asks for them, and only to the registry itself and to the token server it names.
 */
export class RegistryConnection {
  readonly source: Source;
  readonly signal: AbortSignal | undefined;
  #base: Promise<URL> | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;
  #challenge: Challenge | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #certificates = new Map<string, Promise<TlsSettings>>();

  /** @param credentials Instead of what the auth files say. */
  constructor(source: Source, signal: AbortSignal | undefined, credentials?: Credentials) {
    this.source = source;
    this.signal = signal;
    if (credentials !== undefined) this.#credentials = Promise.resolve(credentials);
  }

  /** The root of the registry, by which addresses are resolved and compared. */
  base(): Promise<URL> {
    this.#base ??= this.#findBase();
    return this.#base;
  }

  /** `/v2/<repository>/<rest>`. */
  async url(rest: string): Promise<URL> {
    return new URL(`/v2/${this.source.repository}/${rest}`, await this.base());
  }

  /**
   * Sends a request with whatever authorization the registry wants.
   * @param actions What we want to do, for the token: `pull` or `pull,push`.
   * @param others Repositories that we want to pull from besides, for a mount.
   */
  async send(
    url: URL,
    actions: 'pull' | 'pull,push',
    options: HttpOptions = {},
    others: readonly string[] = [],
  ): Promise<HttpResponse> {
    const scope = [
      `repository:${this.source.repository}:${actions}`,
      ...others.map(name => `repository:${name}:pull`),
    ].join(' ');
    const base = await this.base();
    const sent = await this.#authorization(scope);
    const first = await this.#sendOnce(url, base, options, sent);
    const wantsCredentials = ({ status, url: { origin } }: HttpResponse) =>
      status === 401 && origin === base.origin;
    if (!wantsCredentials(first)) return first;

    // Nothing was sent yet, or a token that has run out.
    await first[Symbol.asyncDispose]();
    if (sent !== undefined) this.#tokens.delete(scope);
    this.#challenge = await readChallenge(first.header('www-authenticate') ?? '', base);
    const authorization = await this.#authorization(scope);
    if (authorization === undefined) throw this.#refused(await this.#readCredentials());
    const second = await this.#sendOnce(url, base, options, authorization);
    if (!wantsCredentials(second)) return second;
    await second[Symbol.asyncDispose]();
    throw this.#refused(await this.#readCredentials());
  }

  /** The error for an answer that is not what was asked for, with the registry's own words. Disposes of the answer. */
  async failure(what: string, response: HttpResponse): Promise<AshlarError> {
    const said = await errorText(response);
    return new AshlarError(`${what}: registry ${this.source.registry} answers ${said}`, {
      hint: response.status === 403 ? 'the credentials in use do not allow this' : undefined,
    });
  }

  async #sendOnce(
    url: URL,
    base: URL,
    options: HttpOptions,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const isHome = url.origin === base.origin;
    const authorized = authorization !== undefined && isHome ? { authorization } : {};
    try {
      return await request(url, {
        ...options,
        headers: { ...options.headers, ...authorized },
        signal: this.signal,
        tls: to => this.#tls(to, base),
      });
    } catch (error) {
      if (!isHome || !isTlsProblem(error)) throw error;
      throw new ConnectionError(messageOf(error), {
        cause: error,
        hint: `${error instanceof AshlarError && error.hint ? `${error.hint}; ` : ''}set insecure: true (publish: --skip-tls) if this registry has no certificate that can be verified, or no encryption`,
      });
    }
  }

  /** The header that answers the registry's last challenge, if there was one and we have what it takes. */
  async #authorization(scope: string): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const base = await this.base();
    const credentials = await this.#readCredentials();
    if (challenge.scheme === 'basic') {
      return credentials?.kind === 'password' ? basicAuthorization(credentials) : undefined;
    }
    const pending = this.#tokens.get(scope);
    if (pending) {
      const known = await pending;
      if (known.expires > Date.now()) return known.authorization;
    }
    const reach = { signal: this.signal, tls: (to: URL) => this.#tls(to, base) };
    const token = fetchToken(challenge, scope, credentials, reach, () => this.#refused(credentials));
    this.#tokens.set(scope, token);
    // Who waits for this token gets the error; who comes later tries again.
    token.catch(() => this.#tokens.delete(scope));
    return (await token).authorization;
  }

  #readCredentials(): Promise<Credentials | undefined> {
    this.#credentials ??= registryCredentials(this.source.registry, this.source.repository);
    return this.#credentials;
  }

  #refused(credentials: Credentials | undefined): AshlarError {
    const { registry, repository } = this.source;
    return credentials
      ? new AshlarError(`registry ${registry} refuses the credentials from ${credentials.from}`, {
          hint: `check them, or log in again, for example with "podman login ${registry}"`,
        })
      : new AshlarError(`registry ${registry} wants credentials for ${repository}, and none were found`, {
          hint: `check the name, or log in, for example with "podman login ${registry}"`,
        });
  }

  /** What holds for the registry itself holds for no other host; only installed certificates go by host. */
  async #tls(to: URL, base: URL): Promise<TlsSettings> {
    const isHome = to.origin === base.origin;
    const host = isHome ? this.source.registry : to.host;
    const certificates = this.#certificates.get(host) ?? hostCertificates(host);
    this.#certificates.set(host, certificates);
    return isHome && this.source.insecure ? { ...(await certificates), insecure: true } : certificates;
  }

  async #findBase(): Promise<URL> {
    const { registry, insecure } = this.source;
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    if (!URL.canParse(`https://${host}/`))
      throw new AshlarError(`${registry} is not the address of a registry`);
    const secure = new URL(`https://${host}/`);
    if (!insecure) return secure;
    const tls = (to: URL) => this.#tls(to, secure);
    try {
      await using _ = await request(new URL('/v2/', secure), { tls, signal: this.signal, retry: false });
      return secure;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      return new URL(`http://${host}/`);
    }
  }
}

/** certs.d(5): `*.crt` are authorities, `x.cert` and `x.key` are what we show. The first directory that exists counts. */
async function hostCertificates(host: string): Promise<TlsSettings> {
  const parents = [
    join(homedir(), '.config/containers/certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  for (const parent of parents) {
    const directory = join(parent, host);
    const names = await readdir(directory).catch(error => {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw new AshlarError(`cannot read ${directory}`, { cause: error });
    });
    if (names) return readCertificates(directory, names);
  }
  return {};
}

async function readCertificates(directory: string, names: readonly string[]): Promise<TlsSettings> {
  const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
  const authorities = await Promise.all(
    names
      .filter(name => name.endsWith('.crt'))
      .sort()
      .map(read),
  );
  const [shown] = names.filter(name => name.endsWith('.cert')).sort();
  if (shown === undefined) return { authorities };
  const key = shown.replace(/cert$/, 'key');
  if (!names.includes(key)) throw new AshlarError(`${join(directory, shown)} has no ${key} beside it`);
  return { authorities, client: { certificate: await read(shown), key: await read(key) } };
}

/** The status and the messages of distribution-spec's error document, fit for a terminal. */
async function errorText(response: HttpResponse): Promise<string> {
  const status = `with status ${response.status}`;
  try {
    const json = parseObject(await response.bytes(64 * 1024), 64 * 1024, 'error');
    const errors: readonly unknown[] = Array.isArray(json.errors) ? json.errors : [];
    const messages = errors.flatMap(error =>
      typeof error === 'object' && error && 'message' in error && typeof error.message === 'string'
        ? [error.message]
        : [],
    );
    const text = messages
      .join('; ')
      .replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')
      .slice(0, longestErrorText);
    return text === '' ? status : `${JSON.stringify(text)} (${response.status})`;
  } catch {
    // A proxy's page, or nothing: the status must do.
    return status;
  }
}
