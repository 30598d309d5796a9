/** How much of a file that is being written stays as it is: one thread writes, another one follows behind. */

/** Milliseconds after which a waiting thread looks whether it is to stop. */
const PATIENCE = 100;

export class Growth {
  /** What another thread makes its view of it from. */
  readonly shared: SharedArrayBuffer;
  readonly #settled: BigInt64Array;

  constructor(shared = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#settled = new BigInt64Array(shared);
  }

  /** Bytes before `offset` stay as they are. */
  settle(offset: number): void {
    Atomics.store(this.#settled, 0, BigInt(offset));
    Atomics.notify(this.#settled, 0);
  }

  /** Waits until the bytes before `offset` stay as they are; never in the thread that writes. */
  waitFor(offset: number, checkpoint: () => void): void {
    for (;;) {
      const settled = Atomics.load(this.#settled, 0);
      if (settled >= BigInt(offset)) return;
      checkpoint();
      Atomics.wait(this.#settled, 0, settled, PATIENCE);
    }
  }
}
