/** Writes what comes piece by piece, each behind the one before, in large pieces. */

/**
 * Bytes that are written at a time. They stay in the cache of a processor, and the kernel finds room for them without
 * looking for large pages: pieces of 1 MiB take twice as long.
 */
export const PIECE = 1 << 16;

export class Gatherer {
  readonly #write: (bytes: Uint8Array, at: number) => void;
  readonly #buffer = Buffer.allocUnsafe(PIECE);
  #at = 0;
  #used = 0;

  constructor(write: (bytes: Uint8Array, at: number) => void) {
    this.#write = write;
  }

  /** Room for bytes from a place on, at most so many, which the caller fills before the next call. */
  next(at: number, most: number): Buffer {
    if (at !== this.#at + this.#used || this.#used === PIECE) {
      this.flush();
      this.#at = at;
    }
    const room = this.#buffer.subarray(this.#used, Math.min(PIECE, this.#used + most));
    this.#used += room.length;
    return room;
  }

  put(bytes: Buffer, at: number): void {
    for (let done = 0; done < bytes.length; )
      done += bytes.copy(this.next(at + done, bytes.length - done), 0, done);
  }

  /** To be called at the end. */
  flush(): void {
    if (this.#used > 0) this.#write(this.#buffer.subarray(0, this.#used), this.#at);
    this.#used = 0;
  }
}
