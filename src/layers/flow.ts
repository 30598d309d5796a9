/**
 * A computation that reads or makes bytes without doing any input or output itself. It yields `'more'` to be resumed
 * with the next chunk of its input (`undefined` at the end), and yields a block of bytes to hand out output.
 *
 * So the same tar code runs over files, thread-pool inflaters and memory, costs a generator's `yield` per MiB instead
 * of a promise per entry, and is tested without any of them.
 */
export type Flow<T> = Generator<'more' | Buffer, T, Buffer | undefined>;

export type Chunks = AsyncIterable<Buffer> | Iterable<Buffer>;

/**
 * Runs a flow to its end. Each chunk is valid until the next one is asked for.
 * Input that the flow left unread is read too, so that a hash over `input` sees every byte.
 */
export async function run<T>(
  flow: Flow<T>,
  input: Chunks,
  output: (block: Buffer) => Promise<void> | void = () => {},
): Promise<T> {
  const chunks = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
  try {
    let step = flow.next();
    while (!step.done) {
      if (step.value === 'more') {
        const chunk = await chunks.next();
        step = flow.next(chunk.done ? undefined : chunk.value);
      } else {
        await output(step.value);
        step = flow.next();
      }
    }
    while (!(await chunks.next()).done);
    return step.value;
  } finally {
    // A flow that is given up closes what it has open.
    flow.return(undefined as never);
    await chunks.return?.();
  }
}

/** Gives a flow that asks for more the next chunk (`undefined` at the end), until it asks again. */
export async function resume(
  flow: Flow<void>,
  chunk: Buffer | undefined,
  output: (block: Buffer) => Promise<void>,
): Promise<void> {
  let step = flow.next(chunk);
  while (!step.done && step.value !== 'more') {
    await output(step.value);
    step = flow.next();
  }
}

/** What a flow reads from: hands out pieces of the current chunk, and asks for the next one when it is used up. */
export class Input {
  #chunk: Buffer = Buffer.alloc(0);
  #position = 0;

  /** The next `length` bytes in one piece, `undefined` at the end of the input; valid until the next call. */
  *take(length: number): Flow<Buffer | undefined> {
    if (this.#chunk.length - this.#position >= length) return this.#advance(length);
    const whole = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const piece = yield* this.some(length - filled);
      if (piece === undefined) return filled === 0 ? undefined : whole.subarray(0, filled);
      filled += piece.copy(whole, filled);
    }
    return whole;
  }

  /** Between 1 and `most` bytes, whatever is at hand without copying; `undefined` at the end of the input. */
  *some(most: number): Flow<Buffer | undefined> {
    while (this.#position === this.#chunk.length) {
      const next = yield 'more';
      if (next === undefined) return undefined;
      this.#chunk = next;
      this.#position = 0;
    }
    return this.#advance(Math.min(most, this.#chunk.length - this.#position));
  }

  #advance(length: number): Buffer {
    const piece = this.#chunk.subarray(this.#position, this.#position + length);
    this.#position += length;
    return piece;
  }
}
