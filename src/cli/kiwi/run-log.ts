import { closeSync, copyFileSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { printableLines } from '../../support/cells.ts';
import { withoutLogins } from '../../support/secrets.ts';
import type { Followed } from '../follow.ts';
import type { Log } from '../log.ts';
import { Reporter } from '../reporter.ts';

/** All that a build says, in a file of its own: nobody is in its way before it is known how the build ends. */
export class RunLog implements Disposable {
  readonly #path: string;
  readonly #file: number;
  readonly #reporter: Reporter;
  readonly #heard: Followed;

  /** @param path Where the file is while the build is at work. */
  constructor(path: string, heard: Followed) {
    this.#path = path;
    this.#file = openSync(path, 'w', 0o644);
    this.#heard = heard;
    this.#reporter = new Reporter(this.#line, bytes => writeFileSync(this.#file, bytes));
  }

  readonly #line: Log = (_, text) => writeFileSync(this.#file, `${printableLines(withoutLogins(text))}\n`);

  /** What the build is to talk to. */
  get work(): Followed {
    const { log, emit, signal } = this.#heard;
    return {
      log: (level, text) => {
        log(level, text);
        this.#line(level, text);
      },
      emit: event => {
        emit(event);
        this.#reporter.report(event);
      },
      signal,
    };
  }

  /** Puts what was said so far, which is all, into another file. */
  copyTo(path: string): void {
    this.#reporter.end();
    copyFileSync(this.#path, path);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}
