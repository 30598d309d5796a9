/** What of a plan may be something else tomorrow, whatever it was made from. */
import { parseReference } from '../oci/index.ts';
import { basesOf, foreignImagesOf } from '../plan/bases.ts';
import type { ImagePlan, Source } from '../plan/types.ts';
import type { SourceSpan } from '../support/errors.ts';

export interface Remark {
  readonly message: string;
  readonly at?: SourceSpan;
  readonly hint?: string;
}

/** Everything that is copied into an image, seen by its scripts, or unpacked as its base. */
export function sourcesOf(image: Pick<ImagePlan, 'base' | 'imports' | 'steps'>): Source[] {
  const { imports, steps } = image;
  return [
    ...basesOf(image).flatMap(base => (base.kind === 'tar' ? [base.source] : [])),
    ...imports.map(({ source }) => source),
    ...steps.flatMap(step => (step.kind === 'copy' ? step.items.map(({ source }) => source) : [])),
  ];
}

/** @param key What the description calls a SHA-256. */
export function* unpinnedDownloads(images: readonly ImagePlan[], key: string): Iterable<Remark> {
  for (const source of images.flatMap(sourcesOf)) {
    if (source.kind !== 'http' || source.checksums !== undefined) continue;
    yield {
      message: `${source.url} is downloaded without a hash`,
      at: source.at,
      hint: `add "${key}" with its SHA-256, so that what is built stays the same`,
    };
  }
}

export function* floatingBases(images: readonly ImagePlan[]): Iterable<Remark> {
  for (const { reference, at } of images.flatMap(foreignImagesOf)) {
    if (reference.startsWith('docker-daemon:')) continue;
    const { transport, tag, digest } = parseReference(reference);
    if (transport !== 'docker' || digest !== undefined || (tag ?? 'latest') !== 'latest') continue;
    yield {
      message: `${reference} may be another image tomorrow`,
      at,
      hint: 'name a version or a digest',
    };
  }
}
