/** A program without libraries, for images in which there is nothing else. */
const BASE = 0x400000;
const HEADERS = 64 + 56;

/** An x86-64 ELF file that writes a text and ends with 0. */
export function tinyProgram(text: string): Buffer {
  const bytes = Buffer.from(text);
  const code = Buffer.concat([
    Buffer.from('b801000000bf01000000', 'hex'), // write(1,
    Buffer.from('488d3510000000', 'hex'), // the text behind the code,
    Buffer.from('ba', 'hex'),
    word(bytes.length), // all of it)
    Buffer.from('0f05b83c00000031ff0f05', 'hex'), // exit(0)
  ]);
  const size = HEADERS + code.length + bytes.length;
  const header = Buffer.concat([
    Buffer.from('7f454c46020101000000000000000000', 'hex'),
    Buffer.from('02003e0001000000', 'hex'),
    ...[BASE + HEADERS, 64, 0].map(long),
    Buffer.from('00000000400038000100000000000000', 'hex'),
  ]);
  const segment = Buffer.concat([
    Buffer.from('0100000005000000', 'hex'),
    ...[0, BASE, BASE, size, size, 0x1000].map(long),
  ]);
  return Buffer.concat([header, segment, code, bytes]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function long(value: number): Buffer {
  return Buffer.concat([word(value), word(0)]);
}
