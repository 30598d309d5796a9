/** The names of one layer, for look-ups: out of its tar, its contents, or what an earlier look-up has written down. */
import { deflateSync, inflateSync } from 'node:zlib';
import type { ByteString } from './bytes.ts';
import type { Compression } from './compression.ts';
import type { LayerContents } from './contents.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import { run } from './flow.ts';
import { ExpansionGuard, type Limits } from './limits.ts';
import { splitLast } from './names.ts';
import type { TarEntry } from './tar-entry.ts';
import { readTar } from './tar-reader.ts';
import { Directory, LayerTree, NO_GROUND, type Node } from './tree.ts';
import type { DirectoryMetadata } from './tree-directories.ts';

/** What stands where a directory might be, or should be. */
export type Blocker =
  | { readonly kind: 'symlink'; readonly target: ByteString }
  /** A file, device or FIFO. */
  | { readonly kind: 'other' };

/** What one layer has along a path. */
export interface Sight {
  /** How many components are directories there. */
  readonly directories: number;
  /** What stands where the next directory should be. */
  readonly blocker: Blocker | undefined;
  /** Of the directory at the end of the path, if the layer describes it. */
  readonly metadata: DirectoryMetadata | undefined;
  /** Whether lower layers cannot be seen there. */
  readonly hidesLower: boolean;
}

export class LayerIndex {
  readonly #root: Directory;
  readonly #metadata: ReadonlyMap<Directory, DirectoryMetadata>;

  private constructor(root: Directory, metadata: ReadonlyMap<Directory, DirectoryMetadata>) {
    this.#root = root;
    this.#metadata = metadata;
  }

  /** Reads a blob to its end. Throws an AshlarError when it is damaged or hostile. */
  static async read(path: string, compression: Compression, limits: Limits): Promise<LayerIndex> {
    using blob = new BlobFile(path);
    const guard = new ExpansionGuard(limits, compression === 'none' ? undefined : blob.size);
    const tree = new LayerTree(NO_GROUND, limits);
    const metadata = new Map<Directory, DirectoryMetadata>();
    const add = (entry: TarEntry): undefined => {
      const placement = tree.place(entry);
      if (placement.kind !== 'directory') return;
      const { mode, uid, gid, mtime, xattrs } = entry;
      metadata.set(placement.directory, { mode, uid, gid, mtime, xattrs });
    };
    await run(readTar(add, limits), layerBytes(blob, compression, guard));
    return new LayerIndex(tree.root, metadata);
  }

  static fromContents({ entries, implied, hidden, opaque }: LayerContents): LayerIndex {
    const metadata = new Map<Directory, DirectoryMetadata>();
    const directories = new Map([['', new Directory(undefined, '')]]);
    const directoryAt = (path: ByteString): Directory => {
      const known = directories.get(path);
      if (known !== undefined) return known;
      const { parent, name } = splitLast(path);
      const directory = new Directory(directoryAt(parent), name);
      directory.parent?.children.set(name, directory);
      directories.set(path, directory);
      return directory;
    };
    for (const path of implied) directoryAt(path);
    for (const [path, { type, link, mode, uid, gid, mtime, xattrs }] of entries) {
      const { parent, name } = splitLast(path);
      if (type === 'directory') metadata.set(directoryAt(path), { mode, uid, gid, mtime, xattrs });
      else directoryAt(parent).children.set(name, type === 'symlink' ? { target: link } : 'file');
    }
    for (const path of hidden) {
      const { parent, name } = splitLast(path);
      const directory = directoryAt(parent);
      directory.hidden ??= new Set();
      directory.hidden.add(name);
    }
    for (const path of opaque) directoryAt(path).opaque = true;
    return new LayerIndex(directoryAt(''), metadata);
  }

  /** What `bytes` of an index of the same layer give. */
  static fromBytes(bytes: Uint8Array): LayerIndex {
    const metadata = new Map<Directory, DirectoryMetadata>();
    const root = new Directory(undefined, '');
    fill(root, JSON.parse(inflateSync(bytes).toString()) as PlainDirectory, metadata);
    return new LayerIndex(root, metadata);
  }

  /** All that it knows, for the next one who asks. */
  bytes(): Uint8Array {
    return deflateSync(JSON.stringify(plainDirectory(this.#root, this.#metadata)), { level: 3 });
  }

  see(components: readonly ByteString[]): Sight {
    let current = this.#root;
    let directories = 0;
    let hidesLower = current.opaque;
    for (const name of components) {
      const child = current.children.get(name);
      if (child === undefined) {
        hidesLower ||= current.hidden?.has(name) === true;
        return { directories, blocker: undefined, metadata: undefined, hidesLower };
      }
      if (!(child instanceof Directory)) {
        const blocker: Blocker =
          child === 'file' ? { kind: 'other' } : { kind: 'symlink', target: child.target };
        return { directories, blocker, metadata: undefined, hidesLower: true };
      }
      current = child;
      directories++;
      hidesLower ||= current.opaque;
    }
    return { directories, blocker: undefined, metadata: this.#metadata.get(current), hidesLower };
  }
}

/** As JSON can hold it, with short names: there are many of them. */
interface PlainDirectory {
  /** Children: 0 for a file, the target of a symbolic link. */
  readonly c: readonly (readonly [name: ByteString, node: PlainDirectory | ByteString | 0])[];
  /** Names that are hidden. */
  readonly h?: readonly ByteString[];
  /** Opaque. */
  readonly o?: true;
  /** Mode, uid, gid, time in nanoseconds, attributes. */
  readonly m?: readonly [number, number, number, string, ...(readonly [name: ByteString, base64: string])[]];
}

function plainDirectory(
  directory: Directory,
  metadata: ReadonlyMap<Directory, DirectoryMetadata>,
): PlainDirectory {
  const { children, hidden, opaque } = directory;
  const known = metadata.get(directory);
  return {
    c: [...children].map(([name, node]) => [name, plainNode(node, metadata)]),
    ...(hidden && { h: [...hidden] }),
    ...(opaque && { o: true as const }),
    ...(known && {
      m: [
        known.mode,
        known.uid,
        known.gid,
        String(known.mtime),
        ...known.xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('base64')] as const),
      ] as const,
    }),
  };
}

function plainNode(node: Node, metadata: ReadonlyMap<Directory, DirectoryMetadata>) {
  if (node === 'file') return 0;
  return node instanceof Directory ? plainDirectory(node, metadata) : node.target;
}

function fill(
  directory: Directory,
  { c, h, o, m }: PlainDirectory,
  metadata: Map<Directory, DirectoryMetadata>,
): void {
  directory.opaque = o === true;
  if (h) directory.hidden = new Set(h);
  if (m) {
    const [mode, uid, gid, mtime, ...xattrs] = m;
    metadata.set(directory, {
      ...{ mode, uid, gid, mtime: BigInt(mtime) },
      xattrs: xattrs.map(([name, base64]) => ({ name, value: Buffer.from(base64, 'base64') })),
    });
  }
  for (const [name, node] of c) {
    if (node === 0) directory.children.set(name, 'file');
    else if (typeof node === 'string') directory.children.set(name, { target: node });
    else {
      const child = new Directory(directory, name);
      directory.children.set(name, child);
      fill(child, node, metadata);
    }
  }
}
