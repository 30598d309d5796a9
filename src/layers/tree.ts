/**
 * The names of one layer, as its entries come by: which are directories, which are symbolic links and where those
 * lead, what is hidden. Every decision about an entry is made here, without a file system: whether its name is
 * acceptable, in which directory it really lies, and what it replaces. `Ground` is told what follows from that.
 */
import { AshlarError } from '../support/errors.ts';
import { type ByteString, quote } from './bytes.ts';
import type { Limits } from './limits.ts';
import { canonicalPath, joinPath, splitLast } from './names.ts';
import type { TarEntry } from './tar-entry.ts';
import { checkWhiteoutType, parseWhiteout, type Whiteout } from './whiteouts.ts';

/** As in the kernel (MAXSYMLINKS). */
const LINKS_FOLLOWED = 40;
/** Steps from directory to directory for a whole layer: some seconds. Long chains of links could ask for hours. */
const STEPS = 2 ** 27;

/**
 * Bytes of the path of a directory, with the links on the way resolved. Together with the path of the place where it
 * is unpacked it must stay below PATH_MAX (4096), so that everything can be reached, and removed, by its path.
 */
const PATH_LENGTH = 3584;

export class Directory {
  readonly parent: Directory | undefined;
  readonly name: ByteString;
  /** Canonical, without symbolic links; the root is the empty string. */
  readonly path: ByteString;
  readonly children = new Map<ByteString, Node>();
  /** Names in this directory that the layer hides in lower layers. */
  hidden: Set<ByteString> | undefined;
  /** Whether nothing of lower layers is to be seen in it. */
  opaque = false;
  /** Whether an entry of its own says so. */
  marked = false;
  /** Whether it has no entry of its own (so far). */
  implied = true;

  constructor(parent: Directory | undefined, name: ByteString) {
    this.parent = parent;
    this.name = name;
    this.path = parent === undefined ? '' : joinPath(parent.path, name);
  }
}

interface Link {
  readonly target: ByteString;
}

/** Everything that is neither directory nor symbolic link. */
const FILE = 'file';

export type Node = Directory | Link | typeof FILE;

/** A place for an entry. */
export interface Place {
  readonly directory: Directory;
  readonly name: ByteString;
}

/** The canonical path of a place. */
export function pathOf({ directory, name }: Place): ByteString {
  return joinPath(directory.path, name);
}

/** Where an entry belongs. */
export type Placement =
  | { readonly kind: 'directory'; readonly directory: Directory }
  /** A file, symbolic link, device or FIFO. */
  | { readonly kind: 'other'; readonly place: Place }
  | { readonly kind: 'hardlink'; readonly from: Place; readonly to: Place }
  /** It hides something, of which the ground has been told; its canonical path. */
  | { readonly kind: 'whiteout'; readonly path: ByteString }
  /** It changes nothing. */
  | { readonly kind: 'void' };

/** What is told of the changes. Removals come before what takes the place. */
export interface Ground {
  addDirectory(directory: Directory): void;
  removeDirectory(directory: Directory): void;
  removeFile(place: Place): void;
  addWhiteout(place: Place): void;
  removeWhiteout(place: Place): void;
  markOpaque(directory: Directory): void;
}

/** For those who only want to know. */
export const NO_GROUND: Ground = {
  addDirectory() {},
  removeDirectory() {},
  removeFile() {},
  addWhiteout() {},
  removeWhiteout() {},
  markOpaque() {},
};

export class LayerTree {
  readonly root = new Directory(undefined, '');
  readonly #ground: Ground;
  readonly #limits: Limits;
  #steps = 0;
  #implied = 0;
  #remembered = 0;
  /** Directories by the path under which entries name them: most entries share their parent with the one before. */
  readonly #parents = new Map<ByteString, Directory>();

  constructor(ground: Ground, limits: Limits) {
    this.#ground = ground;
    this.#limits = limits;
  }

