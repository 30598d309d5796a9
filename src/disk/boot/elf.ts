/** What programs say of themselves (ELF): for which machine they are, and what they need in order to run. */

export interface Elf {
  /** As `uname -m` says it, `ix86` and `arm` for all of theirs; undefined for machines that nobody here builds for. */
  readonly machine: string | undefined;
  /** Absent from static programs. */
  readonly interpreter: string | undefined;
  /** Names of shared libraries. */
  readonly libraries: readonly string[];
}

/** Where fields are, by the class that a program names at byte 4. */
interface Form {
  /** Bytes of an address. */
  readonly word: 4 | 8;
  readonly table: number;
  readonly entrySize: number;
  readonly count: number;
  readonly segment: { readonly offset: number; readonly address: number; readonly size: number };
  readonly machines: Readonly<Record<number, string>>;
}

const FORMS: Readonly<Record<number, Form>> = {
  1: {
    ...{ word: 4, table: 28, entrySize: 42, count: 44 },
    segment: { offset: 4, address: 8, size: 16 },
    machines: { 3: 'ix86', 40: 'arm' },
  },
  2: {
    ...{ word: 8, table: 32, entrySize: 54, count: 56 },
    segment: { offset: 8, address: 16, size: 32 },
    machines: {
      22: 's390x',
      21: 'ppc64le',
      62: 'x86_64',
      183: 'aarch64',
      243: 'riscv64',
      258: 'loongarch64',
    },
  },
};

const LOAD = 1;
const DYNAMIC = 2;
const INTERPRETER = 3;
const NEEDED = 1;
const STRING_TABLE = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Undefined for what is no such program, or a damaged one. */
export function readElf(bytes: Uint8Array): Elf | undefined {
  try {
    return parse(bytes);
  } catch (error) {
    // What points outside of the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(bytes: Uint8Array): Elf | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const form = view.getUint32(0) === 0x7f454c46 ? FORMS[view.getUint8(4)] : undefined;
  if (!form) return undefined;
  const little = view.getUint8(5) === 1;
  const word = (at: number) =>
    form.word === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
  const table = word(form.table);
  const entrySize = view.getUint16(form.entrySize, little);
  const count = view.getUint16(form.count, little);
  const segments = Array.from({ length: count }, (_, i): Segment => {
    const at = table + i * entrySize;
    return {
      type: view.getUint32(at, little),
      offset: word(at + form.segment.offset),
      address: word(at + form.segment.address),
      size: word(at + form.segment.size),
    };
  });
  const libraries = (): readonly string[] => {
    const dynamic = segments.find(({ type }) => type === DYNAMIC);
    if (!dynamic) return [];
    const entries = Array.from({ length: Math.floor(dynamic.size / 2 / form.word) }, (_, i) => ({
      tag: word(dynamic.offset + 2 * i * form.word),
      value: word(dynamic.offset + (2 * i + 1) * form.word),
    }));
    const strings = entries.find(({ tag }) => tag === STRING_TABLE)?.value ?? 0;
    const holder = segments.find(
      ({ type, address, size }) => type === LOAD && strings >= address && strings < address + size,
    );
    if (!holder) return [];
    const base = strings - holder.address + holder.offset;
    return entries.filter(({ tag }) => tag === NEEDED).map(({ value }) => textAt(bytes, base + value));
  };
  const interpreter = segments.find(({ type }) => type === INTERPRETER);
  return {
    machine: form.machines[view.getUint16(18, little)],
    interpreter: interpreter && textAt(bytes, interpreter.offset),
    libraries: libraries(),
  };
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  if (at >= bytes.length || end < 0) throw new RangeError('a text that does not end');
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString();
}
