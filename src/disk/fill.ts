/** What of a tree comes into which file system of its disk. */
import { chmodSync, mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fromText } from '../layers/index.ts';
import { AshlarError } from '../support/errors.ts';
import { devicesBelow } from './file-systems/devices.ts';
import { makeFileSystem, neededSize } from './file-systems/make.ts';
import { xfsSectorSize } from './file-systems/xfs.ts';
import type { DiskPartition, DiskRequest, FileSystemRequest, MadePartition, NeededRoom } from './request.ts';
import { emptyDirectory } from './tree-changes.ts';
import type { DiskSpec, FileSystemSpec } from './types.ts';

/** What each file system needs, by the names of their partitions. The tree stays as it is. */
export async function measurePartitions(
  request: DiskRequest,
  partitions: readonly DiskPartition[],
): Promise<ReadonlyMap<string, NeededRoom>> {
  const rooms = new Map<string, NeededRoom>();
  for (const partition of partitions) {
    const filling = fillingOf(request, partition);
    if (!filling) continue;
    const without = emptiedBelow(request.spec, partitions, partition.mountPoint);
    rooms.set(partition.name, await neededSize({ ...request, ...filling, without }));
  }
  return rooms;
}

/**
 * Those mounted deepest come first: what a partition holds leaves the tree before the one around it is made.
 * @param settled Told up to which offset of the disk the partitions stay as they are.
 */
export async function fillPartitions(
  request: DiskRequest,
  partitions: readonly MadePartition[],
  rooms: ReadonlyMap<string, NeededRoom>,
  settled: (offset: number) => void,
): Promise<void> {
  const { spec, tree, output: file, signal } = request;
  const depth = ({ mountPoint = '/' }: MadePartition) =>
    mountPoint === '/' ? 0 : mountPoint.split('/').length;
  for (const partition of [...partitions].sort((a, b) => depth(b) - depth(a))) {
    const { role, mountPoint, name, start: offset, size } = partition;
    signal.throwIfAborted();
    const filling = fillingOf(request, partition);
    if (filling) {
      const room = rooms.get(name);
      if (!room) throw new Error(`the partition ${name} was not measured`);
      await makeFileSystem({
        ...{ ...request, ...filling, file, offset, size, measured: room.measured },
        // Whatever lies before the root was filled before it.
        ...(role === 'root' && { settled }),
      });
    }
    if (mountPoint !== undefined && leavesTree(spec, partition)) emptyDirectory(tree, mountPoint);
  }
}

type Filling = Pick<FileSystemRequest, 'fileSystem' | 'uuid' | 'tree' | 'devices' | 'subvolumes'>;

/** A file system, and the part of the tree that belongs into it; nothing where it is mounted nowhere. */
function fillingOf(request: DiskRequest, partition: DiskPartition): Filling | undefined {
  const { spec, tree, devices, scratch, epoch } = request;
  const { mountPoint } = partition;
  const fileSystem = fileSystemOf(spec, partition);
  if (!fileSystem || !partition.fileSystem) return undefined;
  const made = { fileSystem, uuid: partition.fileSystem.uuid };
  if (mountPoint === '/') {
    const { subvolumes } = spec.root;
    return { ...made, tree, devices, ...(subvolumes && { subvolumes }) };
  }
  if (mountPoint !== undefined) {
    const below = devicesBelow(devices, fromText(mountPoint.slice(1)));
    return { ...made, tree: tree + mountPoint, devices: below };
  }
  const empty = join(scratch, 'empty');
  mkdirSync(empty, { recursive: true });
  chmodSync(empty, 0o755);
  utimesSync(empty, epoch, epoch);
  return { ...made, tree: empty, devices: [] };
}

/**
 * Whether the tree loses what the partition holds. The ESP of a disk with a hash tree is made last, of what is in /boot.
 */
function leavesTree(spec: DiskSpec, { mountPoint, role, fileSystem }: DiskPartition): boolean {
  if (mountPoint === undefined || mountPoint === '/' || !fileSystem) return false;
  return !spec.root.verity || (role !== 'efi' && role !== 'boot');
}

/** Directories that are empty in one that is mounted here, because other partitions hold what is in them. */
function emptiedBelow(
  spec: DiskSpec,
  partitions: readonly DiskPartition[],
  mountPoint: string | undefined,
): string[] {
  if (mountPoint === undefined) return [];
  const start = mountPoint === '/' ? '/' : `${mountPoint}/`;
  return partitions
    .filter(partition => leavesTree(spec, partition))
    .flatMap(({ mountPoint: other = '' }) => (other.startsWith(start) ? [other.slice(start.length)] : []));
}

/** What the spec says of a file system that is filled from the tree, or is empty. */
function fileSystemOf(spec: DiskSpec, partition: DiskPartition): FileSystemSpec | undefined {
  const said = fileSystemInSpec(spec, partition);
  // The kernel mounts no xfs whose sectors are smaller than those of its disk.
  if (said?.type === 'xfs' && xfsSectorSize(said.createOptions) < spec.sectorSize) {
    throw new AshlarError(
      `an xfs on a disk with sectors of ${spec.sectorSize} bytes cannot have smaller ones`,
    );
  }
  return said;
}

function fileSystemInSpec(spec: DiskSpec, { role, name }: DiskPartition): FileSystemSpec | undefined {
  switch (role) {
    case 'root':
      return spec.root;
    case 'boot':
      return spec.boot;
    case 'data':
      return spec.partitions.find(partition => partition.name === name)?.fileSystem;
    default:
      return undefined;
  }
}
