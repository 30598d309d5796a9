/**
 * Finishes an ext2/3/4 file system that mke2fs has filled from a tree. mke2fs keeps seconds of times only, takes atime
 * and ctime as the tree has them on this machine, and leaves the root directory as it likes; and FIFOs stand for
 * devices. Format: the kernel's Documentation/filesystems/ext4.
 */
import { constants, openSync } from 'node:fs';
import type { ByteString } from '../../layers/index.ts';
import { FileDescriptor } from '../../linux/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { TreeDevice } from './devices.ts';
import { hasTail, writeTail } from './ext-directory.ts';
import { setDevice, setOwner, setTimes } from './ext-inode.ts';
import { type Found, namesIn } from './ext-names.ts';
import { ExtVolume, INCOMPATIBLE, INODE, ROOT } from './ext-volume.ts';
import { FILE_TYPES, nameOf, type SourceInode, type SourceTree } from './source-tree.ts';

/** Gives every inode the attributes of the tree that mke2fs does not. */
export function finishExt(
  path: string,
  offset: number,
  tree: SourceTree,
  devices: ReadonlyMap<ByteString, TreeDevice>,
): void {
  using file = new FileDescriptor(openSync(path, constants.O_RDWR));
  const volume = new ExtVolume(file.fd, offset);
  if (volume.incompatible & (INCOMPATIBLE.metaGroups | INCOMPATIBLE.inlineData))
    throw new AshlarError('the features meta_bg and inline_data of ext4 cannot be used here');
  const done = new Set<SourceInode>();
  change(volume, ROOT, bytes => {
    setOwner(bytes, tree.root);
    setTimes(bytes, tree.root.mtime);
  });
  const numbers = new Map<ByteString, number>([['', ROOT]]);
  for (const [directory, entries] of tree.directories) {
    if (entries.length === 0) continue;
    const number = numbers.get(directory);
    if (number === undefined) throw missing(directory);
    const names = namesIn(volume, number);
    for (const { path: at, name, inode } of entries) {
      const found = names.get(name);
      if (found === undefined) throw missing(at);
      if (inode.type === 'directory') numbers.set(at, found.inode);
      const device = inode.type === 'fifo' ? devices.get(inode.path) : undefined;
      if (device) setEntryType(volume, number, found, device);
      if (done.has(inode)) continue;
      done.add(inode);
      change(volume, found.inode, bytes => {
        if (device) setDevice(bytes, device);
        setTimes(bytes, inode.mtime);
      });
    }
  }
}

function missing(path: ByteString): AshlarError {
  return new AshlarError(`mke2fs has left out ${nameOf(path)}`);
}

/** Changes an inode, and its checksum with it. */
function change(volume: ExtVolume, number: number, alter: (inode: Buffer) => void): void {
  const bytes = volume.readInode(number);
  alter(bytes);
  volume.signInode(number, bytes);
  volume.write(bytes, volume.placeOfInode(number));
}

function setEntryType(
  volume: ExtVolume,
  directory: number,
  { block, at }: Found,
  { type }: TreeDevice,
): void {
  if ((volume.incompatible & INCOMPATIBLE.types) === 0) return;
  const bytes = volume.readBlock(block);
  bytes.writeUInt8(FILE_TYPES[type], at + 7);
  const seed = volume.seedOfInode(directory, volume.readInode(directory).readUInt32LE(INODE.generation));
  if (seed !== undefined && hasTail(bytes)) writeTail(bytes, seed);
  volume.write(bytes, block * volume.blockSize);
}
