/**
 * The changes in the upper directory of an overlay mount (`userxattr`) as the entries of a layer.
 *
 * Order: the root, then each directory before what it holds, names in byte order; whiteouts come before their
 * siblings, as the OCI specification asks. Sparse files are written out in full, since it advises against sparse
 * entries; their holes are not read and compress to nothing.
 */
import { type Dirent, lstatSync, unlinkSync } from 'node:fs';
import { AT_FDCWD, getXattr, removeXattr } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { type ByteString, fromText, quote, toName, toText } from './bytes.ts';
import type { Flow } from './flow.ts';
import { canonicalPath, joinPath } from './names.ts';
import {
  checkLayerName,
  deviceOf,
  entryOf,
  type Found,
  find,
  findListed,
  HardLinks,
  list,
  writeContent,
  xattrsOf,
} from './scan.ts';
import type { TarEntry, Xattr } from './tar-entry.ts';
import type { TarWriter } from './tar-writer.ts';
import type { Warnings } from './warnings.ts';
import {
  isLocalXattr,
  isOpaqueMark,
  isOverlayWhiteout,
  isOverlayXattr,
  OPAQUE_NAME,
  whiteoutEntry,
  whiteoutName,
} from './whiteouts.ts';

export interface UpperJob {
  readonly kind: 'upper';
  readonly directory: string;
  /** Absolute paths in the image that are no changes of its maker; what lies below them is left out, too. */
  readonly exclude?: readonly string[];
  /**
   * The lower directories, bottom to top. With them, whiteouts and opaque marks are left out where there is nothing
   * to hide: overlayfs marks every new directory opaque.
   */
  readonly lowers?: readonly string[];
  /**
   * Such marks are also taken off the directory, which then is what unpacking the layer gives: above other layers than
   * these lower ones they would hide something.
   */
  readonly tidy?: true;
  /** What FIFOs in the directory stand for. */
  readonly devices?: readonly DeviceStandIn[];
}

/** A device that a FIFO stands for, which has its other attributes: user namespaces cannot make devices. */
export interface DeviceStandIn {
  readonly path: ByteString;
  readonly type: 'character' | 'block';
  readonly major: number;
  readonly minor: number;
}

/** Writes the entries. The root alone is no change, so nothing is written then. */
export function* packUpper(job: UpperJob, writer: TarWriter, warnings: Warnings, latest: bigint): Flow<void> {
  const packer = new UpperPacker(job, writer, warnings, latest);
  yield* packer.pack(fromText(job.directory), job.lowers?.map(fromText).reverse());
}

/** Directories of lower layers that overlayfs merges at some place, top to bottom; `undefined` when not known. */
type Merged = readonly ByteString[] | undefined;

class UpperPacker {
  readonly #writer: TarWriter;
  readonly #warnings: Warnings;
  readonly #latest: bigint;
  readonly #excluded: ReadonlySet<ByteString>;
  /** Where marks are to be taken off. */
  readonly #untidy: ByteString | undefined;
  readonly #devices: ReadonlyMap<ByteString, DeviceStandIn>;
  readonly #links = new HardLinks();
  #root: TarEntry | undefined;

  constructor(job: UpperJob, writer: TarWriter, warnings: Warnings, latest: bigint) {
    this.#writer = writer;
    this.#warnings = warnings;
    this.#latest = latest;
    this.#excluded = new Set(job.exclude?.map(path => canonicalPath(fromText(path))));
    this.#untidy = job.tidy && fromText(job.directory);
    this.#devices = new Map(job.devices?.map(device => [device.path, device]));
  }

  *pack(directory: ByteString, lowers: Merged): Flow<void> {
    using found = find(AT_FDCWD, directory);
    if (found.fd === undefined || found.type !== 'directory') {
      throw new AshlarError(`${quote(directory)} is not a directory`);
    }
    const { kept, opaque } = this.#sortXattrs(found, '');
    // Held back until there is something to go with it.
    this.#root = { ...entryOf(found, '/', 'directory', this.#latest), xattrs: kept };
    if (opaque) yield* this.#begin(whiteoutEntry(OPAQUE_NAME));
    yield* this.#children(found.fd, '', opaque ? [] : lowers);
  }