  /**
   * Takes note of an entry and tells where it belongs.
   * Throws an AshlarError when it must not be in a layer.
   */
  place(entry: TarEntry): Placement {
    const path = canonicalPath(entry.path);
    this.#remember(path.length + entry.link.length);
    if (entry.type === 'directory')
      this.#remember(entry.xattrs.reduce((sum, { value }) => sum + value.length, 0));
    const { parent, name } = splitLast(path);
    const whiteout = parseWhiteout(name);
    if (whiteout !== undefined) {
      checkWhiteoutType(entry);
      return this.#placeWhiteout(path, parent, whiteout);
    }
    if (entry.type === 'directory') return this.#placeDirectory(path);
    if (path === '') throw new AshlarError('the root of the layer is not a directory');
    switch (entry.type) {
      case 'hardlink':
        return this.#placeHardlink(parent, name, entry.link);
      case 'symlink':
        if (entry.link.includes('\0')) throw new AshlarError('the link target holds a NUL byte');
        return this.#placeOther(parent, name, { target: entry.link });
      case 'file':
      case 'character':
      case 'block':
      case 'fifo':
        return this.#placeOther(parent, name, FILE);
    }
  }

  /** Lets a tree that the layer is put on show through: its links to directories (canonical path, and where they lead). */
  showLinks(links: ReadonlyMap<ByteString, ByteString>): void {
    for (const [path, target] of links) {
      const { parent, name } = splitLast(path);
      const { children } = this.#directory(parent, { throughLinks: false });
      this.#directory(target, { throughLinks: false });
      if (!children.has(name)) children.set(name, { target: `/${target}` });
    }
  }

  /** All directories, children before their parents. */
  directories(): Directory[] {
    const found = [this.root];
    for (const directory of found) {
      for (const child of directory.children.values()) {
        if (child instanceof Directory) found.push(child);
      }
    }
    return found.reverse();
  }

  /** A directory entry is void where a symbolic link to a directory has its place. */
  #placeDirectory(path: ByteString): Placement {
    if (path === '') {
      this.root.implied = false;
      return { kind: 'directory', directory: this.root };
    }
    const { parent, name } = splitLast(path);
    const place = { directory: this.#parent(parent), name };
    const existing = place.directory.children.get(name);
    if (existing instanceof Directory) {
      existing.implied = false;
      return { kind: 'directory', directory: existing };
    }
    if (existing !== undefined && existing !== FILE && this.#follow(place) !== undefined)
      return { kind: 'void' };
    this.#clear(place);
    const directory = this.#addDirectory(place);
    directory.implied = false;
    return { kind: 'directory', directory };
  }

  #placeOther(parent: ByteString, name: ByteString, node: Exclude<Node, Directory>): Placement {
    const place = { directory: this.#parent(parent), name };
    this.#clear(place);
    place.directory.children.set(name, node);
    return { kind: 'other', place };
  }

  #placeHardlink(parent: ByteString, name: ByteString, target: ByteString): Placement {
    const { from, node } = this.#existingFile(target);
    const to = { directory: this.#parent(parent), name };
    if (to.directory === from.directory && to.name === from.name) return { kind: 'void' };
    const existing = to.directory.children.get(name);
    if (existing instanceof Directory && isWithin(from.directory, existing)) {
      throw new AshlarError(`the hard link would replace the directory of its target ${quote(target)}`);
    }
    this.#clear(to);
    to.directory.children.set(name, node);
    return { kind: 'hardlink', from, to };
  }

  /** Hides what lower layers have, and only that: entries of this layer stay, in whatever order they come. */
  #placeWhiteout(path: ByteString, parent: ByteString, whiteout: Whiteout): Placement {
    const directory = this.#directory(parent, { throughLinks: false });
    if (whiteout.kind === 'opaque') {
      if (directory.marked) return { kind: 'void' };
      directory.marked = true;
      this.#markOpaque(directory);
      return { kind: 'whiteout', path };
    }
    directory.hidden ??= new Set();
    if (directory.hidden.has(whiteout.name)) return { kind: 'void' };
    directory.hidden.add(whiteout.name);
    const existing = directory.children.get(whiteout.name);
    if (existing instanceof Directory) this.#markOpaque(existing);
    else if (existing === undefined && !directory.opaque)
      this.#ground.addWhiteout({ directory, name: whiteout.name });
    return { kind: 'whiteout', path };
  }

