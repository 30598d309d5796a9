/** The digest of a file that is taken while the rest of it is still written. */
import { Growth } from './growth.ts';
import { sealImage } from './jobs.ts';
import type { SealedFile } from './seal.ts';

export class GrowingSeal implements AsyncDisposable {
  readonly #path: string;
  readonly #growth = new Growth();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #sealed: Promise<SealedFile> | undefined;

  constructor(path: string, signal: AbortSignal) {
    this.#path = path;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** The file has its final length, and its bytes before `offset` stay as they are. */
  settle(offset: number): void {
    this.#growth.settle(offset);
    this.#seal();
  }

  /** The whole file stays as it is. */
  finish(): Promise<SealedFile> {
    this.#growth.settle(Number.MAX_SAFE_INTEGER);
    return this.#seal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#sealed?.catch(() => {});
  }

  /** Begins at the first call. */
  #seal(): Promise<SealedFile> {
    if (this.#sealed) return this.#sealed;
    const sealed = sealImage(this.#path, false, { signal: this.#signal, growth: this.#growth.shared });
    // Who does not come to `finish` has failed in another way.
    sealed.catch(() => {});
    this.#sealed = sealed;
    return sealed;
  }
}
