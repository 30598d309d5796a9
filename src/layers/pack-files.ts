/** Files and directories of the host as the entries of a layer. */
import { lstatSync } from 'node:fs';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote } from './bytes.ts';
import type { Flow } from './flow.ts';
import { canonicalPath, joinPath, splitLast } from './names.ts';
import {
  checkLayerName,
  earlier,
  entryOf,
  type Found,
  findListed,
  findSource,
  HardLinks,
  list,
  writeContent,
  xattrsOf,
} from './scan.ts';
import { bareEntry, type TarEntry, type Xattr } from './tar-entry.ts';
import type { TarWriter } from './tar-writer.ts';
import type { DirectoryMetadata, TreeDirectories } from './tree-directories.ts';
import type { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

export interface FilesJob {
  readonly kind: 'files';
  readonly entries: readonly HostFiles[];
  /**
   * Directories of the image that must keep what lower layers say of them: parents of targets, and targets into
   * which directories are merged. Other parents are made with mode 0755 for root.
   */
  readonly parents: readonly ParentDirectory[];
  /** The tree that the layer is put on; for files that go through links of it. */
  readonly below?: TreeDirectories;
}

export interface HostFiles {
  /**
   * Absolute path of a file, directory or symbolic link of the host. Links in its parents are followed; a link
   * itself is taken as a link.
   */
  readonly source: string;
  /** Absolute path in the image: of the file, or of the directory into which the directory's content is merged. */
  readonly target: string;
  /**
   * `content`: types, permissions and bytes (directories 0755, no times); `attributes`: permissions of directories and
   * extended attributes, too, but for those of the source directory itself; `all`: these and times as well.
   */
  readonly keep: 'content' | 'attributes' | 'all';
  /** Permissions of regular files, in place of their own. */
  readonly mode?: number;
  readonly uid: number;
  readonly gid: number;
  /** What is in a directory goes where a symbolic link of the tree leads that has the directory's place. */
  readonly throughLinks?: true;
}

export interface ParentDirectory extends DirectoryMetadata {
  /** Absolute, in the image. */
  readonly path: string;
}

/**
 * Writes the parents, then each source in turn, in the order of the names' bytes. Later sources win: what another
 * source that is no directory takes the place of is left out, and what two directories have comes twice.
 */
export function* packFiles(
  job: FilesJob,
  writer: TarWriter,
  warnings: Warnings,
  latest: bigint | undefined,
): Flow<void> {
  const packer = new FilesPacker(writer, warnings, latest, job.below);
  for (const parent of job.parents.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    yield* packer.addParent(canonicalPath(fromText(parent.path)), parent);
  }
  const last = new Map(
    job.entries.flatMap((files, i) =>
      isDirectory(files) ? [] : [[canonicalPath(fromText(files.target)), i]],
    ),
  );
  for (const [i, files] of job.entries.entries())
    yield* packer.addFiles(files, path => (last.get(path) ?? i) > i);
}

function isDirectory({ source }: HostFiles): boolean {
  return lstatSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What is the same for everything that comes from one source. */
interface Rules {
  readonly keep: HostFiles['keep'];
  /** Where the source itself goes. */
  readonly target: ByteString;
  readonly fileMode: number | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly links: HardLinks;
  readonly throughLinks: boolean;
  /** Whether something else than a directory takes its place. */
  readonly isReplaced: (path: ByteString) => boolean;
}

const PLAIN_DIRECTORY = 0o755;

class FilesPacker {
  readonly #writer: TarWriter;
  readonly #warnings: Warnings;
  readonly #latest: bigint | undefined;
  readonly #below: TreeDirectories | undefined;
  readonly #directories = new Set<ByteString>();
  readonly #others = new Set<ByteString>();

  constructor(
    writer: TarWriter,
    warnings: Warnings,
    latest: bigint | undefined,
    below: TreeDirectories | undefined,
  ) {
    this.#writer = writer;
    this.#warnings = warnings;
    this.#latest = latest;
    this.#below = below;
  }

  *addParent(path: ByteString, metadata: DirectoryMetadata): Flow<void> {
    yield* this.#directory(path, {
      ...bareEntry(path, 'directory', metadata.mode),
      uid: metadata.uid,
      gid: metadata.gid,
      mtime: this.#clamp(metadata.mtime),
      xattrs: metadata.xattrs,
    });
  }

  *addFiles(
    { source, target, keep, mode, uid, gid, throughLinks }: HostFiles,
    isReplaced: (path: ByteString) => boolean,
  ): Flow<void> {
    using found = findSource(source);
    const path = canonicalPath(fromText(target));
    if (path === '' && found.type !== 'directory') {
      throw new AshlarError(`${source} cannot take the place of the root directory`);
    }
    const links = new HardLinks();
    const rules: Rules = {
      keep,
      target: path,
      fileMode: mode,
      uid,
      gid,
      links,
      throughLinks: throughLinks === true,
      isReplaced,
    };
    yield* this.#add(found, path, rules);
  }

  *#add(found: Found, path: ByteString, rules: Rules): Flow<void> {
    if (found.type === 'socket') {
      this.#warnings.add('a socket was left out', path);
      return;
    }
    if (path !== '') checkLayerName(splitLast(path).name, path);
    const behind = rules.throughLinks && found.fd !== undefined ? this.#below?.links.get(path) : undefined;
    if (found.type === 'directory' && found.fd !== undefined && behind !== undefined) {
      // What the tree says of the directory itself stays.
      yield* this.#kept(behind);
      yield* this.#addChildren(found.fd, behind, rules);
      return;
    }
    if (found.type !== 'directory' && rules.isReplaced(path)) return;
    const first = rules.links.meet(found, path);
    const entry = this.#entry(found, path, first === undefined ? found.type : 'hardlink', rules);
    if (found.type === 'directory' && found.fd !== undefined) {
      yield* this.#directory(path, entry);
      yield* this.#addChildren(found.fd, path, rules);
      return;
    }
    if (isOverlayWhiteout(entry)) {
      this.#warnings.add('a device 0:0 was left out', path);
      return;
    }
    if (this.#directories.has(path)) throw bothKinds(path);
    this.#others.add(path);
    yield* this.#parentsOf(path);
    yield* this.#writer.begin(first === undefined ? entry : { ...entry, link: first });
    if (first === undefined && found.fd !== undefined) {
      yield* writeContent(this.#writer, found.fd, found.stat, path);
    }
  }

  *#addChildren(fd: number, path: ByteString, rules: Rules): Flow<void> {
    for (const listed of list(fd)) {
      using child = findListed(fd, listed);
      yield* this.#add(child, joinPath(path, listed.name), rules);
    }
  }

  #entry(found: Found, path: ByteString, type: TarEntry['type'], rules: Rules): TarEntry {
    const entry = entryOf(found, path, type, found.stat.mtimeNs);
    const { fileMode, uid, gid } = rules;
    // What is merged into a place is the content of a directory, and not the directory.
    const isTop = found.type === 'directory' && path === rules.target;
    const keep = rules.keep === 'attributes' && isTop ? 'content' : rules.keep;
    let { mode } = entry;
    if (found.type === 'file' && fileMode !== undefined) mode = fileMode;
    if (found.type === 'directory' && keep === 'content') mode = PLAIN_DIRECTORY;
    return {
      ...entry,
      mode,
      uid,
      gid,
      mtime: keep === 'all' ? this.#clamp(entry.mtime) : (this.#latest ?? 0n),
      xattrs: keep !== 'content' && type !== 'hardlink' ? this.#xattrs(found, path) : [],
    };
  }

  #xattrs(found: Found, path: ByteString): Xattr[] {
    return xattrsOf(found, path, this.#warnings).filter(
      ({ name }) => !isOverlayXattr(name) && !isLocalXattr(name),
    );
  }

  /** Each directory once: what was said first about it holds. */
  *#directory(path: ByteString, entry: TarEntry): Flow<void> {
    if (this.#directories.has(path)) return;
    // Nor does a directory go where a link leads that another source has brought.
    if (this.#others.has(path)) throw bothKinds(path);
    if (path !== '') yield* this.#parentsOf(path);
    this.#directories.add(path);
    yield* this.#writer.begin({ ...entry, path: `${path}/` });
  }

  *#parentsOf(path: ByteString): Flow<void> {
    const { parent } = splitLast(path);
    if (parent === '' || this.#directories.has(parent)) return;
    yield* this.#kept(parent);
  }

  /** A directory as the tree below has it, or a plain one. */
  *#kept(path: ByteString): Flow<void> {
    const there = this.#below?.directories.get(path);
    if (there) yield* this.addParent(path, there);
    else
      yield* this.#directory(path, {
        ...bareEntry(path, 'directory', PLAIN_DIRECTORY),
        mtime: this.#latest ?? 0n,
      });
  }

  #clamp(time: bigint): bigint {
    return this.#latest === undefined ? time : earlier(time, this.#latest);
  }
}

function bothKinds(path: ByteString): AshlarError {
  return new AshlarError(`${quote(path)} is to be a directory and something else in one layer`, {
    hint: 'two sources disagree about it: give one of them another place',
  });
}
