/** What a BIOS starts: GRUB's first sector, which reads the rest from a place that is written into both. */
import { AshlarError } from '../../support/errors.ts';
import type { BootCode } from './types.ts';

const SECTOR = 512;
/** Up to the signature of the disk and the table of partitions. */
const CODE = 440;

/** Where boot.img keeps the sector that GRUB begins in. */
const FIRST_SECTOR = 0x5c;
/** A jump that boot.img takes where the BIOS numbers drives wrongly, as it did with floppy disks. */
const DRIVE_CHECK = 0x66;
const NOTHING = Buffer.of(0x90, 0x90);

/** Where core.img says what follows its own first sector: sector (8 bytes), count (2), segment in memory (2). */
const BLOCK_LIST = 0x1f4;
const SEGMENT = 0x820;

/**
 * The code for a disk on which GRUB lies from `sector` on, in a partition of its own or before the first one.
 * @param room Sectors that are free there.
 * @throws AshlarError when GRUB is larger.
 */
export function bootCode(
  { sector: boot, core }: { readonly sector: Uint8Array; readonly core: Uint8Array },
  sector: number,
  room: number,
): BootCode {
  const sectors = Math.ceil(core.length / SECTOR);
  if (sectors > room) {
    throw new AshlarError(`GRUB takes ${sectors} sectors, and there are ${room} before the first partition`, {
      hint: 'begin the first partition later, at sector 2048',
    });
  }
  const first = Buffer.from(boot.subarray(0, CODE));
  first.writeBigUInt64LE(BigInt(sector), FIRST_SECTOR);
  NOTHING.copy(first, DRIVE_CHECK);
  const padded = Buffer.alloc(sectors * SECTOR);
  padded.set(core);
  padded.writeBigUInt64LE(BigInt(sector + 1), BLOCK_LIST);
  padded.writeUInt16LE(sectors - 1, BLOCK_LIST + 8);
  padded.writeUInt16LE(SEGMENT, BLOCK_LIST + 10);
  return { first, core: padded };
}
