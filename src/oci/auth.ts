/**
 * Credentials from the files that podman, skopeo and docker write (containers-auth.json(5)) and from the helpers that
 * these files name. No error here shows the content of such a file.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AshlarError, codeOf } from '../support/errors.ts';
import { findProgram, runProgram } from '../support/process.ts';

export type Credentials = {
  /** The file, and the helper if one was asked: for messages. */
  readonly from: string;
} & (
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** To be traded for an access token at the registry's token server. */
  | { readonly kind: 'identity'; readonly token: string }
);

/** What we read of an auth file. */
interface AuthFile {
  readonly path: string;
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: unknown;
}

/** The credentials for a repository: the longest matching `host/namespace/...` of the first file that has one. */
export async function registryCredentials(
  registry: string,
  repository: string,
): Promise<Credentials | undefined> {
  return findCredentials(registry, keysFor(`${registry}/${repository}`));
}

/**
 * The `authorization` header for a download: the longest match of `host:port/path`, else of `host/path`, among the same
 * files; `onKey` hears of every key that is looked for. Undefined when there is none, or only an identity token, which no web server
 * understands.
 */
export async function credentialsForUrl(
  url: string | URL,
  onKey: (key: string) => void = () => {},
): Promise<{ readonly authorization: string; readonly from: string } | undefined> {
  const { host, hostname, pathname } = new URL(url);
  // Unlike for registries, entries for a host are for all its ports: stacker has it so.
  const places = new Set([`${host}${pathname}`, `${hostname}${pathname}`]);
  const found = await findCredentials(host, [...places].flatMap(keysFor), onKey);
  return found?.kind === 'password'
    ? { authorization: basicAuthorization(found), from: found.from }
    : undefined;
}

export function basicAuthorization({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function findCredentials(
  host: string,
  keys: readonly string[],
  onKey: (key: string) => void = () => {},
): Promise<Credentials | undefined> {
  for (const file of authFiles()) {
    const content = await readAuthFile(file);
    const found = content && (await credentialsInFile(content, host, keys, onKey));
    if (found) return found;
  }
  return undefined;
}

async function credentialsInFile(
  file: AuthFile,
  host: string,
  keys: readonly string[],
  onKey: (key: string) => void,
): Promise<Credentials | undefined> {
  const helperKey = keys.find(key => typeof file.credHelpers[key] === 'string');
  if (helperKey !== undefined) {
    return askHelper(String(file.credHelpers[helperKey]), serverName(helperKey), file.path);
  }
  const entries = new Map(Object.entries(file.auths).map(([key, entry]) => [normalKey(key), entry]));
  for (const key of keys) {
    onKey(key);
    const found = readEntry(entries.get(key), key, file.path);
    if (found) return found;
  }
  if (typeof file.credsStore === 'string' && file.credsStore !== '') {
    return askHelper(file.credsStore, serverName(host), file.path);
  }
  return undefined;
}

/** `h/a/b`, `h/a`, `h`. */
function keysFor(path: string): readonly string[] {
  const parts = path.split('/').filter(part => part !== '');
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('/'));
}

/** Old files have addresses (`https://index.docker.io/v1/`) where newer ones have names (`docker.io/library`). */
function normalKey(key: string): string {
  const address = /^https?:\/\/([^/]+)/.exec(key)?.[1];
  const name = address ?? key.replace(/\/+$/, '');
  return name === 'index.docker.io' || name.startsWith('index.docker.io/')
    ? name.slice('index.'.length)
    : name;
}

/** Docker's helpers store Docker Hub's credentials under its old address. */
function serverName(key: string): string {
  return key === 'docker.io' ? 'https://index.docker.io/v1/' : key;
}

function readEntry(entry: unknown, key: string, path: string): Credentials | undefined {
  if (!isObject(entry)) return undefined;
  const { auth, identitytoken, username, password } = entry;
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return { kind: 'identity', token: identitytoken, from: path };
  }
  if (typeof username === 'string' && typeof password === 'string' && username !== '') {
    return { kind: 'password', username, password, from: path };
  }
  // With a credsStore, docker leaves empty entries behind.
  if (typeof auth !== 'string' || auth === '') return undefined;
  const decoded = Buffer.from(auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  if (colon < 0) throw new AshlarError(`${path}: the entry for ${key} is not base64 of name:password`);
  // Some docker versions pad the password with NUL.
  const secret = decoded.slice(colon + 1).replace(/\0+$/, '');
  return { kind: 'password', username: decoded.slice(0, colon), password: secret, from: path };
}

/** The protocol of https://github.com/docker/docker-credential-helpers. */
async function askHelper(name: string, server: string, path: string): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    throw new AshlarError(`${path}: bad name of a credential helper: ${name}`);
  const program = findProgram(`docker-credential-${name}`);
  if (program === undefined) {
    throw new AshlarError(
      `${path} names the credential helper docker-credential-${name}, which is not installed`,
    );
  }
  const { status, stdout } = await runProgram(program, ['get'], { input: server });
  if (status === 0) return readHelperAnswer(stdout, program, path);
  if (stdout.includes('credentials not found')) return undefined;
  throw new AshlarError(`${program}, which ${path} names, failed for ${server} with status ${status}`);
}

function readHelperAnswer(output: string, program: string, path: string): Credentials | undefined {
  const answer = parseSecretJson(output, `the answer of ${program}`);
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new AshlarError(`the answer of ${program} has no Username and Secret`);
  }
  const from = `${program} (${path})`;
  if (username === '<token>') return { kind: 'identity', token: secret, from };
  return username === '' && secret === ''
    ? undefined
    : { kind: 'password', username, password: secret, from };
}

/** Where podman keeps runtime files of users that have no runtime directory of their own. */
const SHARED_RUNTIME = '/run/containers';

/** The places where podman and docker look, first one first; `$REGISTRY_AUTH_FILE` stands for all of them. */
function authFiles(): readonly string[] {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG } = process.env;
  if (REGISTRY_AUTH_FILE) return [REGISTRY_AUTH_FILE];
  const runtime = XDG_RUNTIME_DIR || `${SHARED_RUNTIME}/${process.getuid?.() ?? 0}`;
  return [
    XDG_RUNTIME_DIR ? join(runtime, 'containers/auth.json') : join(runtime, 'auth.json'),
    join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'containers/auth.json'),
    join(DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json'),
    join(homedir(), '.dockercfg'),
  ];
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
    // Where root uses podman this directory is root's alone: nothing in there can be meant for us.
    if (codeOf(cause) === 'EACCES' && path.startsWith(SHARED_RUNTIME)) return undefined;
    throw new AshlarError(`cannot read the credentials in ${path}`, { cause });
  }
  if (content.trim() === '') return undefined;
  const json = parseSecretJson(content, path);
  // ~/.dockercfg is the map of the entries alone.
  const legacy = path.endsWith('.dockercfg');
  return {
    path,
    auths: legacy ? json : asMap(json.auths),
    credHelpers: legacy ? {} : asMap(json.credHelpers),
    credsStore: legacy ? undefined : json.credsStore,
  };
}

/** The parser's own message would show a piece of the text, so it is left out. */
function parseSecretJson(content: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new AshlarError(`${what} is not JSON`);
  }
  if (!isObject(value)) throw new AshlarError(`${what} is not a JSON object`);
  return value;
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
