/** How the partitions of a disk are named in fstab, on the command line of the kernel, and by GRUB. */
import { AshlarError } from '../../support/errors.ts';
import type { DiskPartition, PartitionRole } from '../request.ts';
import type { DiskSpec } from '../types.ts';

export function partitionOf(partitions: readonly DiskPartition[], role: PartitionRole): DiskPartition {
  const found = optionalPartition(partitions, role);
  if (!found) throw new AshlarError(`the disk has no partition for ${role}`);
  return found;
}

export function optionalPartition(
  partitions: readonly DiskPartition[],
  role: PartitionRole,
): DiskPartition | undefined {
  return partitions.find(partition => partition.role === role);
}

/** `UUID=…`, or what else the disk is to be identified by. */
export function nameOfPartition(partition: DiskPartition, by: DiskSpec['identifiedBy']): string {
  const { fileSystem, uuid } = partition;
  // squashfs has neither UUID nor label.
  if (by === 'partuuid' || !fileSystem || fileSystem.type === 'squashfs') return `PARTUUID=${uuid}`;
  // Neither fstab nor the command line of the kernel takes any other label as it is.
  if (by === 'label' && /^[\w.+-]+$/.test(fileSystem.label)) return `LABEL=${fileSystem.label}`;
  return `UUID=${fileSystem.uuid}`;
}
