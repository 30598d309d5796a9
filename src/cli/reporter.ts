/** Build events become text: output of scripts on standard output, all else as log lines. */
import type { BuildEvent } from '../engine/index.ts';
import { type Log, withPlace } from './log.ts';
import { decimalSize } from './size.ts';

/** Bytes of one image that are held back; beyond it, grouping gives way to bounded memory. */
const HELD_BACK = 4 * 1024 * 1024;

interface Held {
  readonly pieces: (() => void)[];
  size: number;
  done: boolean;
}

/**
 * Keeps what belongs to one image together although several are built at once: one image speaks, the others are held
 * back until it has finished. The closing lines come last, in the order of the plan.
 */
export class Reporter {
  readonly #log: Log;
  readonly #output: (bytes: Uint8Array) => void;
  /** Running images in the order of their start; the first one speaks. */
  readonly #running = new Map<string, Held>();
  readonly #closing: { readonly image: string; readonly text: string }[] = [];
  /** What happens while a process has the terminal is told when it gives it back. */
  #deferred: BuildEvent[] | undefined;

  constructor(log: Log, output: (bytes: Uint8Array) => void) {
    this.#log = log;
    this.#output = output;
  }

  readonly report = (event: BuildEvent): void => {
    if (this.#deferred && event.kind !== 'terminal-released') {
      this.#deferred.push(event);
      return;
    }
    switch (event.kind) {
      case 'image-started':
        this.#running.set(event.image, { pieces: [], size: 0, done: false });
        this.#speak(event.image, 0, () => this.#log('info', `preparing image ${event.image}...`));
        break;
      case 'message': {
        const text = withPlace(event.text, event.at);
        this.#speak(event.image, text.length, () => this.#log(event.level, text));
        break;
      }
      case 'step-started': {
        const text = `step ${event.step} of ${event.of}: ${event.text}`;
        this.#speak(event.image, text.length, () => this.#log('debug', text));
        break;
      }
      case 'step-finished': {
        const result = event.layer ? `${event.layer.digest} (${event.layer.size} bytes)` : 'no changes';
        const text = `step ${event.step}: ${event.cached ? 'cached, ' : ''}${result}`;
        this.#speak(event.image, text.length, () => this.#log('debug', text));
        break;
      }
      case 'output-started': {
        const text = `making ${event.file}`;
        this.#speak(event.image, text.length, () => this.#log('debug', text));
        break;
      }
      case 'output-finished': {
        const { file, bytes, cached } = event.output;
        const text = `${cached ? 'found cached result' : 'made'} ${file} (${decimalSize(bytes)})`;
        this.#speak(event.image, text.length, () => this.#log('info', text));
        break;
      }
      case 'output':
        this.#speak(event.image, event.bytes.length, () => this.#output(event.bytes));
        break;
      case 'terminal-taken': {
        const held = this.#running.get(event.image);
        if (held) release(held);
        this.#deferred = [];
        break;
      }
      case 'terminal-released': {
        const events = this.#deferred ?? [];
        this.#deferred = undefined;
        for (const deferred of events) this.report(deferred);
        break;
      }
      case 'image-built':
        this.#finish(event.image);
        break;
      case 'image-finished':
        if (event.emitted) {
          const { image, cached, tags } = event;
          const texts = cached
            ? tags.map(({ tag }) => `found cached layer ${tag}`)
            : [`filesystem ${image} built successfully`];
          this.#closing.push(...texts.map(text => ({ image, text })));
        }
        break;
    }
    this.#close();
  };

  /** Lets everything that is still held back speak: the build has ended, well or not. */
  end(): void {
    for (const image of [...this.#running.keys()]) this.#finish(image);
    this.#close();
  }

  #speak(image: string | undefined, size: number, piece: () => void): void {
    const held = image === undefined ? undefined : this.#running.get(image);
    if (!held || held === this.#speaker()) {
      piece();
      return;
    }
    held.pieces.push(piece);
    held.size += size;
    if (held.size > HELD_BACK) release(held);
  }

  #speaker(): Held | undefined {
    return this.#running.values().next().value;
  }

  /** The next image speaks; those that finished in the meantime are quickly through. */
  #finish(image: string): void {
    const held = this.#running.get(image);
    if (held) held.done = true;
    for (const [name, next] of this.#running) {
      release(next);
      if (!next.done) return;
      this.#running.delete(name);
    }
  }

  #close(): void {
    for (let line = this.#closing[0]; line && !this.#running.has(line.image); line = this.#closing[0]) {
      this.#closing.shift();
      this.#log('info', line.text);
    }
  }
}

function release(held: Held): void {
  for (const piece of held.pieces.splice(0)) piece();
  held.size = 0;
}
