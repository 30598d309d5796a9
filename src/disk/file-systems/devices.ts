/**
 * Devices of a tree. A user namespace cannot make any, so the tree of a plain user lacks those of its layers. That all
 * users get the same bytes, a FIFO with the attributes of the device stands in its place while file systems are made,
 * for root, too; in the finished file system it becomes the device. Both are inodes without data.
 */
import { chmodSync, constants, type Dirent } from 'node:fs';
import { type ByteString, type ContentsEntry, splitLast, toText } from '../../layers/index.ts';
import {
  AT_FDCWD,
  chownAt,
  FileDescriptor,
  linkAt,
  mknodAt,
  O_PATH,
  openAt,
  openBeneath,
  setTimesAt,
  setXattr,
  statusAt,
  unlinkAt,
} from '../../linux/index.ts';
import { codeOf } from '../../support/errors.ts';
import { readTree, type SourceInode } from './source-tree.ts';

/** A device for which a FIFO stands. */
export interface TreeDevice {
  /** Relative to the tree, without a slash at either end. */
  readonly path: ByteString;
  readonly type: 'character' | 'block';
  readonly major: number;
  readonly minor: number;
}

/** What layers say of a device. */
export interface DeviceEntry
  extends TreeDevice,
    Pick<ContentsEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'> {
  /** Another path of the same device, which is linked to none. */
  readonly linkedTo?: ByteString;
}

/**
 * Puts FIFOs in the places of a tree's devices. `described` are those of the layers, which the tree may lack; what else
 * it holds is found. Times of directories stay as they are.
 * @returns All devices, in the order of their paths.
 */
export async function standInForDevices(
  tree: string,
  described: readonly DeviceEntry[],
  signal: AbortSignal,
): Promise<readonly TreeDevice[]> {
  const devices = new Map<ByteString, DeviceEntry>(described.map(device => [device.path, device]));
  for await (const device of devicesIn(tree, signal)) devices.set(device.path, device);
  using root = new FileDescriptor(openAt(AT_FDCWD, tree, O_PATH | constants.O_DIRECTORY));
  const there = new Map<ByteString, TreeDevice>();
  // What others are linked to comes first, whichever name is the smaller one.
  const isLink = ({ linkedTo }: DeviceEntry) => Number(linkedTo !== undefined);
  for (const device of [...devices.values()].sort((a, b) => isLink(a) - isLink(b))) {
    const { path, type, major, minor, linkedTo } = device;
    const linked = linkedTo !== undefined && there.has(linkedTo) ? linkedTo : undefined;
    if (standIn(root.fd, device, linked)) there.set(path, { path, type, major, minor });
  }
  return [...there.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The devices below a directory of the tree (`boot`), as those of a tree of their own. */
export function devicesBelow(devices: readonly TreeDevice[], directory: ByteString): readonly TreeDevice[] {
  const start = `${directory}/`;
  return devices.flatMap(device =>
    device.path.startsWith(start) ? [{ ...device, path: device.path.slice(start.length) }] : [],
  );
}

async function* devicesIn(tree: string, signal: AbortSignal): AsyncGenerator<DeviceEntry> {
  const only = (entry: Dirent) => entry.isDirectory() || entry.isCharacterDevice() || entry.isBlockDevice();
  const { directories } = await readTree(tree, signal, { only });
  for (const entries of directories.values()) {
    for (const { path, inode } of entries) {
      const { type, major, minor } = inode;
      if (type !== 'character' && type !== 'block') continue;
      const { mode, uid, gid, mtime, xattrs } = inode;
      const described = { path, type, major, minor, mode, uid, gid, mtime, xattrs };
      yield path === inode.path ? described : { ...described, linkedTo: inode.path };
    }
  }
}

/** False where the tree has no such directory any more, or something else in the place. */
function standIn(root: number, device: DeviceEntry, linkedTo: ByteString | undefined): boolean {
  const { parent, name } = splitLast(device.path);
  const opened = openParent(root, parent);
  if (opened === undefined) return false;
  using directory = opened;
  const before = statusAt(directory.fd, '.');
  const bytes = Buffer.from(name, 'latin1');
  const there = typeAt(directory.fd, bytes);
  if (there !== undefined && there !== S_IFCHR && there !== S_IFBLK) return there === S_IFIFO;
  if (there !== undefined) unlinkAt(directory.fd, bytes);
  if (linkedTo !== undefined) linkAt(root, Buffer.from(linkedTo, 'latin1'), directory.fd, bytes);
  else makeFifo(directory.fd, bytes, device);
  setTimesAt(directory.fd, '.', { atime: before.mtimeNs, mtime: before.mtimeNs });
  return true;
}

const { S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } = constants;

function openParent(root: number, path: ByteString): FileDescriptor | undefined {
  try {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    return new FileDescriptor(openBeneath(root, path === '' ? '.' : Buffer.from(path, 'latin1'), flags));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

function typeAt(dirfd: number, name: Buffer): number | undefined {
  try {
    return Number(statusAt(dirfd, name).mode) & S_IFMT;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function makeFifo(dirfd: number, name: Buffer, { mode, uid, gid, mtime, xattrs }: DeviceEntry): void {
  mknodAt(dirfd, name, S_IFIFO | 0o600);
  chownAt(dirfd, name, uid, gid);
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${dirfd}/`), name]);
  chmodSync(path, mode);
  for (const { name: attribute, value } of xattrs) setXattr(path, toText(attribute), value);
  setTimesAt(dirfd, name, { atime: mtime, mtime });
}

/** The inodes of the tree with the devices in the places of what stands for them. */
export function withDevices(inode: SourceInode, devices: ReadonlyMap<ByteString, TreeDevice>): SourceInode {
  const device = devices.get(inode.path);
  return device === undefined || inode.type !== 'fifo' ? inode : { ...inode, ...device };
}
