/** Finished images go to the OCI layout in the order of the plan, however parallel they were built. */
import { type Descriptor, type ImageConfig, type Layout, mediaTypes, type Platform } from '../oci/index.ts';
import { composeIndex } from './config.ts';
import type { BuildContext } from './context.ts';
import { addDocument } from './documents.ts';
import type { OutputEntry } from './output-entries.ts';
import type { BuiltImage, FormedImage, LayerType } from './values.ts';

/** What a name in the output is to stand for; all of it is in the store, but for layers of others. */
interface Result {
  readonly tag: string;
  /** Of a manifest or an index. */
  readonly descriptor: Descriptor;
  readonly images: readonly FormedImage[];
}

/** Adds results to the layout: blobs are shared with the store, all names change in one write. */
async function publish(
  results: readonly Result[],
  layout: Layout,
  { store, signal }: BuildContext,
): Promise<void> {
  const layers = results.flatMap(({ images }) => images.flatMap(image => image.layers));
  await Promise.all(layers.map(layer => layer.fetch()));
  using change = await layout.change({ signal });
  for (const blob of results.flatMap(blobsOf)) await change.addFile(blob, store.blobPath(blob.digest));
  await change.setTags(results);
}

function blobsOf({ images, descriptor }: Result): readonly Descriptor[] {
  const blobs = images.flatMap(({ layers, configBlob, manifest }) => [
    ...layers.map(layer => layer.descriptor),
    configBlob,
    manifest,
  ]);
  return [...new Map([...blobs, descriptor].map(blob => [blob.digest, blob])).values()];
}

/** Whether the layout has exactly these results already, as its last but `following` ones, in this order. */
async function isCurrent(results: readonly Result[], following: number, layout: Layout): Promise<boolean> {
  const tags = await layout.tags();
  const end = tags.length - following;
  const present = tags.slice(Math.max(0, end - results.length), end);
  return (
    present.length === results.length &&
    results.every(
      ({ tag, descriptor }, i) =>
        present[i]?.tag === tag && present[i].descriptor.digest === descriptor.digest,
    ) &&
    results.flatMap(blobsOf).every(blob => layout.hasBlob(blob))
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
  readonly #entries: readonly OutputEntry[];
  /** How many of the entries are published. */
  #written = 0;
  /** The emitted images of the plan, in order, that are not published yet. */
  readonly #waiting: string[];
  readonly #finished = new Map<string, Finished>();
  #last: Promise<void> = Promise.resolve();
  #changed = false;

  /** @param emitted Names of images in the order of the plan, and `entries` all that the output is to have of them. */
  constructor(
    emitted: readonly string[],
    entries: readonly OutputEntry[],
    layout: Layout,
    context: BuildContext,
  ) {
    this.#waiting = [...emitted];
    this.#entries = entries;
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
    const complete = this.#entries
      .slice(this.#written)
      .filter(({ images }) => !images.some(name => this.#waiting.includes(name)));
    this.#written += complete.length;
    const results = await Promise.all(complete.map(entry => this.#resultOf(entry)));
    // A tag that changes goes to the end, and then those of all later images must follow it.
    const following = this.#entries.length - this.#written;
    this.#changed ||= !(await isCurrent(results, following, this.#layout));
    if (this.#changed) await publish(results, this.#layout, this.#context);
    for (const { image, forms } of ready.map(name => this.#get(name))) {
      const cached = image.cached && forms.every(({ known }) => known);
      const tags = this.#entries
        .filter(({ images }) => images.includes(image.name))
        .map(({ tag, type }) => ({ tag, manifest: formOf(forms, type).manifest }));
      this.#context.emit({ kind: 'image-finished', image: image.name, emitted: true, cached, tags });
    }
  }

  async #resultOf({ tag, type, images }: OutputEntry): Promise<Result> {
    const members = images.map(name => this.#get(name));
    const formed = members.map(({ forms }) => formOf(forms, type));
    const [only] = formed;
    if (only && formed.length === 1) return { tag, descriptor: only.manifest, images: formed };
    const index = composeIndex(
      members.map(({ image: { config }, forms }) => ({
        ...formOf(forms, type),
        platform: platformOf(config),
      })),
    );
    return { tag, descriptor: await addDocument(mediaTypes.index, index, this.#context), images: formed };
  }

  #get(name: string): Finished {
    const finished = this.#finished.get(name);
    if (!finished) throw new Error(`the image ${name} is not finished`);
    return finished;
  }
}

function formOf(forms: readonly FormedImage[], type: LayerType): FormedImage {
  const form = forms.find(candidate => candidate.type === type);
  if (!form) throw new Error(`an image without layers of the type ${type}`);
  return form;
}

function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
