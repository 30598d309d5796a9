/** Memory of large buffers, which left to the garbage collector would pile up by tens of MiB. */

/** Node hands out small buffers as parts of a shared one; nothing of this size is shared. */
const NEVER_SHARED = 256 * 1024;

/** Frees the memory of a large buffer at once. Nobody may use it, or another part of the same memory, afterwards. */
export function release(buffer: Buffer): void {
  const memory = buffer.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength >= NEVER_SHARED) memory.transfer(0);
}

/** Whether nothing after this piece can still be written to its memory. */
export function isLastPiece(piece: Buffer): boolean {
  return piece.byteOffset + piece.length === piece.buffer.byteLength;
}
