/** Archives in the form that Linux unpacks as its first file system: cpio, "newc". */

/** `path` is relative, without a leading slash; owner is root. */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const TYPES = { directory: 0o040000, file: 0o100000, link: 0o120000, character: 0o020000 } as const;

/** The archive in pieces, entries in their order. Everything has the time 0, so that the same entries are the same bytes. */
export function* cpioArchive(entries: readonly CpioEntry[]): Generator<Uint8Array> {
  let inode = 0;
  for (const entry of entries) {
    inode += 1;
    const content = contentOf(entry);
    const device = entry.kind === 'character' ? entry : { major: 0, minor: 0 };
    const mode = TYPES[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode);
    const links = entry.kind === 'directory' ? 2 : 1;
    yield header(entry.path, [inode, mode, 0, 0, links, 0, content.length, 0, 0, device.major, device.minor]);
    yield content;
    yield padding(content.length);
  }
  yield header('TRAILER!!!', [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.content;
  return Buffer.from(entry.kind === 'link' ? entry.target : '');
}

function header(path: string, numbers: readonly number[]): Uint8Array {
  const name = Buffer.from(`${path}\0`);
  // The last number is a checksum that this form does not have.
  const fields = [...numbers, name.length, 0].map(number =>
    number.toString(16).toUpperCase().padStart(8, '0'),
  );
  const head = Buffer.concat([Buffer.from(`070701${fields.join('')}`), name]);
  return Buffer.concat([head, padding(head.length)]);
}

function padding(length: number): Uint8Array {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
