/** Collects what went less than perfectly, one line for each kind of it, however many entries are concerned. */
import { printable } from '../support/cells.ts';
import { type ByteString, quote } from './bytes.ts';

export class Warnings {
  readonly #kinds = new Map<string, { count: number; readonly first: ByteString }>();

  add(kind: string, path: ByteString): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, { count: 1, first: path });
    else known.count++;
  }

  lines(): string[] {
    return Array.from(this.#kinds, ([kind, { count, first }]) => {
      const more = count === 1 ? '' : ` and ${count - 1} more`;
      return `${printable(kind)}: ${quote(first)}${more}`;
    });
  }
}
