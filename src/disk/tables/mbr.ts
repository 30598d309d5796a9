/** The master boot record: the table of BIOS disks, and what protects a GPT from programs that know no other. */
import { AshlarError } from '../../support/errors.ts';
import type { Piece } from '../pieces.ts';
import { typeBytes } from './partition-types.ts';
import type { PartitionTable, TablePartition } from './table.ts';

/** Code lies before; it is none of ours. */
const SIGNATURE = 440;
const ENTRIES = 446;
const END = 512;
const MOST_SECTORS = 0xffffffff;
const PROTECTIVE = 0xee;
const EXTENDED = 0x0f;

export interface MsdosTable extends PartitionTable {
  readonly signature: number;
  /** Number of the partition that a BIOS is to start. */
  readonly active: number | undefined;
}

interface Entry {
  readonly active: boolean;
  readonly type: number;
  readonly start: number;
  readonly sectors: number;
}

/**
 * A table of up to four primary partitions. Of more, one is an extended one, which holds those with numbers from 5
 * on; each of these has a sector before it, which says where the next one is.
 */
export function msdosTable(table: MsdosTable): Piece[] {
  if (table.sectors > MOST_SECTORS)
    throw new AshlarError('the disk is too large for a partition table of type msdos', {
      hint: 'A GPT has no such limit.',
    });
  const entry = (partition: TablePartition): Entry => ({
    active: partition.number === table.active,
    type: typeBytes[partition.kind],
    start: partition.start,
    sectors: partition.sectors,
  });
  const primary: (Entry | undefined)[] = [];
  for (const partition of table.partitions)
    if (partition.number <= 4) primary[partition.number - 1] = entry(partition);
  const logical = table.partitions.filter(partition => partition.number > 4);
  const first = logical[0];
  const last = logical.at(-1);
  if (!first || !last) return [{ offset: SIGNATURE, bytes: record(table.signature, primary) }];

  const start = chainSector(first, table.sectorSize);
  const free = [0, 1, 2, 3].find(i => primary[i] === undefined) ?? 3;
  primary[free] = { active: false, type: EXTENDED, start, sectors: last.start + last.sectors - start };
  const chain = logical.map((partition, i): Piece => {
    const own = chainSector(partition, table.sectorSize);
    const following = logical[i + 1];
    const next = following && {
      active: false,
      type: EXTENDED,
      start: chainSector(following, table.sectorSize) - start,
      sectors: following.start + following.sectors - chainSector(following, table.sectorSize),
    };
    const link = [{ ...entry(partition), start: partition.start - own }, next];
    return { offset: own * table.sectorSize + SIGNATURE, bytes: record(0, link) };
  });
  return [{ offset: SIGNATURE, bytes: record(table.signature, primary) }, ...chain];
}

/** Room that a logical partition leaves before it, so that it is itself aligned. */
export const CHAIN_ROOM = 1024 * 1024;

function chainSector(partition: TablePartition, sectorSize: number): number {
  return partition.start - CHAIN_ROOM / sectorSize;
}

/** The MBR of a GPT disk. A hybrid one also names the first partitions; `signature` may be 0 where it does not. */
export function protectiveMbr(table: PartitionTable, signature: number, hybrid: boolean): Piece {
  const shown = hybrid ? table.partitions.slice(0, 3) : [];
  const end = shown[0]?.start ?? table.sectors;
  const entries = shown.map(
    ({ kind, start, sectors }): Entry => ({ active: false, type: typeBytes[kind], start, sectors }),
  );
  const protective = { active: false, type: PROTECTIVE, start: 1, sectors: Math.min(end - 1, MOST_SECTORS) };
  return { offset: SIGNATURE, bytes: record(signature, [protective, ...entries]) };
}

/** Everything of a record but its code. */
function record(signature: number, entries: readonly (Entry | undefined)[]): Buffer {
  const bytes = Buffer.alloc(END - SIGNATURE);
  bytes.writeUInt32LE(signature, 0);
  for (const [i, entry] of entries.entries())
    if (entry) writeEntry(bytes, ENTRIES - SIGNATURE + 16 * i, entry);
  bytes.writeUInt16LE(0xaa55, END - SIGNATURE - 2);
  return bytes;
}

function writeEntry(bytes: Buffer, offset: number, { active, type, start, sectors }: Entry): void {
  bytes.writeUInt8(active ? 0x80 : 0, offset);
  writeCylinders(bytes, offset + 1, start);
  bytes.writeUInt8(type, offset + 4);
  writeCylinders(bytes, offset + 5, start + sectors - 1);
  bytes.writeUInt32LE(start, offset + 8);
  bytes.writeUInt32LE(sectors, offset + 12);
}

/** The address that very old BIOSes read, of a disk with 255 heads and 63 sectors; the highest where it ends. */
function writeCylinders(bytes: Buffer, offset: number, sector: number): void {
  const cylinder = Math.floor(sector / (255 * 63));
  const inside = cylinder <= 1023;
  bytes.writeUInt8(inside ? Math.floor(sector / 63) % 255 : 0xfe, offset);
  bytes.writeUInt8(inside ? (sector % 63) + 1 + ((cylinder >> 8) << 6) : 0xff, offset + 1);
  bytes.writeUInt8(inside ? cylinder & 0xff : 0xff, offset + 2);
}
