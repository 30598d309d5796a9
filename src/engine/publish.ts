/** Finished images go to the OCI layout in the order of the plan, however parallel they were built. */
import type { Descriptor, Layout } from '../oci/index.ts';
import type { BuildContext } from './context.ts';
import type { BuiltImage, FormedImage } from './values.ts';

/** Adds images to the layout: blobs are shared with the store, the tags of all of them change in one write. */
async function publish(
  images: readonly FormedImage[],
  layout: Layout,
  { store, signal }: BuildContext,
): Promise<void> {
  await Promise.all(images.flatMap(image => image.layers.map(layer => layer.fetch())));
  using change = await layout.change({ signal });
  for (const blob of images.flatMap(blobsOf)) await change.addFile(blob, store.blobPath(blob.digest));
  await change.setTags(images.map(({ tag, manifest }) => ({ tag, descriptor: manifest })));
}

function blobsOf({ layers, configBlob, manifest }: FormedImage): readonly Descriptor[] {
  return [...layers.map(layer => layer.descriptor), configBlob, manifest];
}

/** Whether the layout has exactly these images already, as its last but `following` ones, in this order. */
async function isCurrent(
  images: readonly FormedImage[],
  following: number,
  layout: Layout,
): Promise<boolean> {
  const tags = await layout.tags();
  const end = tags.length - following;
  const present = tags.slice(Math.max(0, end - images.length), end);
  return (
    present.length === images.length &&
    images.every(
      (image, i) => present[i]?.tag === image.tag && present[i].descriptor.digest === image.manifest.digest,
    ) &&
    images.flatMap(blobsOf).every(blob => layout.hasBlob(blob))
  );
}

/** An image that waits for those before it. */
interface Finished {
  readonly image: BuiltImage;
  readonly forms: readonly FormedImage[];
}

/**
 * Publishes images as they come, in the order of the plan: one waits until all before it are there, and what has come
 * meanwhile goes out together.
 */
export class Publisher {
  readonly #layout: Layout;
  readonly #context: BuildContext;
  /** The emitted images of the plan, in order, that are not published yet. */
  readonly #waiting: string[];
  readonly #finished = new Map<string, Finished>();
  #last: Promise<void> = Promise.resolve();
  #changed = false;

  constructor(emitted: readonly string[], layout: Layout, context: BuildContext) {
    this.#waiting = [...emitted];
    this.#layout = layout;
    this.#context = context;
  }

  /** Whether the layout is another one than before. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Resolves when everything that could go out has gone out. */
  add(image: BuiltImage, forms: readonly FormedImage[]): Promise<void> {
    this.#finished.set(image.name, { image, forms });
    this.#last = this.#last.then(() => this.#publishReady());
    return this.#last;
  }

  async #publishReady(): Promise<void> {
    const end = this.#waiting.findIndex(name => !this.#finished.has(name));
    const ready = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
    if (ready.length === 0) return;
    const images = ready.flatMap(name => this.#finished.get(name) ?? []);
    const forms = images.flatMap(image => image.forms);
    const { types } = this.#context.options.forms;
    // A tag that changes goes to the end, and then those of all later images must follow it.
    this.#changed ||= !(await isCurrent(forms, this.#waiting.length * types.length, this.#layout));
    if (this.#changed) await publish(forms, this.#layout, this.#context);
    for (const { image, forms: written } of images) {
      const cached = image.cached && written.every(({ known }) => known);
      const tags = written.map(({ tag, manifest }) => ({ tag, manifest }));
      this.#context.emit({ kind: 'image-finished', image: image.name, emitted: true, cached, tags });
    }
  }
}
