/** CRC-32C (Castagnoli), with which file systems and VHDX protect what they say of themselves. */

const POLYNOMIAL = 0x82f63b78;

type Table = Uint32Array;

/** Eight tables, so that eight bytes go in one step. */
const TABLES = makeTables();

function makeTables(): readonly [Table, Table, Table, Table, Table, Table, Table, Table] {
  const t0 = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    return value;
  });
  const above = (table: Table) => table.map(value => (value >>> 8) ^ (t0[value & 0xff] ?? 0));
  const t1 = above(t0);
  const t2 = above(t1);
  const t3 = above(t2);
  const t4 = above(t3);
  const t5 = above(t4);
  const t6 = above(t5);
  return [t0, t1, t2, t3, t4, t5, t6, above(t6)];
}

/** Goes on with a checksum, without the inversions at its start and end: what ext4 calls crc32c. */
export function crc32cRaw(seed: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  const at = (table: Table, index: number) => table[index & 0xff] ?? 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % 8);
  let crc = seed;
  for (let i = 0; i < whole; i += 8) {
    const low = crc ^ view.getUint32(i, true);
    const high = view.getUint32(i + 4, true);
    crc =
      at(t7, low) ^
      at(t6, low >>> 8) ^
      at(t5, low >>> 16) ^
      at(t4, low >>> 24) ^
      at(t3, high) ^
      at(t2, high >>> 8) ^
      at(t1, high >>> 16) ^
      at(t0, high >>> 24);
  }
  for (let i = whole; i < bytes.length; i++) crc = (crc >>> 8) ^ at(t0, crc ^ view.getUint8(i));
  return crc >>> 0;
}

/** The usual checksum. */
export function crc32c(bytes: Uint8Array): number {
  return ~crc32cRaw(0xffffffff, bytes) >>> 0;
}
