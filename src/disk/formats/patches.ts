/**
 * Ids and times that qemu-img makes up for a disk become those that belong to its content, so that equal disks are equal
 * files in every format. All files here were written by qemu-img a moment ago.
 */
import { readSync } from 'node:fs';
import { AshlarError } from '../../support/errors.ts';
import { crc32c } from '../crc32c.ts';
import { type Ids, uuidBytes } from '../ids.ts';
import { writeFully } from '../pieces.ts';

const SECTOR = 512;

function read(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(fd, bytes, 0, length, at) !== length) throw unexpected('it is too short');
  return bytes;
}

function unexpected(why: string): AshlarError {
  return new AshlarError(`qemu-img has written a disk of an unknown form: ${why}`);
}

/** VMware's virtual disk format 1.1: a text in the file has the id of the content. */
export function patchVmdk(fd: number, ids: Ids): void {
  const header = read(fd, 0, SECTOR);
  if (header.toString('latin1', 0, 4) !== 'KDMV') throw unexpected('a vmdk without its signature');
  const at = Number(header.readBigUInt64LE(28)) * SECTOR;
  const length = Number(header.readBigUInt64LE(36)) * SECTOR;
  if (length === 0 || length > 1 << 20) throw unexpected('a vmdk without a description');
  const text = read(fd, at, length).toString('latin1').replace(/\0+$/, '');
  // All ones stands for no parent.
  const id = (ids('vmdk content').readUInt32BE(0) & 0x7fffffff).toString(16);
  const changed = Buffer.from(text.replace(/^CID=[0-9a-f]+$/m, `CID=${id}`), 'latin1');
  if (changed.length > length) throw unexpected('a vmdk whose description is full');
  writeFully(fd, Buffer.concat([changed, Buffer.alloc(length - changed.length)]), at);
}

/** VirtualBox's format: UUIDs of the image and of its last change. */
export function patchVdi(fd: number, ids: Ids): void {
  if (read(fd, 0x40, 4).readUInt32LE() !== 0xbeda107f) throw unexpected('a vdi without its signature');
  writeFully(fd, uuidBytes(ids, 'vdi image'), 0x188);
  writeFully(fd, uuidBytes(ids, 'vdi change'), 0x198);
}

/** Microsoft's Virtual Hard Disk Image Format Specification 1.0: a footer, and in dynamic disks a copy in front. */
export function patchVhd(fd: number, size: number, ids: Ids, epoch: number): void {
  const atEnd = read(fd, size - SECTOR, SECTOR);
  if (atEnd.toString('latin1', 0, 8) !== 'conectix') throw unexpected('a vhd without its footer');
  const atStart = read(fd, 0, 8).toString('latin1') === 'conectix';
  const since2000 = Math.max(0, epoch - 946_684_800);
  atEnd.writeUInt32BE(since2000 >>> 0, 24);
  uuidBytes(ids, 'vhd').copy(atEnd, 68);
  atEnd.writeUInt32BE(0, 64);
  let sum = 0;
  for (const byte of atEnd) sum += byte;
  atEnd.writeUInt32BE(~sum >>> 0, 64);
  writeFully(fd, atEnd, size - SECTOR);
  if (atStart) writeFully(fd, atEnd, 0);
}

const VHDX = { headers: [1 << 16, 2 << 16], headerSize: 4096, regions: 3 << 16, regionEntries: 16 } as const;
const METADATA_REGION = '06a27c8b90479a4bb8fe575f050f886e';
const DISK_ID = 'ab12cabee6b2234593efc309e000c746';

/** Microsoft's [MS-VHDX]: GUIDs of the last writing in two headers, and of the disk in the metadata; an unused log. */
export function patchVhdx(fd: number, ids: Ids): void {
  const sequences = VHDX.headers.map(at => read(fd, at, VHDX.headerSize).readBigUInt64LE(8));
  for (const [i, at] of VHDX.headers.entries()) {
    const header = read(fd, at, VHDX.headerSize);
    if (header.toString('latin1', 0, 4) !== 'head') throw unexpected('a vhdx without its header');
    if (header.subarray(48, 64).some(byte => byte !== 0)) throw unexpected('a vhdx whose log is in use');
    // The later header is the one that holds; qemu-img begins to count anywhere.
    const isLater = sequences.every((sequence, other) => other === i || sequence < (sequences[i] ?? 0n));
    header.writeBigUInt64LE(isLater ? 2n : 1n, 8);
    uuidBytes(ids, 'vhdx file').copy(header, 16);
    uuidBytes(ids, 'vhdx data').copy(header, 32);
    header.writeUInt32LE(0, 4);
    header.writeUInt32LE(crc32c(header), 4);
    writeFully(fd, header, at);
    const log = { length: header.readUInt32LE(68), at: Number(header.readBigUInt64LE(72)) };
    if (log.length > 64 << 20) throw unexpected('a vhdx with an endless log');
    writeFully(fd, Buffer.alloc(log.length), log.at);
  }
  const metadata = findEntry(read(fd, VHDX.regions, 1 << 16), VHDX.regionEntries, METADATA_REGION);
  const start = Number(metadata.readBigUInt64LE(16));
  const id = findEntry(read(fd, start, 1 << 16), 32, DISK_ID);
  writeFully(fd, uuidBytes(ids, 'vhdx disk'), start + id.readUInt32LE(16));
}

/** The entry of 32 bytes that begins with a GUID. */
function findEntry(table: Buffer, start: number, guid: string): Buffer {
  for (let at = start; at + 32 <= table.length; at += 32) {
    const entry = table.subarray(at, at + 32);
    if (entry.toString('hex', 0, 16) === guid) return entry;
  }
  throw unexpected('a vhdx without its tables');
}
