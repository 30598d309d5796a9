/** Unpacks one tar layer into a directory of its own, in the form that overlayfs mounts. */
import { createHash } from 'node:crypto';
import { chmodSync, closeSync, constants, fchmodSync, fchownSync, ftruncateSync, writeSync } from 'node:fs';
import {
  chownAt,
  chownFd,
  linkAt,
  mknodAt,
  openAt,
  setTimesAt,
  setTimesFd,
  setXattr,
  symlinkAt,
  TYPE_BITS,
} from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { type ByteString, isText, toName, toText } from './bytes.ts';
import type { Compression } from './compression.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import { type Flow, run } from './flow.ts';
import { DiskGround } from './ground.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { explain } from './system-errors.ts';
import type { TarEntry } from './tar-entry.ts';
import { type Content, readTar } from './tar-reader.ts';
import { type Directory, LayerTree, type Place, type Placement } from './tree.ts';
import { Warnings } from './warnings.ts';
import { isLocalXattr, isOverlayWhiteout, isOverlayXattr } from './whiteouts.ts';

export interface UnpackJob {
  /** The blob's file. */
  readonly blob: string;
  readonly compression: Compression;
  /** Of the uncompressed bytes, `sha256:...`; compared with what comes. */
  readonly diffId: string;
  /** Is made, and must not exist. After an error the caller removes it. */
  readonly directory: string;
  readonly limits?: Partial<Limits>;
  /** `squash`: everything belongs to the caller, for user namespaces with a single id. */
  readonly owners: 'keep' | 'squash';
}

export interface UnpackedLayer {
  readonly entries: number;
  /** Uncompressed. */
  readonly bytes: number;
  /**
   * Absolute paths of directories without an entry of their own, the root included. They have mode 0755 and belong
   * to root; in an overlay they cover the metadata that lower layers have for them.
   */
  readonly impliedDirectories: readonly string[];
  /** Whether the layer hides everything below it. Overlayfs does not look at the mark on the root of a layer. */
  readonly opaqueRoot: boolean;
  readonly warnings: readonly string[];
}

/** Runs an unpack job; `checkpoint` is called now and then and may throw to stop it. */
export async function unpack(job: UnpackJob, checkpoint: () => void): Promise<UnpackedLayer> {
  try {
    return await unpackBlob(job, checkpoint);
  } catch (error) {
    throw explain(error);
  }
}

async function unpackBlob(job: UnpackJob, checkpoint: () => void): Promise<UnpackedLayer> {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  using blob = new BlobFile(job.blob);
  const hash = createHash('sha256');
  const guard = new ExpansionGuard(limits, job.compression === 'none' ? undefined : blob.size);
  using ground = new DiskGround(job.directory);
  const unpacker = new Unpacker(ground, job.owners, limits, guard);

  async function* input(): AsyncGenerator<Buffer> {
    for await (const chunk of layerBytes(blob, job.compression, guard)) {
      checkpoint();
      hash.update(chunk);
      yield chunk;
    }
  }

  await run(
    readTar((entry, content) => unpacker.unpack(entry, content), limits),
    input(),
  );
  const diffId = `sha256:${hash.digest('hex')}`;
  if (diffId !== job.diffId) {
    throw new AshlarError(`the layer ${job.blob} has the diff ID ${diffId} instead of ${job.diffId}`, {
      hint: 'the image is damaged or was tampered with',
    });
  }
  return { ...unpacker.finish(), bytes: guard.bytes };
}

/** What is kept of a directory's entry until everything in it is written. */
type Metadata = Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'>;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

const IMPLIED_MODE = 0o755;

class Unpacker {
  readonly #ground: DiskGround;
  readonly #tree: LayerTree;
  readonly #keepOwners: boolean;
  readonly #metadata = new Map<Directory, Metadata>();
  readonly #warnings = new Warnings();
  readonly #guard: ExpansionGuard;
  readonly #umask = process.umask();
  readonly #self = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  #entries = 0;

  constructor(ground: DiskGround, owners: UnpackJob['owners'], limits: Limits, guard: ExpansionGuard) {
    this.#ground = ground;
    this.#tree = new LayerTree(ground, limits);
    this.#keepOwners = owners === 'keep';
    this.#guard = guard;
  }

  *unpack(entry: TarEntry, content: Content): Flow<void> {
    this.#entries++;
    try {
      yield* this.#create(this.#tree.place(entry), entry, content);
    } catch (error) {
      throw explain(error, code =>
        code === 'EINVAL' && this.#keepOwners
          ? `the owner ${entry.uid}:${entry.gid} may be outside the range of this user namespace`
          : undefined,
      );
    }
  }

  /** Gives the directories their modes, owners and times, now that nothing is added to them. */
  finish(): Omit<UnpackedLayer, 'bytes'> {
    const implied: string[] = [];
    for (const directory of this.#tree.directories()) {
      if (directory.implied) {
        if (isText(directory.path)) implied.push(`/${toText(directory.path)}`);
        else this.#warnings.add('a directory without an entry has a name that is not UTF-8', directory.path);
      }
      this.#finishDirectory(directory);
    }
    return {
      entries: this.#entries,
      impliedDirectories: implied.sort(),
      opaqueRoot: this.#tree.root.opaque,
      warnings: this.#warnings.lines(),
    };
  }