  *#children(fd: number, parent: ByteString, lowers: Merged): Flow<void> {
    const others: Dirent<ByteString>[] = [];
    for (const entry of list(fd)) {
      const { name } = entry;
      if (this.#excluded.has(joinPath(parent, name))) continue;
      if (entry.isCharacterDevice() && isWhiteout(fd, name)) {
        if (lowers === undefined || lookUp(lowers, name).exists) {
          yield* this.#begin(whiteoutEntry(joinPath(parent, whiteoutName(name))));
        } else if (this.#untidy !== undefined) {
          unlinkSync(toName(`${this.#untidy}/${joinPath(parent, name)}`));
        }
        continue;
      }
      others.push(entry);
      checkLayerName(name, joinPath(parent, name));
    }
    for (const entry of others) yield* this.#child(fd, entry, joinPath(parent, entry.name), lowers);
  }

  *#child(dirfd: number, entry: Dirent<ByteString>, path: ByteString, lowers: Merged): Flow<void> {
    using found = findListed(dirfd, entry);
    if (found.type === 'socket') {
      this.#warnings.add('a socket was left out', path);
      return;
    }
    const first = this.#links.meet(found, path);
    if (first !== undefined) {
      yield* this.#begin({ ...entryOf(found, path, 'hardlink', this.#latest), link: first });
      return;
    }
    const { kept, opaque } = this.#sortXattrs(found, path);
    if (found.type !== 'directory') {
      const device = found.type === 'fifo' ? this.#devices.get(path) : undefined;
      yield* this.#begin({ ...entryOf(found, path, found.type, this.#latest), ...device, xattrs: kept });
      if (found.type === 'file' && found.fd !== undefined) {
        yield* writeContent(this.#writer, found.fd, found.stat, path);
      }
      return;
    }
    yield* this.#begin({ ...entryOf(found, `${path}/`, 'directory', this.#latest), xattrs: kept });
    const below = mergedDirectories(lowers, entry.name);
    if (opaque) {
      if (below === undefined || below.length > 0)
        yield* this.#begin(whiteoutEntry(joinPath(path, OPAQUE_NAME)));
      else if (this.#untidy !== undefined) removeOpaqueMarks(`${this.#untidy}/${path}`);
    }
    if (found.fd !== undefined) yield* this.#children(found.fd, path, opaque ? [] : below);
  }

  *#begin(entry: TarEntry): Flow<void> {
    if (this.#root !== undefined) {
      yield* this.#writer.begin(this.#root);
      this.#root = undefined;
    }
    yield* this.#writer.begin(entry);
  }

  /** Tells the attributes that belong to the file from those that overlayfs keeps its books with. */
  #sortXattrs(found: Found, path: ByteString): { kept: readonly Xattr[]; opaque: boolean } {
    let opaque = false;
    const kept = xattrsOf(found, path, this.#warnings).filter(({ name, value }) => {
      if (isOpaqueMark(name, value)) opaque = true;
      if (/\.overlay\.(?:redirect|metacopy)$/.test(name) && isOverlayXattr(name)) {
        throw new AshlarError(`${quote(path)} refers to another layer (${toText(name)})`, {
          hint: 'mount the overlay with redirect_dir=nofollow,metacopy=off',
        });
      }
      return !isOverlayXattr(name) && !isLocalXattr(name);
    });
    return { kept, opaque };
  }
}

function isWhiteout(dirfd: number, name: ByteString): boolean {
  using found = find(dirfd, name);
  const { type } = found;
  return type !== 'socket' && isOverlayWhiteout({ type, ...deviceOf(found) });
}

/** What overlayfs shows below the upper directory under this name: the directories it merges, or that there is anything. */
function lookUp(
  lowers: readonly ByteString[],
  name: ByteString,
): { exists: boolean; merged: readonly ByteString[] } {
  const merged: ByteString[] = [];
  for (const lower of lowers) {
    const path = `${lower}/${name}`;
    const stat = lstatSync(toName(path), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) {
      const isWhiteout = stat.isCharacterDevice() && stat.rdev === 0;
      return { exists: merged.length > 0 || !isWhiteout, merged };
    }
    merged.push(path);
    if (isOpaque(path)) break;
  }
  return { exists: merged.length > 0, merged };
}

function mergedDirectories(lowers: Merged, name: ByteString): Merged {
  return lowers === undefined || lowers.length === 0 ? lowers : lookUp(lowers, name).merged;
}

const OPAQUE_MARKS: readonly string[] = ['user.overlay.opaque', 'trusted.overlay.opaque'];

function isOpaque(path: ByteString): boolean {
  return opaqueMarksOf(path).length > 0;
}

function opaqueMarksOf(path: ByteString): readonly string[] {
  return OPAQUE_MARKS.filter(name => {
    const value = getXattr(toName(path), name);
    return value !== undefined && isOpaqueMark(name, value);
  });
}

function removeOpaqueMarks(path: ByteString): void {
  for (const name of opaqueMarksOf(path)) removeXattr(toName(path), name);
}
