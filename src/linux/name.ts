/** A file name: text, or raw bytes where the name is not UTF-8. */
export type Name = string | Uint8Array;
