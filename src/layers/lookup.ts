/**
 * Looks things up in the merged tree of an image without unpacking it: layers are read from the top down, each at
 * most once, and only as far down as the question needs.
 */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote, toText } from './bytes.ts';
import type { Compression } from './compression.ts';
import type { LayerContents } from './contents.ts';
import { LayerIndex } from './layer-index.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { canonicalPath, joinPath, splitLast } from './names.ts';
import type { DirectoryMetadata } from './tree-directories.ts';

export interface LayerBlob {
  /** The blob's file. */
  readonly blob: string;
  readonly compression: Compression;
  /** What an earlier look-up has learnt of the layer (see `MergedTree.learnt`): the blob is not read then. */
  readonly known?: Uint8Array | undefined;
  /** What the layer says, where that is known already: the blob is not read then. */
  readonly contents?: LayerContents | undefined;
}

export type LookedUp =
  | { readonly kind: 'directory'; readonly metadata: DirectoryMetadata }
  | { readonly kind: 'symlink'; readonly target: string }
  /** A file, device or FIFO. */
  | { readonly kind: 'other' }
  | { readonly kind: 'absent' };

export interface ResolvedPath {
  /** Absolute, without symbolic links but perhaps as the last component. */
  readonly path: string;
  readonly found: LookedUp;
  /** The directories above it that exist, from the root down. */
  readonly parents: readonly (DirectoryMetadata & { readonly path: string })[];
}

const LINKS_FOLLOWED = 40;

/** A directory that no layer describes. */
const IMPLIED: DirectoryMetadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0n, xattrs: [] };

/** Of the layers that have been read so far: trees that grow layer by layer have most of them in common. */
const INDEXES = new WeakMap<LayerBlob, Promise<LayerIndex>>();

/** The merged tree of a list of layers, bottom to top. */
export class MergedTree {
  /** Top to bottom. */
  readonly #layers: readonly LayerBlob[];

  constructor(layers: readonly LayerBlob[]) {
    this.#layers = layers.toReversed();
  }

  /** What is at an absolute path. Symbolic links are not followed, not even in the parents: see `resolve`. */
  async lookUp(path: string): Promise<LookedUp> {
    return decoded(await this.at(canonicalPath(fromText(path))));
  }

  /** The same for a canonical path, whose bytes need not be text; of a link, the target is bytes, too. */
  at(path: ByteString): Promise<LookedUp> {
    return this.#lookUp(path);
  }

  /**
   * The path with the symbolic links of its parents followed inside the tree; its last component is not followed,
   * and need not exist, and neither need its parents.
   * Throws an AshlarError for loops and for ways through what is no directory.
   */
  async resolve(path: string): Promise<ResolvedPath> {
    const rest = canonicalPath(fromText(path)).split('/').reverse();
    const parents: (DirectoryMetadata & { readonly path: string })[] = [];
    let at: ByteString = '';
    let found = await this.#lookUp(at);
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === '' || name === '.') continue;
      if (found.kind === 'other' || found.kind === 'symlink') {
        throw new AshlarError(`${quote(`/${at}`)} of the image is not a directory`);
      }
      if (name === '..') {
        at = splitLast(at).parent;
        parents.pop();
        found = await this.#lookUp(at);
        continue;
      }
      const next = joinPath(at, name);
      // Below what does not exist there is nothing to look for.
      const step: LookedUp = found.kind === 'absent' ? found : await this.#lookUp(next);
      if (step.kind === 'symlink' && rest.length > 0) {
        if (++links > LINKS_FOLLOWED)
          throw new AshlarError(`too many symbolic links in ${quote(path)} of the image`);
        rest.push(...step.target.split('/').reverse());
        if (!step.target.startsWith('/')) continue;
        at = '';
        parents.length = 0;
        found = await this.#lookUp(at);
        continue;
      }
      if (found.kind === 'directory') parents.push({ ...found.metadata, path: toText(`/${at}`) });
      at = next;
      found = step;
    }
    return { path: toText(`/${at}`), found: decoded(found), parents };
  }

  /** What is now known of a layer, for the next look-up; undefined when its blob was not read. */
  async learnt(layer: LayerBlob): Promise<Uint8Array | undefined> {
    const index = layer.known || layer.contents ? undefined : INDEXES.get(layer);
    return index && (await index).bytes();
  }

  #indexOf(layer: LayerBlob): Promise<LayerIndex> {
    const begun = INDEXES.get(layer);
    if (begun) return begun;
    const index = this.#read(layer);
    INDEXES.set(layer, index);
    return index;
  }

  async #read({ blob, compression, known, contents }: LayerBlob): Promise<LayerIndex> {
    if (contents) return LayerIndex.fromContents(contents);
    return known ? LayerIndex.fromBytes(known) : LayerIndex.read(blob, compression, DEFAULT_LIMITS);
  }

  async #lookUp(path: ByteString): Promise<LookedUp> {
    const components = path === '' ? [] : path.split('/');
    // How many of the components the layers so far have as directories, which covers whatever else is there below.
    let directories = 0;
    for (const layer of this.#layers) {
      const seen = (await this.#indexOf(layer)).see(components);
      if (seen.blocker !== undefined && seen.directories >= directories) {
        return seen.directories + 1 === components.length ? seen.blocker : { kind: 'absent' };
      }
      directories = Math.max(directories, seen.directories);
      if (seen.metadata !== undefined) return { kind: 'directory', metadata: seen.metadata };
      if (seen.hidesLower) break;
    }
    return directories === components.length ? { kind: 'directory', metadata: IMPLIED } : { kind: 'absent' };
  }
}

/** Inside, link targets are bytes. */
function decoded(found: LookedUp): LookedUp {
  return found.kind === 'symlink' ? { kind: 'symlink', target: toText(found.target) } : found;
}

/**
 * What the merged tree of the layers (bottom to top) has at each of the absolute paths, in their order.
 * Throws an AshlarError when a layer is damaged or hostile.
 */
export async function lookupPaths(
  layers: readonly LayerBlob[],
  paths: readonly string[],
): Promise<LookedUp[]> {
  const tree = new MergedTree(layers);
  const found: LookedUp[] = [];
  for (const path of paths) found.push(await tree.lookUp(path));
  return found;
}

/** `MergedTree.resolve` for a single question. */
export function resolveTarget(layers: readonly LayerBlob[], path: string): Promise<ResolvedPath> {
  return new MergedTree(layers).resolve(path);
}
