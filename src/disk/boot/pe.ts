/** Programs of UEFI firmware (PE32+): further sections at their end. */
import { AshlarError } from '../../support/errors.ts';
import { alignUp } from '../pieces.ts';

export interface PeSection {
  readonly name: string;
  readonly virtualAddress: number;
  /** Bytes in memory; without the padding of the file. */
  readonly virtualSize: number;
  readonly fileOffset: number;
  /** Bytes in the file. */
  readonly fileSize: number;
}

/** @throws AshlarError when the bytes are no such program. */
export function peSections(program: Uint8Array): readonly PeSection[] {
  return readHeaders(program).sections;
}

export interface AddedSection {
  readonly name: string;
  readonly size: number;
}

export interface AppendedSections {
  /** The program that the sections follow, with its headers changed. */
  readonly head: Uint8Array;
  /** Where each begins in the file, in their order; what lies between is zeros. */
  readonly places: readonly { readonly offset: number; readonly size: number }[];
  /** Bytes of the whole file. */
  readonly size: number;
}

const SECTION_ENTRY = 40;
/** Initialized data that may be read. */
const READABLE_DATA = 0x40000040;

/**
 * Makes room for sections of these sizes behind those of a program; symbols and signatures, which would be wrong
 * afterwards, go.
 * @throws AshlarError when the headers have no room, or are damaged.
 */
export function appendSections(program: Uint8Array, added: readonly AddedSection[]): AppendedSections {
  return checked(() => append(program, added));
}

function append(program: Uint8Array, added: readonly AddedSection[]): AppendedSections {
  const { pe, table, sections, sectionAlignment, fileAlignment, headersSize } = readHeaders(program);
  const needed = (sections.length + added.length) * SECTION_ENTRY;
  if (table + needed > headersSize) {
    throw new AshlarError(`the boot stub has no room for ${added.length} more sections`);
  }
  const end = Math.max(headersSize, ...sections.map(section => section.fileOffset + section.fileSize));
  const head = Buffer.from(program.subarray(0, end));
  let fileEnd = end;
  let memoryEnd = Math.max(...sections.map(section => section.virtualAddress + section.virtualSize));
  const places: { readonly offset: number; readonly size: number }[] = [];
  for (const [i, { name, size }] of added.entries()) {
    const [offset, address] = [alignUp(fileEnd, fileAlignment), alignUp(memoryEnd, sectionAlignment)];
    const entry = head.subarray(table + (sections.length + i) * SECTION_ENTRY).subarray(0, SECTION_ENTRY);
    entry.fill(0);
    entry.write(name, 'latin1');
    entry.writeUInt32LE(size, 8);
    entry.writeUInt32LE(address, 12);
    entry.writeUInt32LE(alignUp(size, fileAlignment), 16);
    entry.writeUInt32LE(offset, 20);
    entry.writeUInt32LE(READABLE_DATA, 36);
    places.push({ offset, size });
    fileEnd = offset + alignUp(size, fileAlignment);
    memoryEnd = address + size;
  }
  head.writeUInt16LE(sections.length + added.length, pe + 6);
  // Symbols were behind the sections.
  head.writeUInt32LE(0, pe + 12);
  head.writeUInt32LE(0, pe + 16);
  head.writeUInt32LE(alignUp(memoryEnd, sectionAlignment), pe + 24 + 56);
  head.writeUInt32LE(0, pe + 24 + 64);
  forgetSignature(head, pe);
  return { head, places, size: fileEnd };
}

/** The directory of signatures is the fifth; firmware would look for it behind the end. */
function forgetSignature(head: Buffer, pe: number): void {
  const directories = head.readUInt32LE(pe + 24 + 108);
  if (directories > 4) head.fill(0, pe + 24 + 112 + 4 * 8, pe + 24 + 112 + 5 * 8);
}

interface PeHeaders {
  /** Where the headers begin. */
  readonly pe: number;
  /** Where the entries of sections begin. */
  readonly table: number;
  readonly sections: readonly PeSection[];
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly headersSize: number;
}

function readHeaders(program: Uint8Array): PeHeaders {
  return checked(() => parse(Buffer.from(program.buffer, program.byteOffset, program.byteLength)));
}

/** Places outside of the file, and numbers that are too large for their fields. */
function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError)
      throw new AshlarError('the boot stub is cut off, or damaged', { cause: error });
    throw error;
  }
}

function parse(bytes: Buffer): PeHeaders {
  const pe = bytes.readUInt32LE(0x3c);
  const optional = pe + 24;
  if (bytes.toString('latin1', pe, pe + 4) !== 'PE\0\0' || bytes.readUInt16LE(optional) !== 0x20b) {
    throw new AshlarError('the boot stub is no program of UEFI firmware with 64 bits');
  }
  const table = optional + bytes.readUInt16LE(pe + 20);
  const sections = Array.from({ length: bytes.readUInt16LE(pe + 6) }, (_, i): PeSection => {
    const at = table + i * SECTION_ENTRY;
    return {
      name: bytes.toString('latin1', at, at + 8).replace(/\0.*$/s, ''),
      virtualSize: bytes.readUInt32LE(at + 8),
      virtualAddress: bytes.readUInt32LE(at + 12),
      fileSize: bytes.readUInt32LE(at + 16),
      fileOffset: bytes.readUInt32LE(at + 20),
    };
  });
  const headers = {
    pe,
    table,
    sections,
    sectionAlignment: bytes.readUInt32LE(optional + 32),
    fileAlignment: bytes.readUInt32LE(optional + 36),
    headersSize: bytes.readUInt32LE(optional + 60),
  };
  const sound =
    sections.length > 0 &&
    isPowerOfTwo(headers.sectionAlignment) &&
    isPowerOfTwo(headers.fileAlignment) &&
    headers.headersSize <= bytes.length &&
    sections.every(({ fileOffset, fileSize }) => fileOffset + fileSize <= bytes.length);
  if (!sound) throw new AshlarError('the boot stub is damaged');
  return headers;
}

function isPowerOfTwo(number: number): boolean {
  return number > 0 && number <= 2 ** 20 && (number & (number - 1)) === 0;
}
