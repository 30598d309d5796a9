/** The two ways in which tar headers hold numbers: octal digits, and base-256 (GNU) where those do not suffice. */
import { AshlarError } from '../support/errors.ts';

/** The number in a header field. Throws an AshlarError unless it is a whole number that a double holds exactly. */
export function parseNumber(block: Buffer, offset: number, length: number, field: string): number {
  const first = block[offset] ?? 0;
  return first & 0x80 ? parseBase256(block, offset, length, field) : parseOctal(block, offset, length, field);
}

function parseOctal(block: Buffer, offset: number, length: number, field: string): number {
  const end = offset + length;
  let at = offset;
  while (at < end && isPadding(block[at])) at++;
  let value = 0;
  for (; at < end && !isPadding(block[at]); at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) throw new AshlarError(`invalid tar header: ${field} is not an octal number`);
    value = value * 8 + digit;
  }
  for (; at < end; at++) {
    if (!isPadding(block[at])) throw new AshlarError(`invalid tar header: ${field} is not an octal number`);
  }
  return value;
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

/** Two's complement, big-endian; the top bit only marks the encoding. */
function parseBase256(block: Buffer, offset: number, length: number, field: string): number {
  const negative = ((block[offset] ?? 0) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (let at = offset; at < offset + length; at++) {
    const byte = block[at] ?? 0;
    value = (value << 8n) | BigInt(at === offset ? (negative ? byte : byte & 0x7f) : byte);
  }
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new AshlarError(`invalid tar header: ${field} is out of range`);
  return number;
}

/** Writes zero-padded octal digits and a NUL into a field. The value must fit: see `fitsOctal`. */
export function writeOctal(block: Buffer, offset: number, length: number, value: number): void {
  let rest = value;
  for (let at = offset + length - 2; at >= offset; at--) {
    block[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
  block[offset + length - 1] = 0;
}

export function fitsOctal(value: number, length: number): boolean {
  return value >= 0 && value < 8 ** (length - 1);
}
