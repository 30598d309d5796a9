/**
 * Looks things up in the merged tree of an image without unpacking it: layers are read from the top down, each at
 * most once, and only as far down as the question needs.
 */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote, toText } from './bytes.ts';
import type { Compression } from './compression.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import { run } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { canonicalPath, joinPath, splitLast } from './names.ts';
import type { DirectoryMetadata } from './pack-files.ts';
import type { TarEntry } from './tar-entry.ts';
import { readTar } from './tar-reader.ts';
import { Directory, LayerTree, NO_GROUND } from './tree.ts';

export interface LayerBlob {
  /** The blob's file. */
  readonly blob: string;
  readonly compression: Compression;
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

/** The merged tree of a list of layers, bottom to top. */
export class MergedTree {
  /** Top to bottom. */
  readonly #layers: readonly LayerBlob[];
  readonly #limits: Limits;
  /** Of the layers that have been read so far. */
  readonly #indexes: Promise<LayerIndex>[] = [];

  constructor(layers: readonly LayerBlob[], limits: Partial<Limits> = {}) {
    this.#layers = layers.toReversed();
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** What is at an absolute path. Symbolic links are not followed, not even in the parents: see `resolve`. */
  async lookUp(path: string): Promise<LookedUp> {
    return decoded(await this.#lookUp(canonicalPath(fromText(path))));
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

  async #lookUp(path: ByteString): Promise<LookedUp> {
    const components = path === '' ? [] : path.split('/');
    // How many of the components the layers so far have as directories, which covers whatever else is there below.
    let directories = 0;
    for (const [position, layer] of this.#layers.entries()) {
      this.#indexes[position] ??= LayerIndex.read(layer, this.#limits);
      const seen = (await this.#indexes[position]).see(components);
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

/** What one layer has along a path. */
interface Sight {
  /** How many components are directories there. */
  readonly directories: number;
  /** What stands where the next directory should be. */
  readonly blocker: LookedUp | undefined;
  /** Of the directory at the end of the path, if the layer describes it. */
  readonly metadata: DirectoryMetadata | undefined;
  /** Whether lower layers cannot be seen there. */
  readonly hidesLower: boolean;
}

/** The names of one layer. */
class LayerIndex {
  readonly #tree: LayerTree;
  readonly #metadata = new Map<Directory, DirectoryMetadata>();

  private constructor(limits: Limits) {
    this.#tree = new LayerTree(NO_GROUND, limits);
  }

  static async read({ blob: path, compression }: LayerBlob, limits: Limits): Promise<LayerIndex> {
    using blob = new BlobFile(path);
    const guard = new ExpansionGuard(limits, compression === 'none' ? undefined : blob.size);
    const index = new LayerIndex(limits);
    await run(
      readTar(entry => index.#add(entry), limits),
      layerBytes(blob, compression, guard),
    );
    return index;
  }

  see(components: readonly ByteString[]): Sight {
    let current = this.#tree.root;
    let directories = 0;
    let hidesLower = current.opaque;
    for (const name of components) {
      const child = current.children.get(name);
      if (child === undefined) {
        hidesLower ||= current.hidden?.has(name) === true;
        return { directories, blocker: undefined, metadata: undefined, hidesLower };
      }
      if (!(child instanceof Directory)) {
        const blocker: LookedUp =
          child === 'file' ? { kind: 'other' } : { kind: 'symlink', target: child.target };
        return { directories, blocker, metadata: undefined, hidesLower: true };
      }
      current = child;
      directories++;
      hidesLower ||= current.opaque;
    }
    return { directories, blocker: undefined, metadata: this.#metadata.get(current), hidesLower };
  }

  #add(entry: TarEntry): undefined {
    const placement = this.#tree.place(entry);
    if (placement.kind !== 'directory') return;
    const { mode, uid, gid, mtime, xattrs } = entry;
    this.#metadata.set(placement.directory, { mode, uid, gid, mtime, xattrs });
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
