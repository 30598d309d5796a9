/**
 * Several layers as one: what is known from their contents (directories, links, devices, what is removed) first, then
 * the files in the order in which the layers have them. Each blob is read once and streams through.
 */

import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';
import type { ContentsEntry, LayerContents } from './contents.ts';
import { decodeContents } from './contents-bytes.ts';
import { copyContent } from './copy-content.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import type { Flow } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard } from './limits.ts';
import type { MergedEntry } from './merge-contents.ts';
import { NeedsMore, type Survey, Surveyor } from './overlay-form.ts';
import { type NewEntry, packEntries } from './pack-entries.ts';
import type { LayerTar } from './read-contents.ts';
import { earlier } from './scan.ts';
import { type Squashed, squashedEntries } from './squash.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import type { TarWriter } from './tar-writer.ts';
import { LayerTree, NO_GROUND, pathOf } from './tree.ts';

export interface SquashJob {
  readonly kind: 'squash';
  /** Bottom to top, with what they say as bytes. */
  readonly layers: readonly (LayerTar & { readonly contents: Uint8Array })[];
  /** What `squashLayers` has found. */
  readonly squashed: Pick<Squashed, 'removed' | 'opaque' | 'omitted' | 'described'>;
  /** Canonical paths; neither they nor what lies below them become part of the layer. */
  readonly without: readonly ByteString[];
  /** Whether each layer is read once before, to know how it ends: where entries replace others of their layer. */
  readonly surveyed?: boolean;
}

/** The blobs as they come in, each followed by an empty chunk; one that is surveyed comes twice. */
export async function* squashInput({ layers, surveyed = false }: SquashJob): AsyncGenerator<Buffer> {
  for (const { blob: path, compression } of layers) {
    for (let left = surveyed ? 2 : 1; left > 0; left--) {
      using blob = new BlobFile(path);
      const guard = new ExpansionGuard(DEFAULT_LIMITS, compression === 'none' ? undefined : blob.size);
      for await (const chunk of layerBytes(blob, compression, guard)) if (chunk.length > 0) yield chunk;
      yield END;
    }
  }
}

const END = Buffer.alloc(0);

/**
 * Writes the entries; times later than `latest` are set back to it. Throws NeedsMore when the layers have to be
 * surveyed.
 */
export function* packSquash(job: SquashJob, writer: TarWriter, latest: bigint): Flow<void> {
  const contents = job.layers.map(layer => decodeContents(layer.contents));
  const entries = squashedEntries(contents, job.squashed, job.without);
  const { plain, files } = sortOut(entries, contents);
  const { removed, opaque } = job.squashed;
  const others: NewEntry[] = [
    ...removed.map(path => ({ kind: 'removed', path }) as const),
    ...opaque.map(path => ({ kind: 'opaque', path }) as const),
  ];
  yield* packEntries({ kind: 'entries', entries: [...plain, ...others] }, writer, latest);
  for (const [i, wanted] of files.entries()) {
    let survey: Survey | undefined;
    if (job.surveyed) {
      const surveyor = new Surveyor(DEFAULT_LIMITS);
      yield* untilEnd(readTar(entry => void surveyor.visit(entry)));
      survey = surveyor.finish();
    }
    const reader = new FileReader(wanted, contents[i], survey, writer, latest);
    yield* untilEnd(readTar((entry, content) => reader.visit(entry, content)));
    reader.finish();
  }
}

/** Runs a flow on the chunks up to the next empty one. */
function* untilEnd(flow: Flow<void>): Flow<void> {
  let ended = false;
  let step = flow.next();
  while (!step.done) {
    if (step.value !== 'more') {
      yield step.value;
      step = flow.next();
      continue;
    }
    const chunk: Buffer | undefined = ended ? undefined : yield 'more';
    ended = chunk === undefined || chunk.length === 0;
    step = flow.next(ended ? undefined : chunk);
  }
  while (!ended) {
    const chunk: Buffer | undefined = yield 'more';
    ended = chunk === undefined || chunk.length === 0;
  }
}

