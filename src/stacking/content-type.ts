/** What a file holds, guessed from its bytes: for messages. */
import { isUtf8 } from 'node:buffer';

const SIGNATURES: readonly (readonly [type: string, start: string])[] = [
  ['application/x-executable', '\x7fELF'],
  ['application/gzip', '\x1f\x8b'],
  ['application/zstd', '\x28\xb5\x2f\xfd'],
  ['application/x-xz', '\xfd7zXZ\0'],
  ['application/x-bzip2', 'BZh'],
  ['application/zip', 'PK\x03\x04'],
  ['application/vnd.sqlite3', 'SQLite format 3\0'],
  ['application/pdf', '%PDF-'],
  ['application/x-archive', '!<arch>\n'],
  ['image/png', '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', '\xff\xd8\xff'],
  ['image/gif', 'GIF8'],
];

/** Whether lines of it can be merged: UTF-8 without NUL. */
export function isTextContent(content: Uint8Array): boolean {
  return isUtf8(content) && !content.includes(0);
}

/** A media type. */
export function contentType(content: Uint8Array): string {
  const start = Buffer.from(content.subarray(0, 16)).toString('latin1');
  const known = SIGNATURES.find(([, signature]) => start.startsWith(signature));
  return known?.[0] ?? (isTextContent(content) ? 'text/plain' : 'application/octet-stream');
}
