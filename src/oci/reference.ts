import { AshlarError } from '../support/errors.ts';
import { parseDigest } from './digest.ts';
import type { Digest } from './types.ts';

/** An image in a registry. At least one of tag and digest is there; the digest wins. */
export interface RegistryReference {
  readonly transport: 'docker';
  /** `host[:port]`; Docker Hub is `docker.io`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** An image in an OCI image layout. At least one of tag and digest is there; the digest wins. */
export interface LayoutReference {
  readonly transport: 'oci';
  readonly path: string;
  /** The value of `org.opencontainers.image.ref.name`. */
  readonly tag?: string;
  readonly digest?: Digest;
}

export type ImageReference = RegistryReference | LayoutReference;

// The grammar of https://github.com/distribution/reference.
const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const host = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])`;
const domain = new RegExp(`^${host}(?::[0-9]+)?$`);
const pathComponent = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryPath = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const longestName = 255;

const digestSuffix = /^(.*)@((?:sha256|sha512):[^@]*)$/s;
const otherTransport = /^(?:docker-daemon|docker-archive|oci-archive|containers-storage|ostree|sif|tarball):/;

/**
 * Reads `[docker://][host/]repository[:tag][@digest]` or `oci:path:tag`. A path ends at the first colon; everything
 * after it is the tag. Throws AshlarError.
 */
export function parseReference(text: string): ImageReference {
  if (text.startsWith('oci:')) return parseLayoutReference(text);
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? otherTransport.exec(text)?.[0];
  if (scheme !== undefined && scheme !== 'docker://') {
    throw new AshlarError(`unsupported transport ${scheme.replace(/:.*$/, '')} in image reference ${text}`, {
      hint: 'write docker://host/repository:tag or oci:directory:tag',
    });
  }
  return parseRegistryReference(text);
}

/** The text that parseReference reads back as the same reference. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return reference.transport === 'docker'
    ? `docker://${reference.registry}/${reference.repository}${tag}${digest}`
    : `oci:${reference.path}${tag}${digest}`;
}

function parseLayoutReference(text: string): LayoutReference {
  const { rest, digest } = splitDigest(text.slice('oci:'.length));
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? '' : rest.slice(colon + 1);
  if (path === '' || (colon < 0 && digest === undefined) || (colon >= 0 && tag === '')) {
    throw new AshlarError(`bad OCI tag: ${text}`, { hint: 'write oci:directory:tag' });
  }
  return { transport: 'oci', path, ...(tag === '' ? {} : { tag }), ...(digest ? { digest } : {}) };
}

function parseRegistryReference(text: string): RegistryReference {
  const bad = (why: string, hint?: string): AshlarError =>
    new AshlarError(`bad image reference ${JSON.stringify(text)}: ${why}`, { hint });

  const { rest, digest } = splitDigest(text.replace(/^docker:\/\//, ''));
  if (rest.includes('@')) throw bad('what follows "@" is not a digest');
  const { registry, remainder } = splitRegistry(rest);
  if (!domain.test(registry)) throw bad(`${JSON.stringify(registry)} is not a host name`);

  const colon = remainder.indexOf(':');
  const path = colon < 0 ? remainder : remainder.slice(0, colon);
  const tag = colon < 0 ? undefined : remainder.slice(colon + 1);
  if (path === '') throw bad('it names no repository');
  if (/[A-Z]/.test(path)) throw bad('a repository name is in lower case');
  if (!repositoryPath.test(path)) throw bad(`${JSON.stringify(path)} is not a repository name`);
  if (path.length > longestName) throw bad(`the repository name is longer than ${longestName} characters`);
  if (/^[0-9a-f]{64}$/.test(path))
    throw bad('64 hexadecimal digits are an id, not a name', 'write name@sha256:…');
  if (tag !== undefined && !tagPattern.test(tag)) throw bad(`${JSON.stringify(tag)} is not a tag`);

  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  const effectiveTag = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    transport: 'docker',
    registry,
    repository,
    ...(effectiveTag === undefined ? {} : { tag: effectiveTag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function splitDigest(text: string): { rest: string; digest?: Digest } {
  const [, rest, digest] = digestSuffix.exec(text) ?? [];
  return rest === undefined || digest === undefined ? { rest: text } : { rest, digest: parseDigest(digest) };
}

/** The first component is a host when it cannot be a part of a repository name on Docker Hub. */
function splitRegistry(text: string): { registry: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (slash < 0 || !isHost) return { registry: 'docker.io', remainder: text };
  const registry = first === 'index.docker.io' ? 'docker.io' : first;
  return { registry, remainder: text.slice(slash + 1) };
}