/** Names of a file that has bytes; the first of them as its layer knows it. */
type Names = Map<ByteString, ByteString[]>;

interface SortedOut {
  readonly plain: readonly NewEntry[];
  /** For each layer the files that are taken out of it, by the first of their names in that layer. */
  readonly files: readonly Names[];
}

function sortOut(
  entries: ReadonlyMap<ByteString, MergedEntry>,
  contents: readonly LayerContents[],
): SortedOut {
  const plain: NewEntry[] = [];
  const files: Names[] = contents.map(() => new Map());
  /** The first name that is left of things of several names, by layer and first name. */
  const firsts = new Map<string, ByteString>();
  for (const [path, { entry, layer }] of entries) {
    const first = entry.linkedTo ?? path;
    const names = entry.type === 'file' && entry.size > 0 ? files[layer] : undefined;
    if (names !== undefined) {
      const known = names.get(first);
      if (known) known.push(path);
      else names.set(first, [path]);
      continue;
    }
    const { linkedTo: _, ...own } = entry;
    const left = entry.type === 'directory' ? undefined : firsts.get(`${layer} ${first}`);
    plain.push({ kind: 'entry', path, entry: left === undefined ? own : { ...own, linkedTo: left } });
    if (left === undefined) firsts.set(`${layer} ${first}`, path);
  }
  return { plain, files };
}

/** Takes the files that are wanted out of one layer. */
class FileReader {
  readonly #wanted: Names;
  readonly #entries: ReadonlyMap<ByteString, ContentsEntry>;
  readonly #survey: Survey | undefined;
  readonly #writer: TarWriter;
  readonly #latest: bigint;
  readonly #tree: LayerTree;
  #ordinal = 0;

  constructor(
    wanted: Names,
    contents: LayerContents | undefined,
    survey: Survey | undefined,
    writer: TarWriter,
    latest: bigint,
  ) {
    this.#wanted = wanted;
    this.#entries = contents?.entries ?? new Map();
    this.#survey = survey;
    this.#writer = writer;
    this.#latest = latest;
    const isReplaced = () => {
      throw new NeedsMore();
    };
    const ground = { ...NO_GROUND, removeFile: isReplaced, removeDirectory: isReplaced };
    this.#tree = new LayerTree(ground, DEFAULT_LIMITS);
  }

  visit(entry: TarEntry, content: Content): Flow<void> | undefined {
    this.#ordinal++;
    const path = this.#survey ? this.#survey.paths.get(this.#ordinal)?.[0] : this.#placed(entry);
    if (path === undefined || entry.type !== 'file') return undefined;
    const first = this.#entries.get(path)?.linkedTo ?? path;
    const names = this.#wanted.get(first);
    if (names === undefined) return undefined;
    this.#wanted.delete(first);
    return this.#write(names, entry, content);
  }

  /** Throws an AshlarError when something was not there. */
  finish(): void {
    for (const [path] of this.#wanted)
      throw new AshlarError(`the layer does not hold the file ${quote(`/${path}`)}`);
  }

  #placed(entry: TarEntry): ByteString | undefined {
    const placement = this.#tree.place(entry);
    return placement.kind === 'other' ? pathOf(placement.place) : undefined;
  }

  *#write([path = '', ...links]: readonly ByteString[], entry: TarEntry, content: Content): Flow<void> {
    const { mode, uid, gid, size } = entry;
    const mtime = earlier(entry.mtime, this.#latest);
    const known = this.#entries.get(path);
    if (known?.size !== size) throw new AshlarError(`the file ${quote(`/${path}`)} is not as its layer says`);
    const common = { mode, uid, gid, mtime, major: 0, minor: 0 };
    const { xattrs } = known;
    yield* this.#writer.begin({ ...common, path, type: 'file', size, link: '', xattrs });
    yield* copyContent(this.#writer, content, size);
    for (const link of links)
      yield* this.#writer.begin({ ...common, path: link, type: 'hardlink', size: 0, link: path, xattrs: [] });
  }
}
