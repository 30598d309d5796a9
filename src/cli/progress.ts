/** The live part of a terminal: a line per image that is being built, redrawn below what scrolls by. */
import { styleText } from 'node:util';
import type { BuildEvent } from '../engine/index.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** Milliseconds between two pictures. */
const REDRAW = 100;

interface Active {
  readonly since: number;
  text: string;
}

export class Progress implements Disposable {
  readonly #terminal: NodeJS.WriteStream;
  readonly #active = new Map<string, Active>();
  readonly #timer: NodeJS.Timeout;
  #lines = 0;
  #frame = 0;

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.#redraw();
    }, REDRAW);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#terminal.write(this.#erasing());
  }

  /** Writes text that scrolls, above the live lines. */
  write(text: string | Uint8Array, stream: NodeJS.WriteStream = this.#terminal): void {
    this.#terminal.write(this.#erasing());
    stream.write(text);
    // A live line may only start at the left edge; after half a line of output it waits for the next picture.
    const last = typeof text === 'string' ? text.charCodeAt(text.length - 1) : text[text.length - 1];
    if (last === 0x0a) this.#redraw();
  }

  readonly follow = (event: BuildEvent): void => {
    switch (event.kind) {
      case 'image-started':
        this.#active.set(event.image, { since: performance.now(), text: 'preparing' });
        break;
      case 'step-started': {
        const active = this.#active.get(event.image);
        if (active) active.text = `${event.step}/${event.of} ${event.text}`;
        break;
      }
      case 'image-built':
        this.#active.delete(event.image);
        break;
    }
  };

  #redraw(): void {
    const width = Math.max(20, this.#terminal.columns ?? 80);
    const lines = [...this.#active].map(([image, { since, text }]) => {
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      const frame = FRAMES[this.#frame % FRAMES.length];
      return `${styleText('cyan', frame ?? '')} ${`${image}  ${text}`.slice(0, width - 12)}  ${styleText('dim', `${seconds}s`)}`;
    });
    this.#terminal.write(this.#erasing() + lines.map(line => `${line}\n`).join(''));
    this.#lines = lines.length;
  }

  #erasing(): string {
    const text = this.#lines > 0 ? `\u001b[${this.#lines}A\u001b[J` : '';
    this.#lines = 0;
    return text;
  }
}