  *#create(placement: Placement, entry: TarEntry, content: Content): Flow<void> {
    switch (placement.kind) {
      case 'void':
      case 'whiteout':
        return;
      case 'directory':
        this.#metadata.set(placement.directory, entry);
        return;
      case 'hardlink':
        this.#link(placement.from, placement.to);
        return;
      case 'other':
        yield* this.#createOther(placement.place, entry, content);
    }
  }

  /** The metadata is the target's own; what the entry of the link says about it is not asked. */
  #link(from: Place, to: Place): void {
    try {
      const target = this.#ground.fd(from.directory);
      linkAt(target, toName(from.name), this.#ground.fd(to.directory), toName(to.name));
    } catch (error) {
      // The layer has it: it is a device that could not be made, and has no other names either.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  *#createOther(place: Place, entry: TarEntry, content: Content): Flow<void> {
    switch (entry.type) {
      case 'symlink':
        symlinkAt(toName(entry.link), this.#ground.fd(place.directory), toName(place.name));
        this.#setMetadata(place, entry);
        return;
      case 'character':
      case 'block':
      case 'fifo':
        this.#createNode(place, entry, TYPE_BITS[entry.type]);
        return;
      default:
        yield* this.#createFile(place, entry, content);
    }
  }

  *#createFile(place: Place, entry: TarEntry, content: Content): Flow<void> {
    const dirfd = this.#ground.fd(place.directory);
    const name = toName(place.name);
    // Most modes survive the umask, which saves a system call for each file.
    const mode = entry.mode & 0o777 & ~this.#umask;
    this.#guard.addHoles(entry.size - content.left);
    const fd = openAt(dirfd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
    try {
      let end = 0;
      while (content.left > 0) {
        const piece = yield* content.next();
        if (piece === undefined) break;
        writeFully(fd, piece, content.offset);
        end = content.offset + piece.length;
      }
      if (end < entry.size) ftruncateSync(fd, entry.size);
      if (this.#mustChown(entry)) fchownSync(fd, entry.uid, entry.gid);
      if (mode !== entry.mode) fchmodSync(fd, entry.mode);
      if (entry.xattrs.length > 0) this.#setXattrs(inDirectory(dirfd, place.name), entry);
      setTimesFd(fd, { atime: entry.mtime, mtime: entry.mtime });
    } finally {
      closeSync(fd);
    }
  }

  #createNode(place: Place, entry: TarEntry, typeBits: number): void {
    if (isOverlayWhiteout(entry)) {
      // Overlayfs would take it for a whiteout, which the layer must not smuggle in.
      this.#warnings.add('a device 0:0 was left out', entry.path);
      return;
    }
    const dirfd = this.#ground.fd(place.directory);
    try {
      mknodAt(dirfd, toName(place.name), typeBits | 0o600, entry);
    } catch (error) {
      if (codeOf(error) !== 'EPERM' || entry.type === 'fifo') throw error;
      // Whatever runs in the tree gets a /dev of its own: nobody will miss these.
      if (place.directory.path !== 'dev') {
        this.#warnings.add('a device cannot be made without more privileges', entry.path);
      }
      return;
    }
    this.#setMetadata(place, entry);
  }

  /** For entries that cannot be opened: links, devices, FIFOs. */
  #setMetadata(place: Place, entry: TarEntry): void {
    const dirfd = this.#ground.fd(place.directory);
    const name = toName(place.name);
    if (this.#mustChown(entry)) chownAt(dirfd, name, entry.uid, entry.gid);
    if (entry.type !== 'symlink') {
      // It was made a moment ago in a directory that is ours alone, so the name is still what we made.
      chmodSync(inDirectory(dirfd, place.name), entry.mode);
    }
    if (entry.xattrs.length > 0) this.#setXattrs(inDirectory(dirfd, place.name), entry);
    setTimesAt(dirfd, name, { atime: entry.mtime, mtime: entry.mtime });
  }

  #finishDirectory(directory: Directory): void {
    const metadata = this.#metadata.get(directory);
    using open = this.#ground.openForMetadata(directory);
    if (metadata !== undefined && this.#mustChown(metadata)) chownFd(open.fd, metadata.uid, metadata.gid);
    fchmodSync(open.fd, metadata?.mode ?? IMPLIED_MODE);
    if (metadata === undefined) {
      setTimesFd(open.fd, { atime: 0n, mtime: 0n });
      return;
    }
    if (metadata.xattrs.length > 0) {
      this.#setXattrs(`/proc/self/fd/${open.fd}/.`, { path: directory.path, xattrs: metadata.xattrs });
    }
    setTimesFd(open.fd, { atime: metadata.mtime, mtime: metadata.mtime });
  }

  /** What is made belongs to us already. */
  #mustChown({ uid, gid }: { readonly uid: number; readonly gid: number }): boolean {
    return this.#keepOwners && (uid !== this.#self.uid || gid !== this.#self.gid);
  }

  #setXattrs(target: string | Buffer, { path, xattrs }: Pick<TarEntry, 'path' | 'xattrs'>): void {
    for (const { name, value } of xattrs) {
      if (isLocalXattr(name)) continue;
      if (isOverlayXattr(name)) {
        this.#warnings.add(`the attribute ${toText(name)}, which belongs to overlayfs, was left out`, path);
        continue;
      }
      try {
        setXattr(target, toText(name), value);
      } catch (error) {
        const code = codeOf(error);
        if (code !== 'EPERM' && code !== 'EOPNOTSUPP') throw error;
        this.#warnings.add(`the attribute ${toText(name)} could not be set (${code})`, path);
      }
    }
  }
}

/** A path for the calls that take no descriptor; the descriptor keeps it inside the layer all the same. */
function inDirectory(dirfd: number, name: ByteString): string | Buffer {
  return toName(`/proc/self/fd/${dirfd}/${name}`);
}

function writeFully(fd: number, bytes: Buffer, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  }
}
