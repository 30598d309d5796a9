/** The strict way to put images on a base: text is merged three-way, every other difference is an error. */
import { type ByteString, IMPLIED_DIRECTORY, toText } from '../layers/index.ts';
import { type Objection, objectionsTo, timeObjection } from './apply-rules.ts';
import { ContentReader, sha256Of } from './content-reader.ts';
import { contentType, isTextContent } from './content-type.ts';
import { correctionsOf } from './corrections.ts';
import type { ApplyDecision, LayerFiles } from './decision.ts';
import { sameContent } from './entries.ts';
import type { LayerView } from './layer-view.ts';
import { highestAbove } from './paths.ts';
import { isDirectory, Pile, type Present, type State } from './pile.ts';
import { readLayers } from './reading.ts';
import { mergeText } from './text-merge.ts';
import type { Conflict, StackLayer } from './types.ts';
import { isBarrier, isGranted, keepParents, type Want, wantOf } from './wants.ts';

/** An image that is applied, with all its layers, bottom to top. */
export interface AppliedImage {
  /** As the user knows it: for messages. */
  readonly name: string;
  readonly layers: readonly StackLayer[];
}

export interface ApplyOptions {
  /** Whether times must agree, too, where nothing can be merged. */
  readonly considerTimes: boolean;
}

/**
 * What applying the images, in their order, to the base (bottom to top) gives. An image's change of what the base
 * has, and nobody else has changed, is no conflict.
 * Throws what reading contents and files throws; conflicts are in the decision.
 */
export async function decideApply(
  base: readonly StackLayer[],
  images: readonly AppliedImage[],
  options: ApplyOptions,
  files: LayerFiles,
): Promise<ApplyDecision> {
  const there = new Set(base.map(({ id }) => id));
  const added = new Set(images.flatMap(({ layers }) => layers.map(({ id }) => id))).difference(there);
  if (added.size === 0) return { layers: [], corrections: [], conflicts: [] };
  const views = await readLayers([...base, ...images.flatMap(({ layers }) => layers)]);
  const site = new Site(base, views, options, new ContentReader(files));
  for (const image of images) await site.apply(image);
  return { layers: [...added], ...site.outcome() };
}

/** An image at the moment in which it is applied. */
interface Arrival {
  readonly name: string;
  /** The image's own tree. */
  readonly tree: Pile;
  /** Those of its layers that were not there yet. */
  readonly fresh: ReadonlySet<LayerView>;
  readonly upper: Pile;
  /** What those were made on, as far as it was there. */
  readonly ground: Pile;
  /** What there was to be before it, where images have named a path. */
  readonly before: ReadonlyMap<ByteString, Want>;
  /** The highest directory above a path that is none any more. */
  readonly barrierAbove: (path: ByteString) => ByteString | undefined;
}

/** The tree that images are applied to, one after the other. */
class Site {
  readonly #views: ReadonlyMap<string, LayerView>;
  readonly #options: ApplyOptions;
  readonly #reader: ContentReader;
  readonly #original: Pile;
  /** Base and applied layers. */
  #tree: Pile;
  /** Every path that an applied image has named, and what is to be there. */
  readonly #wants = new Map<ByteString, Want>();
  readonly #conflicts = new Map<string, Conflict>();
  /** Files that the image at hand has edited as others have. */
  readonly #edits: (() => Promise<void>)[] = [];
  /** Who brought a layer, or has merged a path. */
  readonly #owners = new Map<LayerView, string>();
  readonly #mergedBy = new Map<ByteString, string>();

