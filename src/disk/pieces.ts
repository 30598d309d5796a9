/** Bytes and where they belong. */
export interface Piece {
  /** From the start of the disk. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export const MIB = 1024 * 1024;

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

export function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}
