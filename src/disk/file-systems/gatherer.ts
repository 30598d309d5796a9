/** Writes what comes piece by piece, each behind the one before, in large pieces. */
import { MIB } from '../pieces.ts';

export class Gatherer {
  readonly #write: (bytes: Uint8Array, at: number) => void;
  readonly #buffer = Buffer.allocUnsafe(MIB);
  #at = 0;
  #used = 0;

  constructor(write: (bytes: Uint8Array, at: number) => void) {
    this.#write = write;
  }

  /** Room for bytes from a place on, at most so many, which the caller fills before the next call. */
  next(at: number, most: number): Buffer {
    if (at !== this.#at + this.#used || this.#used === MIB) {
      this.flush();
      this.#at = at;
    }
    const room = this.#buffer.subarray(this.#used, Math.min(MIB, this.#used + most));
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
