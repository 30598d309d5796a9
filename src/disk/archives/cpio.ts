/** A tree as a cpio archive. */
import { constants, fstatSync, openSync } from 'node:fs';
import { AT_FDCWD, FileDescriptor, openAt, TYPE_BITS } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { withDevices } from '../file-systems/devices.ts';
import { nameOf, openSource, readSource, readTree, type SourceInode } from '../file-systems/source-tree.ts';
import { newcHeader, newcPadding, newcTrailer } from '../newc.ts';
import { writeFully } from '../pieces.ts';
import type { ArchiveRequest } from '../request.ts';

const MOST = 0xffff_ffff;
const PIECE = 1 << 20;

/** Throws an AshlarError for what cannot be in such an archive: files of 4 GiB and more. */
export async function writeCpio(
  { tree: directory, devices, signal, warn }: Pick<ArchiveRequest, 'tree' | 'devices' | 'signal' | 'warn'>,
  output: string,
): Promise<void> {
  const tree = await readTree(directory, signal);
  const standIns = new Map(devices.map(device => [device.path, device]));
  const attributes = tree.inodes.find(({ xattrs }) => xattrs.length > 0);
  if (attributes)
    warn(
      `a cpio archive holds no extended attributes: they are left out, as those of ${nameOf(attributes.path)}`,
    );
  using root = new FileDescriptor(openAt(AT_FDCWD, directory, constants.O_RDONLY | constants.O_DIRECTORY));
  using file = new FileDescriptor(openSync(output, 'wx'));
  const archive = new Archive(file.fd);
  const numbers = new Map<SourceInode, { readonly number: number; left: number }>();
  const add = (path: string, inode: SourceInode) => {
    signal.throwIfAborted();
    const known = numbers.get(inode) ?? { number: numbers.size + 1, left: inode.names };
    numbers.set(inode, known);
    known.left -= 1;
    // Of a file with several names the last one has the content.
    archive.add(path, withDevices(inode, standIns), known.number, known.left === 0 ? root.fd : undefined);
  };
  add('.', tree.root);
  for (const entries of tree.directories.values()) for (const { path, inode } of entries) add(path, inode);
  archive.end();
}

class Archive {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(PIECE);
  #at = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  add(path: string, inode: SourceInode, number: number, root: number | undefined): void {
    const target = Buffer.from(inode.link, 'latin1');
    const size = inode.type === 'symlink' ? target.length : root === undefined ? 0 : inode.size;
    if (size > MOST) throw new AshlarError(`${nameOf(inode.path)} is too large for a cpio archive`);
    const { mode, uid, gid, major, minor } = inode;
    const entry = {
      ...{ inode: number, mode: TYPE_BITS[inode.type] | mode, uid, gid, size, major, minor },
      links: inode.type === 'directory' ? 2 : inode.names,
      time: Math.min(MOST, Math.max(0, Math.floor(Number(inode.mtime) / 1e9))),
    };
    this.#write(newcHeader(Buffer.from(path, 'latin1'), entry));
    if (inode.type === 'symlink') this.#write(target);
    else if (size > 0 && root !== undefined) this.#content(root, inode);
    this.#write(newcPadding(size));
  }

  /** The entry that ends it, and whole sectors, as other programs write them. */
  end(): void {
    this.#write(newcTrailer());
    this.#write(Buffer.alloc((512 - (this.#at % 512)) % 512));
  }

  #content(root: number, inode: SourceInode): void {
    const { path, size } = inode;
    using source = openSource(root, path);
    if (fstatSync(source.fd).size !== size)
      throw new AshlarError(`${nameOf(path)} changed while it was read`);
    for (let at = 0; at < size; at += PIECE) {
      const piece = this.#buffer.subarray(0, size - at);
      readSource(source.fd, piece, at, inode);
      this.#write(piece);
    }
  }

  #write(bytes: Buffer): void {
    writeFully(this.#fd, bytes, this.#at);
    this.#at += bytes.length;
  }
}
