/**
 * A string each of whose characters stands for one byte (U+0000-U+00FF). Names of files, link targets and names of
 * extended attributes are bytes on Linux, not text; in this form they are exact, compact, compare in byte order with
 * `<`, and work as keys of a Map.
 */
export type ByteString = string;

const NOT_ASCII = /[^\x00-\x7f]/;

/** The bytes of a text in UTF-8. */
export function fromText(text: string): ByteString {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** The text that the bytes are in UTF-8; what is not UTF-8 becomes U+FFFD. */
export function toText(bytes: ByteString): string {
  return NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** Whether the bytes are valid UTF-8, so that `toText` loses nothing. */
export function isText(bytes: ByteString): boolean {
  return !NOT_ASCII.test(bytes) || fromText(toText(bytes)) === bytes;
}

/** The form in which Node.js and src/linux take exact bytes: a string where it is ASCII, else a Buffer. */
export function toName(bytes: ByteString): string | Buffer {
  return NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1') : bytes;
}

/** For messages: quoted, shortened, and without characters that a terminal would act on. */
export function quote(bytes: ByteString): string {
  const text = toText(bytes.length > 300 ? `${bytes.slice(0, 297)}...` : bytes);
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
