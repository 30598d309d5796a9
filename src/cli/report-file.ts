import { randomBytes } from 'node:crypto';
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BuildRecorder, type BuildReport } from '../engine/index.ts';
import { AshlarError, causesOf, messageOf } from '../support/errors.ts';
import { Interruption } from './interruption.ts';
import { VERSION } from './version.ts';

/** The file of `--report`: listens to a build and writes, however it ends, all of the report or nothing. */
export class ReportFile {
  readonly #recorder = new BuildRecorder({ name: 'ashlar', version: VERSION });
  readonly #path: string;

  /** @throws AshlarError when it will not be possible to write it: better now than after a long build. */
  constructor(path: string) {
    this.#path = resolve(path);
    try {
      accessSync(dirname(this.#path), constants.W_OK);
    } catch (cause) {
      throw new AshlarError(`cannot write the report ${path}`, {
        cause,
        hint: '--report needs a directory that is there and writable',
      });
    }
    if (statSync(this.#path, { throwIfNoEntry: false })?.isDirectory())
      throw new AshlarError(`cannot write the report ${path}: it is a directory`);
  }

  get follow(): BuildRecorder['follow'] {
    return this.#recorder.follow;
  }

  /** @throws AshlarError when it cannot be written. */
  succeeded(): void {
    this.#write(this.#recorder.report('built'));
  }

  /** @throws AshlarError when it cannot be written. */
  failed(error: unknown): void {
    const { at, hint } = error instanceof AshlarError ? error : {};
    const outcome = error instanceof Interruption ? 'interrupted' : 'failed';
    const report = this.#recorder.report(outcome, {
      message: messageOf(error),
      ...(at ? { at } : {}),
      ...(hint === undefined ? {} : { hint }),
      causes: error instanceof Error ? [...causesOf(error)].map(messageOf) : [],
    });
    this.#write(report);
  }

  #write(report: BuildReport): void {
    const temporary = `${this.#path}.${randomBytes(4).toString('hex')}`;
    try {
      writeFileSync(temporary, `${JSON.stringify(report, null, 2)}\n`);
      renameSync(temporary, this.#path);
    } catch (cause) {
      rmSync(temporary, { force: true });
      throw new AshlarError(`cannot write the report ${this.#path}`, { cause });
    }
  }
}
