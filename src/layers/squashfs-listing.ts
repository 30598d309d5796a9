import { AshlarError } from '../support/errors.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';

/** What is kept of a line: names come last and may have any length. */
const KEPT = 128;

/** Of a file: its type and mode, owner and group, and its bytes. */
const FILE = /^-\S+ +\d+\/\d+ +(\d+) /;

/**
 * Follows what `unsquashfs -lln` lists of a squashfs image, before anything is extracted: as much as it says will be
 * written, holes included. Names with line ends could pretend to be more lines, which would only make it more.
 */
export class SquashfsListing {
  readonly #guard: ExpansionGuard;
  readonly #limits: Limits;
  #names = 0;
  #line = '';

  /** `imageSize`: bytes of the image. */
  constructor(imageSize: number, limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#guard = new ExpansionGuard(limits, imageSize);
  }

  /** Takes the next piece of the list. Throws an AshlarError once it is more than a layer may ask for. */
  add(bytes: Uint8Array): void {
    const [rest = '', ...lines] = Buffer.from(bytes).toString('latin1').split('\n');
    this.#extend(rest);
    for (const line of lines) {
      this.#finishLine();
      this.#extend(line);
    }
  }

  #extend(text: string): void {
    this.#line = (this.#line + text.slice(0, KEPT)).slice(0, KEPT);
  }

  #finishLine(): void {
    if (++this.#names > this.#limits.entries)
      throw new AshlarError(`the squashfs image has more than ${this.#limits.entries} names`);
    this.#guard.add(Number(FILE.exec(this.#line)?.[1] ?? 0));
    this.#line = '';
  }
}
