/** Ids that are the same for the same content: derived from an identity and from what they are for (RFC 9562, 5.8). */
import { createHash } from 'node:crypto';

/** What every id of one disk is derived from. */
export type Ids = (role: string) => Buffer;

export function idsOf(identity: string): Ids {
  return role =>
    createHash('sha256').update('ashlar disk\0').update(identity).update('\0').update(role).digest();
}

/** The bytes of a name-based UUID. */
export function uuidBytes(ids: Ids, role: string): Buffer {
  const bytes = ids(role).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes;
}

/** A name-based UUID. */
export function uuidOf(ids: Ids, role: string): string {
  const hex = uuidBytes(ids, role).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Four bytes that are not all zero, for which systems take that there is no id. */
export function shortIdOf(ids: Ids, role: string): number {
  return ids(role).readUInt32BE(0) || 1;
}

/** `ABCD-1234`: how a volume id of FAT is written. */
export function volumeIdText(id: number): string {
  const hex = eightDigits(id).toUpperCase();
  return `${hex.slice(0, 4)}-${hex.slice(4)}`;
}

export function eightDigits(id: number): string {
  return id.toString(16).padStart(8, '0');
}
