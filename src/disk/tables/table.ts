/** A partition table as data. Starts and lengths count sectors of the disk. */
import type { PartitionKind } from './partition-types.ts';

export interface PartitionTable {
  readonly sectorSize: 512 | 4096;
  /** Of the whole disk. */
  readonly sectors: number;
  /** By their starts. */
  readonly partitions: readonly TablePartition[];
}

export interface TablePartition {
  readonly number: number;
  readonly kind: PartitionKind;
  readonly start: number;
  readonly sectors: number;
}
