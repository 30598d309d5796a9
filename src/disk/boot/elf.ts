/** What programs say of themselves (ELF, 64 bits): for which machine they are, and what they need in order to run. */

export interface Elf {
  /** As `uname -m` says it; undefined for machines that nobody here builds for. */
  readonly machine: string | undefined;
  /** Absent from static programs. */
  readonly interpreter: string | undefined;
  /** Names of shared libraries. */
  readonly libraries: readonly string[];
}

const MACHINES: Readonly<Record<number, string>> = {
  22: 's390x',
  21: 'ppc64le',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv64',
  258: 'loongarch64',
};

const LOAD = 1n;
const DYNAMIC = 2n;
const INTERPRETER = 3n;
const NEEDED = 1n;
const STRING_TABLE = 5n;

interface Segment {
  readonly type: bigint;
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
  if (view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2) return undefined;
  const little = view.getUint8(5) === 1;
  const long = (at: number) => Number(view.getBigUint64(at, little));
  const [table, entrySize, count] = [long(32), view.getUint16(54, little), view.getUint16(56, little)];
  const segments = Array.from({ length: count }, (_, i): Segment => {
    const at = table + i * entrySize;
    return {
      type: BigInt(view.getUint32(at, little)),
      offset: long(at + 8),
      address: long(at + 16),
      size: long(at + 32),
    };
  });
  const interpreter = segments.find(({ type }) => type === INTERPRETER);
  return {
    machine: MACHINES[view.getUint16(18, little)],
    interpreter: interpreter && textAt(bytes, interpreter.offset),
    libraries: librariesOf(segments),
  };

  function librariesOf(all: readonly Segment[]): readonly string[] {
    const dynamic = all.find(({ type }) => type === DYNAMIC);
    if (!dynamic) return [];
    const entries = Array.from({ length: Math.floor(dynamic.size / 16) }, (_, i) => ({
      tag: view.getBigUint64(dynamic.offset + i * 16, little),
      value: long(dynamic.offset + i * 16 + 8),
    }));
    const strings = entries.find(({ tag }) => tag === STRING_TABLE)?.value ?? 0;
    const holder = all.find(
      ({ type, address, size }) => type === LOAD && strings >= address && strings < address + size,
    );
    if (!holder) return [];
    const base = strings - holder.address + holder.offset;
    return entries.filter(({ tag }) => tag === NEEDED).map(({ value }) => textAt(bytes, base + value));
  }
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  if (at >= bytes.length || end < 0) throw new RangeError('a text that does not end');
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString();
}
