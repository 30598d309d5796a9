/** How a build goes on, on the terminal: a picture below what scrolls by, or nothing but the lines themselves. */
import { stripVTControlCharacters } from 'node:util';
import type { BuildEvent } from '../engine/index.ts';
import { cells } from '../support/cells.ts';
import type { GlobalFlags } from './settings.ts';
import { drawView } from './view.ts';
import { ViewState } from './view-state.ts';

export interface Progress extends Disposable {
  readonly follow: (event: BuildEvent) => void;
  /** Writes text that scrolls; to standard error unless told otherwise. */
  write(text: string | Uint8Array, stream?: Output): void;
}

/** What is used of a stream; in tests it is none. */
export type Output = Pick<NodeJS.WriteStream, 'write'> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly hasColors?: () => boolean;
};

/** Milliseconds between two pictures. */
const REDRAW = 100;

/** What the flags ask for: live on a terminal, lines about blobs with `--progress` elsewhere, else nothing. */
export function openProgress(flags: GlobalFlags, terminal: Output): Progress {
  const wanted = wantsProgress(flags, terminal);
  if (wanted && terminal.isTTY && process.env.TERM !== 'dumb') return new LiveProgress(terminal);
  return {
    follow: event => {
      if (wanted) announceBlob(event, line => terminal.write(line));
    },
    write: (text, stream = terminal) => stream.write(text),
    [Symbol.dispose]: () => {},
  };
}

/** By default on a terminal, if nobody asked for silence and no CI system records it. */
export function wantsProgress({ progress, quiet }: GlobalFlags, terminal: Output): boolean {
  return progress ?? (terminal.isTTY === true && !quiet && !process.env.CI);
}

function announceBlob(event: BuildEvent, write: (line: string) => void): void {
  if (event.kind !== 'transfer-started' || event.transfer.what !== 'blob') return;
  write(`Copying blob ${event.transfer.name}\n`);
}

/** The picture is drawn anew ten times a second, together with what was written since: nothing flickers. */
export class LiveProgress implements Progress {
  readonly #terminal: Output;
  readonly #state = new ViewState();
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  /** What scrolls and was not shown yet. */
  #waiting: { readonly text: string | Uint8Array; readonly stream: Output }[] = [];
  /** The lines of the picture that is shown. */
  #shown: readonly string[] = [];
  /** What scrolls ended in the middle of a line of this stream: no picture fits below until it goes on. */
  #open: Output | undefined;
  #frame = 0;
  /** A process has the terminal for itself. */
  #taken = false;

  constructor(terminal: Output) {
    this.#terminal = terminal;
    this.#timer = setInterval(() => this.#redraw(), REDRAW);
    this.#timer.unref();
    process.on('exit', this.#leave);
  }

  readonly follow = (event: BuildEvent): void => {
    this.#state.follow(event, performance.now());
    if (event.kind === 'terminal-taken') {
      this.#leave();
      this.#taken = true;
    }
    if (event.kind === 'terminal-released') this.#taken = false;
    announceBlob(event, line => this.write(line));
  };

  write(text: string | Uint8Array, stream: Output = this.#terminal): void {
    // What goes to a file or pipe does not meet the picture.
    if (!stream.isTTY) stream.write(text);
    else if (text.length > 0) this.#waiting.push({ text, stream });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.off('exit', this.#leave);
    this.#leave();
    // What others write next begins at the left edge.
    this.#open?.write('\n');
  }

  /** Takes the picture away and shows what is left. */
  readonly #leave = (): void => {
    this.#terminal.write(this.#erasing());
    this.#scroll();
  };

  #redraw(): void {
    if (this.#taken) return;
    this.#frame += 1;
    const { columns = 80, rows = 24, hasColors } = this.#terminal;
    this.#terminal.write(this.#erasing());
    this.#scroll();
    if (this.#open) return;
    this.#shown = drawView(this.#state, {
      // The last column stays free: terminals differ in what they do there.
      width: Math.max(1, columns - 1),
      // Half of the terminal is for what scrolls.
      height: Math.max(2, Math.floor(rows / 2)),
      color: hasColors?.call(this.#terminal) ?? false,
      now: performance.now(),
      began: this.#began,
      frame: this.#frame,
    });
    this.#terminal.write(this.#shown.map(line => `${line}\n`).join(''));
  }

  #scroll(): void {
    for (const { text, stream } of this.#waiting.splice(0)) {
      // A line that one stream left open is not continued by the other.
      if (this.#open && this.#open !== stream) this.#open.write('\n');
      stream.write(text);
      const last = typeof text === 'string' ? text.charCodeAt(text.length - 1) : text[text.length - 1];
      this.#open = last === 0x0a ? undefined : stream;
    }
  }

  /** The control sequence that removes the picture; it takes more lines when the terminal has become narrower. */
  #erasing(): string {
    const columns = Math.max(1, this.#terminal.columns ?? 80);
    const lines = this.#shown.map(line =>
      Math.max(1, Math.ceil(cells(stripVTControlCharacters(line)) / columns)),
    );
    this.#shown = [];
    const count = lines.reduce((sum, number) => sum + number, 0);
    return count > 0 ? `\u001b[${count}A\u001b[J` : '';
  }
}
