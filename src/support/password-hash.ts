/** Hashes of passwords as /etc/shadow has them. */
import { createHash } from 'node:crypto';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ROUNDS = 5000;

/**
 * The hash of a password as `crypt(3)` makes it with SHA-512 and the usual number of rounds: `$6$salt$…`.
 * Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512".
 * @param salt At most 16 characters of `./0-9A-Za-z`.
 */
export function sha512Crypt(password: string, salt: string): string {
  const key = Buffer.from(password);
  const salted = Buffer.from(salt);
  const inner = sha512(key, salted, key);
  const first = [key, salted, repeated(inner, key.length)];
  // The bits of the length, the lowest first.
  for (let n = key.length; n > 0; n >>= 1) first.push(n & 1 ? inner : key);
  let sum = sha512(...first);
  const keys = repeated(sha512(...Array<Buffer>(key.length).fill(key)), key.length);
  const salts = repeated(sha512(...Array<Buffer>(16 + (sum[0] ?? 0)).fill(salted)), salted.length);
  for (let round = 0; round < ROUNDS; round++) {
    const odd = round % 2 === 1;
    const parts = [odd ? keys : sum];
    if (round % 3 !== 0) parts.push(salts);
    if (round % 7 !== 0) parts.push(keys);
    parts.push(odd ? sum : keys);
    sum = sha512(...parts);
  }
  return `$6$${salt}$${encoded(sum)}`;
}

/** A salt for `sha512Crypt` that follows from a text. */
export function saltOf(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 16);
  return Array.from(bytes, byte => ALPHABET.charAt(byte & 63)).join('');
}

function sha512(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Bytes over and over until there are so many. */
function repeated(bytes: Uint8Array, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

/** Three bytes at a time as four characters, the bytes in the order that the format has. */
function encoded(sum: Uint8Array): string {
  const byte = (i: number) => sum[i] ?? 0;
  let text = '';
  for (let i = 0, [a, b, c] = [0, 21, 42]; i < 21; i++, [a, b, c] = [b + 1, c + 1, a + 1]) {
    text += characters((byte(a) << 16) | (byte(b) << 8) | byte(c), 4);
  }
  return text + characters(byte(63), 2);
}

function characters(bits: number, count: number): string {
  return Array.from({ length: count }, (_, i) => ALPHABET.charAt((bits >> (6 * i)) & 63)).join('');
}
