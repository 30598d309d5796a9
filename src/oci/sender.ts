import { writeImage, writeIndex } from './copy.ts';
import { distributableBlobs, type OpenedImages, openImages } from './image.ts';
import type { WriteOptions } from './push.ts';
import type { ImageReference } from './reference.ts';
import type { Descriptor } from './types.ts';

/**
 * Copies images one after another, bit by bit. What an earlier one brought to a registry is not sent there again: the
 * registry is asked to take it from the other repository.
 */
export class ImageSender {
  readonly #options: Omit<WriteOptions, 'mountFrom'>;
  /** By registry and digest, the repository that has the blob. */
  readonly #repositories = new Map<string, string>();

  constructor(options: Omit<WriteOptions, 'mountFrom'>) {
    this.#options = options;
  }

  /** An image, or an index with all its images. Throws AshlarError. */
  async send(from: ImageReference, to: ImageReference): Promise<void> {
    const opened = await openImages(from, { signal: this.#options.signal });
    if (to.transport === 'oci') return write(opened, to, this.#options);
    const key = ({ digest }: Descriptor) => `${to.registry} ${digest}`;
    const mountFrom = (blob: Descriptor) => this.#repositories.get(key(blob));
    await write(opened, to, { ...this.#options, mountFrom });
    for (const blob of opened.images.flatMap(({ manifest }) => distributableBlobs(manifest)))
      this.#repositories.set(key(blob), to.repository);
  }
}

function write(opened: OpenedImages, to: ImageReference, options: WriteOptions): Promise<void> {
  const image = opened.images.find(({ descriptor }) => descriptor.digest === opened.descriptor.digest);
  return image ? writeImage(image, to, options) : writeIndex(opened, to, options);
}
