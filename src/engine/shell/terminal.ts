import type { EventSink } from '../events.ts';

/** The terminal of the user (or what stands for it), which a process in a tree may have for itself, once in a build. */
export class Terminal {
  readonly #emit: EventSink;
  #taken = false;
  #free: Promise<void> = Promise.resolve();

  constructor(emit: EventSink) {
    this.#emit = emit;
  }

  /** Resolves when nobody has it. */
  get free(): Promise<void> {
    return this.#free;
  }

  /** Gives it to a process of an image until the result is disposed; undefined when somebody has had it already. */
  async take(image: string): Promise<Disposable | undefined> {
    if (this.#taken) {
      await this.#free;
      return undefined;
    }
    this.#taken = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = promise;
    this.#emit({ kind: 'terminal-taken', image });
    return {
      [Symbol.dispose]: () => {
        this.#emit({ kind: 'terminal-released', image });
        resolve();
      },
    };
  }
}