  constructor(
    base: readonly StackLayer[],
    views: ReadonlyMap<string, LayerView>,
    options: ApplyOptions,
    reader: ContentReader,
  ) {
    this.#views = views;
    this.#options = options;
    this.#reader = reader;
    this.#original = new Pile(this.#viewsOf(base));
    this.#tree = this.#original;
    for (const layer of this.#original.layers) this.#owners.set(layer, 'the base');
  }

  async apply({ name, layers }: AppliedImage): Promise<void> {
    const tree = new Pile(this.#viewsOf(layers));
    const fresh = new Set(tree.layers.filter(layer => !this.#owners.has(layer)));
    const ground = new Pile(tree.layers.filter(layer => !fresh.has(layer)));
    for (const layer of fresh) this.#owners.set(layer, name);
    const upper = new Pile([...fresh]);
    const before = new Map(this.#wants);
    const barrierAbove = highestAbove(path => isBarrier(this.#wants.get(path)));
    const arrival = { name, tree, fresh, upper, ground, before, barrierAbove };
    const named = new Set([...this.#wants.keys(), ...[...fresh].flatMap(layer => [...layer.paths()])]);
    for (const path of [...named].toSorted()) this.#settle(path, arrival);
    // All at once, so that each layer is read once.
    await Promise.all(this.#edits.splice(0).map(merge => merge()));
    this.#tree = new Pile([...this.#tree.layers, ...fresh]);
  }

  outcome(): Pick<ApplyDecision, 'corrections' | 'conflicts'> {
    if (this.#conflicts.size > 0)
      return { corrections: [], conflicts: [...this.#conflicts.values()].toSorted(byPath) };
    keepParents(this.#wants, path => this.#tree.state(path));
    return { corrections: correctionsOf(this.#wants, this.#tree), conflicts: [] };
  }

  #viewsOf(layers: readonly StackLayer[]): LayerView[] {
    return layers.flatMap(({ id }) => this.#views.get(id) ?? []);
  }

  /** Decides what is at the path after the image. */
  #settle(path: ByteString, arrival: Arrival): void {
    // Every layer has the root, whatever it is about.
    if (path === '') return;
    const existing = this.#wants.get(path) ?? wantOf(this.#tree.state(path));
    const state = arrival.tree.state(path);
    if (state.kind === 'unsaid') return;
    // What was removed before may be removed again, with whatever somebody has put there since.
    const covered = state.kind === 'removed' && arrival.upper.state(path).kind === 'removed';
    if (covered || arrival.fresh.has(state.owner))
      this.#wants.set(path, this.#change(path, existing, state, arrival));
    else {
      // What the image only repeats it has no opinion about.
      if (state.kind === 'present' && arrival.fresh.has(state.source)) {
        this.#compareTimes(path, existing, state, arrival);
      }
      this.#wants.set(path, existing);
    }
  }

  #change(path: ByteString, existing: Want, state: Said, arrival: Arrival): Want {
    const ground = arrival.ground.state(path);
    // Where nobody has touched what the image was made on, its change is a change like any other.
    const untouched = ground.kind !== 'unsaid' && isGranted(existing, ground);
    const original = this.#original.state(path);
    if (state.kind === 'removed') {
      if (!untouched && !isGranted(existing, original)) this.#objectToRemoval(path, existing, state, arrival);
      return wantOf(state);
    }
    if (this.#isBlocked(path, state, arrival)) return existing;
    if (untouched) return wantOf(state);
    if (existing.kind === 'absent') {
      const earlier = [ground, original].find(known => known.kind === 'present');
      // To describe a directory that was there without is no change of it.
      if (isDirectory(state) && earlier?.implied) return existing;
      if (earlier) this.#objectToRemoval(path, existing, state, arrival);
      return wantOf(state);
    }
    if (state.implied && existing.entry.type === 'directory') return existing;
    return this.#meet(path, existing, state, arrival);
  }

  /** Something comes where something else is that the image does not know. */
  #meet(path: ByteString, existing: WantedEntry, state: Present, arrival: Arrival): Want {
    const { entry } = state;
    const meeting = {
      ...{ path: textOf(path), existing: existing.entry, added: entry },
      linked: this.#isLinked(path, existing, entry.linkedTo, arrival),
    };
    const objections = objectionsTo(meeting);
    for (const objection of objections) this.#object(path, objection, existing, state, arrival);
    this.#compareTimes(path, existing, state, arrival);
    if (existing.entry.type === 'file' && entry.type === 'file' && !sameContent(existing.entry, entry)) {
      this.#edits.push(() => this.#mergeFile(path, existing, state, arrival));
    }
    return wantOf(state);
  }

  async #mergeFile(path: ByteString, existing: WantedEntry, state: Present, arrival: Arrival): Promise<void> {
    const [original, current, edited] = await Promise.all([
      this.#ancestor(path, arrival),
      existing.kind === 'made' ? existing.content : this.#read(path, existing),
      this.#read(path, state),
    ]);
    const isText = [original, current, edited].every(isTextContent);
    const merge = isText ? await mergeText(original, current, edited) : undefined;
    if (merge?.kind === 'merged') {
      const owners = [this.#ownerOf(path, existing), arrival.name];
      this.#mergedBy.set(path, owners.join(' and '));
      const { linkedTo: _, ...entry } = state.entry;
      const { content } = merge;
      const made = { ...entry, size: content.length, sha256: sha256Of(content) };
      this.#wants.set(path, { kind: 'made', entry: made, content, merger: 'text' });
      return;
    }
    const text =
      merge?.kind === 'colliding'
        ? `couldn't merge ${textOf(path)}, specifically hunk:\n${merge.hunks.join('\n')}\n`
        : `existing file different, can't diff ${textOf(path)} of type ${contentType(edited)}`;
    this.#object(path, { kind: 'content', text }, existing, state, arrival);
  }

  /** What both edits began with: empty where there was nothing. */
  async #ancestor(path: ByteString, { ground }: Arrival): Promise<Uint8Array> {
    const known = [ground.state(path), this.#original.state(path)].find(({ kind }) => kind === 'present');
    const isFile = known?.kind === 'present' && known.entry.type === 'file';
    return isFile ? this.#read(path, known) : new Uint8Array();
  }

  #read(path: ByteString, { entry, source }: Pick<Present, 'entry'> & { source: LayerView | undefined }) {
    return this.#reader.read(source?.id ?? '', path, entry);
  }

  /** Whether two names that are one file in the image are one file here. */
  #isLinked(path: ByteString, existing: Want, name: ByteString | undefined, { before }: Arrival): boolean {
    if (name === undefined || existing.kind !== 'taken' || !existing.source) return false;
    const other = before.get(name) ?? wantOf(this.#tree.state(name));
    const here = other.kind === 'taken' && other.source === existing.source;
    return here && existing.source.linkedNames(path).includes(name);
  }

  /** Whether the way to the path leads through what somebody else has made of a directory. */
  #isBlocked(path: ByteString, state: Present, arrival: Arrival): boolean {
    const at = arrival.barrierAbove(path);
    if (at === undefined) return false;
    const existing = this.#wants.get(at);
    if (existing !== undefined && existing.kind !== 'absent') {
      const meeting = { path: textOf(at), existing: existing.entry, added: IMPLIED_DIRECTORY, linked: false };
      for (const objection of objectionsTo(meeting)) this.#object(at, objection, existing, state, arrival);
    }
    return true;
  }

  #compareTimes(path: ByteString, existing: Want, state: Present, arrival: Arrival): void {
    if (!this.#options.considerTimes || existing.kind === 'absent' || state.implied) return;
    const meeting = { path: textOf(path), existing: existing.entry, added: state.entry };
    const objection = timeObjection(meeting);
    if (objection) this.#object(path, objection, existing, state, arrival);
  }

  #objectToRemoval(path: ByteString, existing: Want, state: Said, arrival: Arrival): void {
    const text =
      state.kind === 'removed'
        ? `apply can't remove ${textOf(path)}, which has been changed`
        : `apply can't change ${textOf(path)}, which has been removed`;
    this.#object(path, { kind: 'removed', text }, existing, state, arrival);
  }

  #object(path: ByteString, { kind, text }: Objection, existing: Want, state: Said, { name }: Arrival): void {
    const owner = this.#ownerOf(path, existing);
    const layer = state.kind === 'present' ? state.source : state.owner;
    const between = `(${owner}, and ${name}, layer ${shortened(layer)})`;
    this.#conflicts.set(text, {
      ...{ kind, path: textOf(path), parts: [owner, name] },
      text: text.endsWith('\n') ? `${text}${between}` : `${text} ${between}`,
    });
  }

  /** In words: who has given the path what it has now. */
  #ownerOf(path: ByteString, existing: Want): string {
    const state = this.#tree.state(path);
    if (existing.kind === 'made') return this.#mergedBy.get(path) ?? 'a merge';
    const removed = state.kind === 'removed' ? state.owner : undefined;
    const layer = existing.kind === 'taken' ? existing.source : removed;
    const owner = layer && this.#owners.get(layer);
    return layer && owner ? `${owner}, layer ${shortened(layer)}` : 'the base';
  }
}

type Said = Exclude<State, { kind: 'unsaid' }>;
type WantedEntry = Exclude<Want, { kind: 'absent' }>;

function byPath(a: Conflict, b: Conflict): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function textOf(path: ByteString): string {
  return `/${toText(path)}`;
}

/** As much of a layer's id as tells it apart: `sha256:0123456789ab`. */
function shortened({ id }: LayerView): string {
  return id.slice(0, 'sha256:'.length + 12);
}
