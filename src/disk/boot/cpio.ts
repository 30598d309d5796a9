/** Archives in the form that Linux unpacks as its first file system: cpio, "newc". */

import { TYPE_BITS } from '../../linux/index.ts';
import { newcHeader, newcPadding, newcTrailer } from '../newc.ts';

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

/** The archive in pieces, entries in their order. Everything has the time 0, so that the same entries are the same bytes. */
export function* cpioArchive(entries: readonly CpioEntry[]): Generator<Uint8Array> {
  let inode = 0;
  for (const entry of entries) {
    inode += 1;
    const content = contentOf(entry);
    const { major, minor } = entry.kind === 'character' ? entry : { major: 0, minor: 0 };
    const isLink = entry.kind === 'link';
    yield newcHeader(Buffer.from(entry.path), {
      inode,
      mode: TYPE_BITS[isLink ? 'symlink' : entry.kind] | (isLink ? 0o777 : entry.mode),
      ...{ uid: 0, gid: 0, time: 0, major, minor },
      links: entry.kind === 'directory' ? 2 : 1,
      size: content.length,
    });
    yield content;
    yield newcPadding(content.length);
  }
  yield newcTrailer();
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.content;
  return Buffer.from(entry.kind === 'link' ? entry.target : '');
}
