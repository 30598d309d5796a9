/** Images that a descriptor names by reference. */
import { formatReference, parseReference } from '../../../oci/index.ts';
import type { ImageBase } from '../../../plan/types.ts';
import { imageBase, readReference } from '../../references.ts';
import { locked } from '../lock.ts';
import type { Located } from '../model.ts';
import type { CekitOptions } from '../options.ts';

/**
 * The image of a reference as podman and docker have it (`fedora:40`), or as skopeo writes it (`docker://…`,
 * `oci:directory:tag`, `docker-daemon:…`), at the digest that the lock has for it. Only registries of this machine may
 * do without TLS.
 * Throws AshlarError for what is no reference, or not in the lock.
 */
export function referencedImage(
  { text, at }: Located,
  { cwd, lock }: Pick<CekitOptions, 'cwd' | 'lock'>,
): ImageBase {
  const complete = /^(?:docker:\/\/|oci:|docker-daemon:)/.test(text) ? text : `docker://${text}`;
  const base = readReference(complete, false, at, cwd);
  // A daemon knows images by ids of its own.
  if (base.reference.startsWith('docker-daemon:')) return base;
  const { tag, digest, ...image } = parseReference(base.reference);
  const insecure = image.transport === 'docker' && isThisMachine(image.registry);
  if (!lock) {
    const tagged = { ...image, ...(tag === undefined ? {} : { tag }), ...(digest ? { digest } : {}) };
    return imageBase(formatReference(tagged), insecure, at);
  }
  const pinned = locked(lock.images, text, `digest for ${text}`, at);
  return imageBase(`${formatReference(image)}@${pinned}`, insecure, at);
}

function isThisMachine(registry: string): boolean {
  const host = registry.replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