  #parent(path: ByteString): Directory {
    const known = this.#parents.get(path);
    if (known !== undefined) return known;
    const directory = this.#directory(path, { throughLinks: true });
    this.#parents.set(path, directory);
    return directory;
  }

  /** The directory of this path inside the root, made where it is missing. */
  #directory(path: ByteString, { throughLinks }: { throughLinks: boolean }): Directory {
    return this.#walk(path, {
      missing: place => {
        if (place.name.startsWith('.wh.')) throw new AshlarError('a directory has the name of a whiteout');
        if (++this.#implied > this.#limits.entries) {
          throw new AshlarError(
            `the layer needs more than ${this.#limits.entries} directories that it does not list`,
          );
        }
        this.#clear(place);
        return this.#addDirectory(place);
      },
      throughLinks,
    });
  }

  /** Walks down the components; symbolic links lead from where they stand, absolute ones and `..` stay inside. */
  #walk<T extends Directory | undefined>(
    path: ByteString,
    { missing, throughLinks }: { missing: (place: Place) => T; throughLinks: boolean },
    start: Directory = this.root,
  ): Directory | T {
    let current = start;
    let links = 0;
    const rest = components(path);
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (++this.#steps > STEPS) throw new AshlarError('the layer leads through too many symbolic links');
      if (name === '..') {
        current = current.parent ?? current;
        continue;
      }
      const child = current.children.get(name);
      if (child instanceof Directory) {
        current = child;
      } else if (child === undefined) {
        const made = missing({ directory: current, name });
        if (made === undefined) return made;
        current = made;
      } else if (child === FILE) {
        throw new AshlarError(`${quote(joinPath(current.path, name))} is not a directory`);
      } else {
        if (!throughLinks) {
          throw new AshlarError(
            `a whiteout cannot reach through the symbolic link ${quote(joinPath(current.path, name))}`,
          );
        }
        if (++links > LINKS_FOLLOWED) throw new AshlarError('too many symbolic links');
        rest.push(...components(child.target));
        if (child.target.startsWith('/')) current = this.root;
      }
    }
    return current;
  }

  /** The directory that a symbolic link leads to, if it leads to one within this layer. */
  #follow(place: Place): Directory | undefined {
    try {
      return this.#walk(place.name, { missing: () => undefined, throughLinks: true }, place.directory);
    } catch (error) {
      // A loop, or a way through a file: no directory.
      if (error instanceof AshlarError) return undefined;
      throw error;
    }
  }

  #existingFile(target: ByteString): { from: Place; node: Exclude<Node, Directory> } {
    const path = canonicalPath(target);
    const { parent, name } = splitLast(path);
    const directory = this.#walk(parent, { missing: () => undefined, throughLinks: true });
    const node = directory?.children.get(name);
    if (directory === undefined || node === undefined) {
      throw new AshlarError(`the target ${quote(target)} of the hard link is not in this layer before it`);
    }
    if (node instanceof Directory)
      throw new AshlarError(`the hard link to ${quote(target)} links a directory`);
    return { from: { directory, name }, node };
  }

  #addDirectory(place: Place): Directory {
    const made = new Directory(place.directory, place.name);
    if (made.path.length > PATH_LENGTH) throw new AshlarError(`the path is longer than ${PATH_LENGTH} bytes`);
    this.#remember(made.path.length);
    place.directory.children.set(place.name, made);
    this.#ground.addDirectory(made);
    if (place.directory.hidden?.has(place.name)) this.#markOpaque(made);
    return made;
  }

  #remember(bytes: number): void {
    this.#remembered += bytes;
    if (this.#remembered > this.#limits.nameBytes) {
      throw new AshlarError(`the names of the layer take more than ${this.#limits.nameBytes} bytes`);
    }
  }

  #markOpaque(directory: Directory): void {
    if (directory.opaque) return;
    directory.opaque = true;
    this.#ground.markOpaque(directory);
    // Overlayfs lists whiteouts in directories that it does not merge, as names of nothing.
    for (const name of directory.hidden ?? []) {
      if (!directory.children.has(name)) this.#ground.removeWhiteout({ directory, name });
    }
  }

  /** Removes what has the place: a later entry of one name wins. */
  #clear(place: Place): void {
    const existing = place.directory.children.get(place.name);
    if (existing === undefined) {
      if (place.directory.hidden?.has(place.name) && !place.directory.opaque)
        this.#ground.removeWhiteout(place);
      return;
    }
    if (existing !== FILE) this.#parents.clear();
    place.directory.children.delete(place.name);
    if (existing instanceof Directory) this.#ground.removeDirectory(existing);
    else this.#ground.removeFile(place);
  }
}

/** In reverse order, so that the next one can be popped and those of a link be pushed. */
function components(path: ByteString): ByteString[] {
  return path
    .split('/')
    .filter(component => component !== '' && component !== '.')
    .reverse();
}

/** Whether the directory is `ancestor` or lies below it. */
function isWithin(directory: Directory, ancestor: Directory): boolean {
  for (let at: Directory | undefined = directory; at !== undefined; at = at.parent) {
    if (at === ancestor) return true;
  }
  return false;
}
