/** The challenges of registries and the tokens that answer them (https://distribution.github.io/distribution/spec/auth/). */
import { AshlarError } from '../support/errors.ts';
import { checkTarget, type HttpOptions, type HttpResponse, printable, request } from '../support/http.ts';
import { basicAuthorization, type Credentials } from './auth.ts';
import { parseObject } from './documents.ts';

export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined };

export interface Token {
  readonly authorization: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** How to reach a token server; the registry decides about TLS. */
type Reach = Pick<HttpOptions, 'tls' | 'signal'>;

const longestAnswer = 1024 * 1024;
/** Seconds that a token lives when its server does not say. */
const defaultLife = 60;

/**
 * What a `WWW-Authenticate` header asks for; Bearer before Basic. Undefined when it is neither. Throws AshlarError
 * for a realm that the registry must not send us to: the password goes there (CVE-2019-10214).
 */
export async function readChallenge(header: string, registry: URL): Promise<Challenge | undefined> {
  const challenges = parseChallenges(header);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters;
  if (bearer) {
    const realm = bearer.get('realm') ?? '';
    if (!URL.canParse(realm)) throw new AshlarError(`registry ${registry.host} names no token server`);
    const url = new URL(realm);
    await checkTarget(registry, url, 'sends us for a token');
    return { scheme: 'bearer', realm: url, service: bearer.get('service') };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

/**
 * Asks the realm of a challenge for a token.
 * @param scope Scopes separated by blanks, such as `repository:library/alpine:pull`.
 * @param refuse Makes the error for credentials that the server does not accept.
 */
export async function fetchToken(
  { realm, service }: Extract<Challenge, { scheme: 'bearer' }>,
  scope: string,
  credentials: Credentials | undefined,
  reach: Reach,
  refuse: () => AshlarError,
): Promise<Token> {
  await using response =
    credentials?.kind === 'identity'
      ? await refresh(realm, service, scope, credentials.token, reach)
      : await ask(realm, service, scope, credentials, reach);
  if (response.status === 401 || response.status === 403 || (response.status === 400 && credentials))
    throw refuse();
  if (response.status !== 200) {
    throw new AshlarError(`token server ${printable(realm)} answers with status ${response.status}`);
  }
  return readToken(await response.bytes(longestAnswer), `the answer of token server ${realm.host}`);
}

function ask(
  realm: URL,
  service: string | undefined,
  scope: string,
  credentials: Extract<Credentials, { kind: 'password' }> | undefined,
  reach: Reach,
): Promise<HttpResponse> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.append('service', service);
  for (const one of scope.split(' ')) url.searchParams.append('scope', one);
  if (!credentials) return request(url, reach);
  url.searchParams.append('account', credentials.username);
  return request(url, { ...reach, headers: { authorization: basicAuthorization(credentials) } });
}

/** OAuth2: trades the identity token of `docker login` for an access token. */
function refresh(
  realm: URL,
  service: string | undefined,
  scope: string,
  token: string,
  reach: Reach,
): Promise<HttpResponse> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'ashlar',
    scope,
    refresh_token: token,
  });
  if (service !== undefined) form.append('service', service);
  return request(realm, {
    ...reach,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
}

function readToken(bytes: Uint8Array, what: string): Token {
  const json = parseObject(bytes, longestAnswer, what);
  const token = json.token ?? json.access_token;
  // It becomes a header: no line breaks, nothing outside of ASCII.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw new AshlarError(`${what} has no token`);
  const life = typeof json.expires_in === 'number' ? json.expires_in : defaultLife;
  // A tenth less, so that it does not run out on the way.
  return { authorization: `Bearer ${token}`, expires: Date.now() + life * 900 };
}

interface RawChallenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const challengePart = /\s*,?\s*([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/y;

/** RFC 9110 section 11.6.1: `scheme key="value", key=value, scheme ...`. */
export function parseChallenges(header: string): readonly RawChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  challengePart.lastIndex = 0;
  for (let match = challengePart.exec(header); match; match = challengePart.exec(header)) {
    const [, name = '', quoted, plain] = match;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return challenges;
}
