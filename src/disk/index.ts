/** From a root tree to file systems, partitions and disks that start: without mounts, loop devices and root. */
export { makeArchive } from './archives/make.ts';
export { INGREDIENTS } from './boot/ingredients.ts';
export { makeDisk } from './disk.ts';
export { type DeviceEntry, standInForDevices } from './file-systems/devices.ts';
export { makeFileSystemFile } from './file-systems/make.ts';
export { makeFormat } from './formats/make.ts';
export { formatOptions } from './formats/options.ts';
export { bootPartitionNumber } from './layout.ts';
export type { DiskPartition, DiskRequest, MadeDisk, MadePartition, PartitionRole } from './request.ts';
export type {
  BootMenu,
  DiskFormat,
  DiskSize,
  DiskSpec,
  FileSystemSpec,
  FileSystemType,
  InitrdSpec,
  PartitionSpec,
  Subvolume,
} from './types.ts';
