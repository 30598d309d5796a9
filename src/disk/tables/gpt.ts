/** The GUID partition table (UEFI specification, chapter 5): after the MBR, and once more at the end of the disk. */
import { crc32 } from 'node:zlib';
import { AshlarError } from '../../support/errors.ts';
import type { Piece } from '../pieces.ts';
import { protectiveMbr } from './mbr.ts';
import { typeGuid } from './partition-types.ts';
import type { PartitionTable, TablePartition } from './table.ts';

const ENTRIES = 128;
const ENTRY_SIZE = 128;
const HEADER_SIZE = 92;
const NAME_LENGTH = 36;

export interface GuidTable extends PartitionTable {
  /** GUIDs as text. */
  readonly id: string;
  readonly partitions: readonly GuidPartition[];
  /** As `uname -m` says it. */
  readonly architecture: string;
  /** Of the MBR. */
  readonly signature: number;
  readonly hybrid: boolean;
}

export interface GuidPartition extends TablePartition {
  readonly id: string;
  /** Up to 36 characters. */
  readonly name: string;
}

export function guidTable(table: GuidTable): Piece[] {
  const { sectorSize, sectors } = table;
  const entries = entryBytes(table);
  const length = entries.length / sectorSize;
  const checksum = crc32(entries);
  const header = (own: number, other: number, entriesAt: number): Buffer => {
    const bytes = Buffer.alloc(HEADER_SIZE);
    bytes.write('EFI PART', 0, 'latin1');
    bytes.writeUInt32LE(0x00010000, 8);
    bytes.writeUInt32LE(HEADER_SIZE, 12);
    bytes.writeBigUInt64LE(BigInt(own), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(BigInt(2 + length), 40);
    bytes.writeBigUInt64LE(BigInt(sectors - length - 2), 48);
    guidBytes(table.id).copy(bytes, 56);
    bytes.writeBigUInt64LE(BigInt(entriesAt), 72);
    bytes.writeUInt32LE(ENTRIES, 80);
    bytes.writeUInt32LE(ENTRY_SIZE, 84);
    bytes.writeUInt32LE(checksum, 88);
    bytes.writeUInt32LE(crc32(bytes), 16);
    return bytes;
  };
  const last = sectors - 1;
  return [
    protectiveMbr(table, table.signature, table.hybrid),
    { offset: sectorSize, bytes: header(1, last, 2) },
    { offset: 2 * sectorSize, bytes: entries },
    { offset: (last - length) * sectorSize, bytes: entries },
    { offset: last * sectorSize, bytes: header(last, 1, last - length) },
  ];
}

/** Bytes that the table takes at the start of a disk, MBR included; the one at its end takes a sector less. */
export function guidTableSize(sectorSize: number): number {
  return 2 * sectorSize + ENTRIES * ENTRY_SIZE;
}

function entryBytes(table: GuidTable): Buffer {
  const bytes = Buffer.alloc(ENTRIES * ENTRY_SIZE);
  for (const partition of table.partitions) {
    const at = (partition.number - 1) * ENTRY_SIZE;
    guidBytes(typeGuid(partition.kind, table.architecture)).copy(bytes, at);
    guidBytes(partition.id).copy(bytes, at + 16);
    bytes.writeBigUInt64LE(BigInt(partition.start), at + 32);
    bytes.writeBigUInt64LE(BigInt(partition.start + partition.sectors - 1), at + 40);
    if (partition.name.length > NAME_LENGTH)
      throw new AshlarError(
        `the name of a partition has more than ${NAME_LENGTH} characters: ${partition.name}`,
      );
    bytes.write(partition.name, at + 56, 'utf16le');
  }
  return bytes;
}

/** The first three fields are little-endian, the rest is as written. */
function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
