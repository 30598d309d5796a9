/** Names in directories of FAT: eight characters and three for the old, up to 255 for everybody else. */
import { AshlarError } from '../../support/errors.ts';

export interface FatName {
  /** Eleven characters, padded with blanks, without the dot. */
  readonly short: string;
  /** Absent where the short one says it all. */
  readonly long?: string;
}

const LONGEST = 255;
/** What of ASCII may stand in a short name as it is. */
const plain = /^[A-Z0-9!#$%&'()@^_`{}~-]$/;
const exact = /^[A-Z0-9!#$%&'()@^_`{}~-]{1,8}(\.[A-Z0-9!#$%&'()@^_`{}~-]{1,3})?$/;
const impossible = /["*/:<>?\\|\u0000-\u001f\u007f]|[. ]$|^$/;

/** Short names for all names of one directory, which differ in more than case. */
export function fatNames(names: readonly string[]): FatName[] {
  for (const name of names)
    if (impossible.test(name) || name.length > LONGEST)
      throw new AshlarError(`FAT cannot have a file of this name: ${JSON.stringify(name)}`);
  const shorts = names.map(withoutNumber);
  const taken = new Set(shorts);
  return names.map((name, i) => {
    const short = shorts[i] ?? numbered(name, taken);
    taken.add(short);
    return exact.test(name) ? { short } : { short, long: name };
  });
}

/** The short name, where nothing but case is lost. */
function withoutNumber(name: string): string | undefined {
  const upper = name.toUpperCase();
  if (!exact.test(upper)) return undefined;
  const [base = '', extension = ''] = upper.split('.');
  return padded(base, extension);
}

function numbered(name: string, taken: ReadonlySet<string | undefined>): string {
  const upper = name.toUpperCase().replace(/^\.+/, '');
  const dot = upper.lastIndexOf('.');
  const base = plainOnly(dot < 0 ? upper : upper.slice(0, dot)) || '_';
  const extension = plainOnly(dot < 0 ? '' : upper.slice(dot + 1)).slice(0, 3);
  for (let number = 1; ; number++) {
    const tail = `~${number}`;
    const short = padded(base.slice(0, 8 - tail.length) + tail, extension);
    if (!taken.has(short)) return short;
  }
}

function plainOnly(text: string): string {
  return [...text]
    .filter(character => character !== ' ' && character !== '.')
    .map(character => (plain.test(character) ? character : '_'))
    .join('');
}

function padded(base: string, extension: string): string {
  return base.padEnd(8) + extension.padEnd(3);
}

const PER_ENTRY = 13;
/** Where the characters of a long name are in its entries. */
const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/** How many entries of a directory a name takes. */
export function entriesOf(name: FatName): number {
  return 1 + (name.long === undefined ? 0 : Math.ceil(name.long.length / PER_ENTRY));
}

/** The entries before the one that is the file, the last part of the name first. */
export function longNameEntries({ short, long }: FatName): Buffer {
  if (long === undefined) return Buffer.alloc(0);
  const count = Math.ceil(long.length / PER_ENTRY);
  const bytes = Buffer.alloc(32 * count);
  const checksum = checksumOf(short);
  for (let part = count; part >= 1; part--) {
    const at = 32 * (count - part);
    bytes.writeUInt8(part === count ? part | 0x40 : part, at);
    bytes.writeUInt8(0x0f, at + 11);
    bytes.writeUInt8(checksum, at + 13);
    for (const [i, place] of places.entries()) {
      const index = (part - 1) * PER_ENTRY + i;
      // One zero ends a name that does not fill its entries.
      const unit = index < long.length ? long.charCodeAt(index) : index === long.length ? 0 : 0xffff;
      bytes.writeUInt16LE(unit, at + place);
    }
  }
  return bytes;
}

function checksumOf(short: string): number {
  let sum = 0;
  for (const byte of Buffer.from(short, 'latin1')) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}
