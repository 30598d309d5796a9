/** Images as people name them in descriptions, and what every image has that says nothing else. */
import { resolve } from 'node:path';
import { parseReference } from '../oci/index.ts';
import type { ImageBase } from '../plan/types.ts';
import { AshlarError, type SourceSpan } from '../support/errors.ts';

/** What an image that says nothing about it gets as `PATH`. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `http` of `http://…`, in lower case; undefined for a path of the host. */
export function schemeOf(path: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(path)?.[1]?.toLowerCase();
}

/**
 * An image for a reference as skopeo writes it: `docker://…`, `oci:directory:tag` (the directory relative to `cwd`) or
 * `docker-daemon:name:tag`. Throws AshlarError.
 */
export function readReference(url: string, insecure: boolean, at: SourceSpan, cwd: string): ImageBase {
  if (url.startsWith('docker://')) return imageBase(url, insecure, at);
  if (url.startsWith('oci:')) return layoutBase(url.slice('oci:'.length), insecure, at, cwd);
  if (url.startsWith('docker-daemon:')) return daemonBase(url, insecure, at);
  const hint = schemeOf(url) === undefined ? `did you mean "docker://${url}"?` : undefined;
  throw new AshlarError(`unknown image source type: ${url}`, { at, hint });
}

/** An image that a docker daemon keeps; as everywhere, no tag means latest. */
function daemonBase(url: string, insecure: boolean, at: SourceSpan): ImageBase {
  if (!/^docker-daemon:[^\s:@]/.test(url))
    throw new AshlarError(`no image is named in ${url}`, { at, hint: 'write docker-daemon:name:tag' });
  const reference =
    /:[^/]+$/.test(url.slice('docker-daemon:'.length)) || url.includes('@') ? url : `${url}:latest`;
  return { kind: 'image', reference, insecure, at };
}

/** The image in an OCI layout for `directory:tag`, split at the first colon. Throws AshlarError. */
export function layoutBase(url: string, insecure: boolean, at: SourceSpan, cwd: string): ImageBase {
  const colon = url.indexOf(':');
  if (colon < 1 || colon === url.length - 1) {
    throw new AshlarError(`bad OCI tag: ${url}`, { at, hint: 'write it as directory:tag' });
  }
  const directory = resolve(cwd, url.slice(0, colon));
  if (directory.includes(':')) {
    throw new AshlarError(`the path of an OCI layout cannot contain ':': ${directory}`, { at });
  }
  return imageBase(`oci:${directory}:${url.slice(colon + 1)}`, insecure, at);
}

/** The image of a reference that is complete. Throws AshlarError. */
export function imageBase(reference: string, insecure: boolean, at: SourceSpan): ImageBase {
  try {
    parseReference(reference);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(error.message, { at, hint: error.hint });
  }
  return { kind: 'image', reference, insecure, at };
}
