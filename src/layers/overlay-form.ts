/**
 * A tar layer as the tar of a file system: what overlayfs mounts, entry by entry, while the layer streams through.
 * Whiteouts become devices 0:0 and opaque marks attributes, as in unpacked layers; names are canonical; each path
 * comes once, after the directories that it is in.
 *
 * Most layers can be written as they come: a directory is held back until something in it (or the end) comes, since
 * its opaque mark may follow. Where a later entry changes what has been written, the layer is read once more before,
 * to know how it ends (`surveyLayer`).
 */

import { type ByteString, toText } from './bytes.ts';
import { copyContent } from './copy-content.ts';
import type { Flow } from './flow.ts';
import type { Limits } from './limits.ts';
import { joinPath } from './names.ts';
import { bareEntry, type TarEntry, type Xattr } from './tar-entry.ts';
import type { Content } from './tar-reader.ts';
import type { TarWriter } from './tar-writer.ts';
import { Directory, type Ground, LayerTree, NO_GROUND, type Place, type Placement } from './tree.ts';
import type { DirectoryMetadata } from './tree-directories.ts';
import type { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr, OVERLAY_OPAQUE } from './whiteouts.ts';

/** What is said of a directory. */
export type RootDirectory = Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'>;

/** A directory that neither the layer nor a lower one describes. */
const PLAIN: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0n, xattrs: [] };

/** What lower layers say of directories that the layer does not describe, by canonical path. */
export type Below = ReadonlyMap<ByteString, DirectoryMetadata>;

type Metadata = RootDirectory;

/** Where the file system's tar goes. */
export interface OverlayOutput {
  readonly writer: TarWriter;
  /** What the file system can hold of an entry. */
  readonly adapt: (entry: TarEntry) => TarEntry;
  /** The root is told apart, once: mksquashfs does not take it from a tar. */
  readonly root: (directory: RootDirectory) => void;
}

/** Thrown when a layer cannot be written as it comes: one has to know how it ends, or what is below it. */
export class NeedsMore extends Error {}

/** How a layer ends: by the ordinals of its entries. */
export interface Survey {
  readonly tree: LayerTree;
  readonly metadata: ReadonlyMap<Directory, Metadata>;
  /** Canonical paths of hidden names. */
  readonly whiteouts: ReadonlySet<ByteString>;
  /** The paths at the end of what an entry brings; nothing for one that is replaced. */
  readonly paths: ReadonlyMap<number, readonly ByteString[]>;
}

/** Learns how a layer ends; contents are not looked at. */
export class Surveyor implements Ground {
  readonly #tree: LayerTree;
  readonly #metadata = new Map<Directory, Metadata>();
  readonly #whiteouts = new Set<ByteString>();
  /** What stands at each path, by the ordinal of the entry that brought it. */
  readonly #standing = new Map<ByteString, number>();
  #ordinal = 0;

  constructor(limits: Limits) {
    this.#tree = new LayerTree(this, limits);
  }

  visit(entry: TarEntry): void {
    this.#ordinal++;
    const placement = this.#tree.place(entry);
    switch (placement.kind) {
      case 'directory':
        this.#metadata.set(placement.directory, entry);
        break;
      case 'other':
        if (!isOverlayWhiteout(entry)) this.#standing.set(pathOf(placement.place), this.#ordinal);
        break;
      case 'hardlink': {
        const brought = this.#standing.get(pathOf(placement.from));
        if (brought !== undefined) this.#standing.set(pathOf(placement.to), brought);
      }
    }
  }

  finish(): Survey {
    const paths = new Map<number, ByteString[]>();
    for (const [path, ordinal] of this.#standing) {
      const known = paths.get(ordinal);
      if (known) known.push(path);
      else paths.set(ordinal, [path]);
    }
    for (const several of paths.values()) several.sort();
    return { tree: this.#tree, metadata: this.#metadata, whiteouts: this.#whiteouts, paths };
  }

  addDirectory(): void {}
  markOpaque(): void {}

  removeDirectory(directory: Directory): void {
    this.#metadata.delete(directory);
    for (const name of directory.hidden ?? []) this.#whiteouts.delete(joinPath(directory.path, name));
    for (const [name, child] of directory.children) {
      if (child instanceof Directory) this.removeDirectory(child);
      else this.#standing.delete(joinPath(directory.path, name));
    }
  }

  removeFile(place: Place): void {
    this.#standing.delete(pathOf(place));
  }

  addWhiteout(place: Place): void {
    this.#whiteouts.add(pathOf(place));
  }

  removeWhiteout(place: Place): void {
    this.#whiteouts.delete(pathOf(place));
  }
}

/** Writes a layer, entry by entry. */
export class OverlayForm {
  readonly #output: OverlayOutput;
  readonly #below: Below | 'unknown';
  readonly #warnings: Warnings;
  readonly #survey: Survey | undefined;
  readonly #tree: LayerTree;
  readonly #metadata: Map<Directory, Metadata>;
  /** Directories that were written. */
  readonly #written = new Set<Directory>();
  /** Hidden names that have not been written yet. */
  #whiteouts: Place[] = [];
  #ordinal = 0;

  constructor(
    output: OverlayOutput,
    below: Below | 'unknown',
    limits: Limits,
    warnings: Warnings,
    survey?: Survey,
  ) {
    this.#output = output;
    this.#below = below;
    this.#warnings = warnings;
    this.#survey = survey;
    this.#tree = survey?.tree ?? new LayerTree(this.#ground(), limits);
    this.#metadata = new Map(survey?.metadata);
  }

