/**
 * Several layers as one: which paths it has, and what it has to say of layers below. Decided from contents alone,
 * before a byte of the layers is read.
 */
import type { ByteString } from './bytes.ts';
import type { ContentsEntry, LayerContents } from './contents.ts';
import type { LookedUp } from './lookup.ts';
import { IMPLIED_DIRECTORY, type MergedEntry, mergeContents } from './merge-contents.ts';
import { splitLast } from './names.ts';
import type { Xattr } from './tar-entry.ts';
import type { DirectoryMetadata } from './tree-directories.ts';
import { isLocalXattr, isOverlayXattr } from './whiteouts.ts';

/** What one layer says in place of several; all paths are canonical and sorted. */
export interface Squashed {
  /** Whether the only layer is as it should be. */
  readonly asItIs: boolean;
  /** Whether there is nothing to say. */
  readonly empty: boolean;
  /** What layers below have, and nobody is to see. */
  readonly removed: readonly ByteString[];
  /** Directories of which nothing below is to be seen. */
  readonly opaque: readonly ByteString[];
  /** Directories that are below as they are here, so that nothing is said of them. */
  readonly omitted: readonly ByteString[];
  /** Directories on the way that the layers do not describe: what is said of them below. */
  readonly described: readonly (DirectoryMetadata & { readonly path: ByteString })[];
}

export interface SquashOptions {
  /** Canonical paths; neither they nor what lies below them become part of the layer. */
  readonly without: readonly ByteString[];
  /** Whether they are removed from the layers below as well. */
  readonly removeBelow: boolean;
  /** What the layers below have at a canonical path; links are not followed. */
  readonly below: (path: ByteString) => Promise<LookedUp>;
}

/** What layers (bottom to top) become above others as one. */
export async function squashLayers(
  layers: readonly LayerContents[],
  options: SquashOptions,
): Promise<Squashed> {
  const without = outermost(options.without);
  const merged = mergeContents(layers);
  const isLeftOut = leftOut(without);
  const kept = new Map([...merged].filter(([path]) => !isLeftOut(path)));
  const cover = new Cover(layers);

  const removed: ByteString[] = [];
  const gone = [...cover.hidden].filter(path => !isLeftOut(path));
  for (const path of [...gone, ...(options.removeBelow ? without : [])]) {
    if (kept.has(path) || cover.isInside(path)) continue;
    if ((await options.below(path)).kind !== 'absent') removed.push(path);
  }
  const opaque = new Set<ByteString>();
  for (const path of cover.paths) {
    if (kept.get(path)?.entry.type !== 'directory' || cover.isInside(path)) continue;
    if ((await options.below(path)).kind === 'directory') opaque.add(path);
  }

  /** What the layers below have there and these let through. */
  const below = async (path: ByteString): Promise<LookedUp> =>
    cover.paths.has(path) || cover.isInside(path) ? { kind: 'absent' } : options.below(path);
  /** Directories in which there is something to say. */
  const used = new Set<ByteString>();
  for (const path of [...removed, ...opaque]) addParents(path, used);
  for (const [path, { entry }] of kept) if (entry.type !== 'directory') addParents(path, used);
  const omitted: ByteString[] = [];
  const described: Squashed['described'][number][] = [];
  // What is in a directory comes before it in this order.
  for (const [path, { entry }] of [...kept].reverse()) {
    const isImplied = entry === IMPLIED_DIRECTORY;
    const isUsed = used.has(path) || opaque.has(path);
    if (entry.type !== 'directory' || (isUsed && !isImplied)) continue;
    const found = await below(path);
    if (found.kind === 'directory' && !isUsed && (isImplied || isSame(found.metadata, entry))) {
      omitted.push(path);
      continue;
    }
    if (found.kind === 'directory' && isImplied) described.push({ path, ...portable(found.metadata) });
    addParents(path, used);
  }
  for (const path of used) {
    const found = kept.has(path) ? undefined : await below(path);
    if (found?.kind === 'directory') described.push({ path, ...portable(found.metadata) });
  }
  return {
    asItIs: layers.length === 1 && kept.size === merged.size && !without.some(path => removed.includes(path)),
    empty: kept.size === omitted.length && removed.length === 0 && opaque.size === 0,
    removed: removed.sort(),
    opaque: [...opaque].sort(),
    omitted: omitted.sort(),
    described: described.sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

/** What a squashed layer has of its layers, by path; `layer` counts from the bottom. */
export function squashedEntries(
  layers: readonly LayerContents[],
  { omitted, described }: Pick<Squashed, 'omitted' | 'described'>,
  without: readonly ByteString[],
): ReadonlyMap<ByteString, MergedEntry> {
  const isLeftOut = leftOut(without);
  const nothing = new Set(omitted);
  const entries = new Map<ByteString, MergedEntry>();
  for (const [path, entry] of mergeContents(layers))
    if (!nothing.has(path) && !isLeftOut(path)) entries.set(path, entry);
  for (const { path, ...metadata } of described)
    entries.set(path, { entry: { ...IMPLIED_DIRECTORY, ...metadata }, layer: -1 });
  return entries;
}

function leftOut(without: readonly ByteString[]): (path: ByteString) => boolean {
  return path => without.some(one => path === one || path.startsWith(`${one}/`));
}

/** Without those that lie below others. */
function outermost(paths: readonly ByteString[]): readonly ByteString[] {
  return [...new Set(paths)].filter(path => !paths.some(other => path.startsWith(`${other}/`)));
}

/** What layers cover of those below them. Nothing that is covered once comes to light again. */
class Cover {
  /** Paths that are whited out. */
  readonly hidden: ReadonlySet<ByteString>;
  /** Paths of which nothing below is seen, or nothing in them. */
  readonly paths: ReadonlySet<ByteString>;
  readonly #inside = new Map<ByteString, boolean>();

  constructor(layers: readonly LayerContents[]) {
    const others = layers.flatMap(({ entries }) =>
      [...entries].flatMap(([path, { type }]) => (type === 'directory' ? [] : [path])),
    );
    this.hidden = new Set(layers.flatMap(({ hidden }) => [...hidden]));
    this.paths = new Set([...this.hidden, ...others, ...layers.flatMap(({ opaque }) => [...opaque])]);
  }

  /** Whether the path lies in a directory that is covered. */
  isInside(path: ByteString): boolean {
    if (path === '') return false;
    const { parent } = splitLast(path);
    const known = this.#inside.get(parent);
    if (known !== undefined) return known;
    const inside = this.paths.has(parent) || this.isInside(parent);
    this.#inside.set(parent, inside);
    return inside;
  }
}

/** Adds the directories that a path lies in. */
function addParents(path: ByteString, to: Set<ByteString>): void {
  for (let at = path; at !== ''; ) {
    at = splitLast(at).parent;
    if (to.has(at)) return;
    to.add(at);
  }
}

/** But for their times. */
function isSame(found: DirectoryMetadata, other: ContentsEntry): boolean {
  const one = portable(found);
  return (
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.xattrs.length === other.xattrs.length &&
    one.xattrs.every((xattr, i) => isSameXattr(xattr, other.xattrs[i]))
  );
}

/** As layers of ours have it. */
function portable({ mode, uid, gid, mtime, xattrs }: DirectoryMetadata): DirectoryMetadata {
  return {
    mode,
    uid,
    gid,
    mtime,
    xattrs: xattrs.filter(({ name }) => !isOverlayXattr(name) && !isLocalXattr(name)),
  };
}

function isSameXattr({ name, value }: Xattr, other: Xattr | undefined): boolean {
  return name === other?.name && Buffer.compare(value, other.value) === 0;
}