  /** Takes one entry of the layer. Throws NeedsMore when it says something else of what was written. */
  *visit(entry: TarEntry, content: Content): Flow<void> {
    this.#ordinal++;
    if (this.#survey === undefined) {
      yield* this.#take(this.#tree.place(entry), entry, content);
      return;
    }
    if (this.#ordinal === 1) yield* this.#writeSurveyed(this.#survey);
    if (isOverlayWhiteout(entry)) this.#leaveOut(entry);
    const [first, ...links] = this.#survey.paths.get(this.#ordinal) ?? [];
    if (first === undefined) return;
    yield* this.#write({ ...entry, path: first }, content);
    for (const path of links) yield* this.#begin(hardLink(entry, path, first));
  }

  /** Writes the directories that nothing came into, and tells the root. */
  *finish(): Flow<void> {
    const { root } = this.#tree;
    for (const directory of this.#tree.directories().reverse()) yield* this.#ensure(directory);
    // Only a layer that has none below can hide all of them.
    if (root.opaque && this.#below === 'unknown') throw new NeedsMore();
    this.#output.root(this.#output.adapt(this.#describe(root)));
  }

  *#take(placement: Placement, entry: TarEntry, content: Content): Flow<void> {
    switch (placement.kind) {
      case 'void':
        return;
      case 'whiteout':
        for (const place of this.#whiteouts.splice(0)) {
          yield* this.#ensure(place.directory);
          yield* this.#begin(whiteout(pathOf(place)));
        }
        return;
      case 'directory':
        if (this.#written.has(placement.directory)) throw new NeedsMore();
        this.#metadata.set(placement.directory, entry);
        return;
      case 'hardlink':
        yield* this.#ensure(placement.to.directory);
        yield* this.#begin(hardLink(entry, pathOf(placement.to), pathOf(placement.from)));
        return;
      case 'other':
        if (isOverlayWhiteout(entry)) {
          this.#leaveOut(entry);
          return;
        }
        yield* this.#ensure(placement.place.directory);
        yield* this.#write({ ...entry, path: pathOf(placement.place) }, content);
    }
  }

  /** Overlayfs would take it for a whiteout. */
  #leaveOut(device: TarEntry): void {
    this.#warnings.add('a device 0:0 was left out', device.path);
  }

  *#writeSurveyed({ tree, whiteouts }: Survey): Flow<void> {
    // Children come before their parents in that list.
    for (const directory of tree.directories().reverse()) yield* this.#ensure(directory);
    for (const path of [...whiteouts].sort()) yield* this.#begin(whiteout(path));
  }

  /** Writes a directory, and those that it is in, unless they are written; the root may still be described. */
  *#ensure(directory: Directory): Flow<void> {
    const { parent } = directory;
    if (this.#written.has(directory)) return;
    if (parent === undefined) {
      // Layers of ours begin with their root, if they describe it.
      if (this.#below === 'unknown' && !this.#metadata.has(directory)) throw new NeedsMore();
      return;
    }
    yield* this.#ensure(parent);
    this.#written.add(directory);
    yield* this.#begin(this.#describe(directory));
  }

  #describe(directory: Directory): TarEntry {
    const { path, opaque } = directory;
    const metadata = this.#metadata.get(directory) ?? this.#impliedMetadata(path);
    const kept = this.#keptXattrs(metadata.xattrs, path);
    const xattrs = opaque ? withOpaqueMark(kept) : kept;
    return { ...bareEntry(`${path}/`, 'directory', metadata.mode), ...attributes(metadata), xattrs };
  }

  #impliedMetadata(path: ByteString): Metadata {
    if (this.#below === 'unknown') throw new NeedsMore();
    return this.#below.get(path) ?? PLAIN;
  }

  *#write(entry: TarEntry, content: Content): Flow<void> {
    yield* this.#begin({ ...entry, xattrs: this.#keptXattrs(entry.xattrs, entry.path) });
    if (entry.size === 0) return;
    yield* copyContent(this.#output.writer, content, entry.size);
  }

  #begin(entry: TarEntry): Flow<void> {
    return this.#output.writer.begin(this.#output.adapt(entry));
  }

  #keptXattrs(xattrs: readonly Xattr[], path: ByteString): readonly Xattr[] {
    return xattrs.filter(({ name }) => {
      if (!isOverlayXattr(name)) return !isLocalXattr(name);
      this.#warnings.add(`the attribute ${toText(name)}, which belongs to overlayfs, was left out`, path);
      return false;
    });
  }

  /** Whatever changes what was written cannot be written as it comes. */
  #ground(): Ground {
    const startAgain = () => {
      throw new NeedsMore();
    };
    return {
      ...NO_GROUND,
      removeDirectory: startAgain,
      removeFile: startAgain,
      removeWhiteout: startAgain,
      addWhiteout: place => this.#whiteouts.push(place),
      markOpaque: directory => {
        if (this.#written.has(directory)) startAgain();
      },
    };
  }
}

function attributes({ mode, uid, gid, mtime }: Metadata): Omit<Metadata, 'xattrs'> {
  return { mode, uid, gid, mtime };
}

function withOpaqueMark(xattrs: readonly Xattr[]): readonly Xattr[] {
  const mark = { name: OVERLAY_OPAQUE, value: Buffer.from('y') };
  return [...xattrs, mark].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As the kernel makes them: without owner, mode and time. */
function whiteout(path: ByteString): TarEntry {
  return bareEntry(path, 'character', 0);
}

function hardLink(entry: TarEntry, path: ByteString, target: ByteString): TarEntry {
  return { ...entry, type: 'hardlink', path, link: target, size: 0, major: 0, minor: 0, xattrs: [] };
}

function pathOf({ directory, name }: Place): ByteString {
  return joinPath(directory.path, name);
}
