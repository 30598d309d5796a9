/** Everything that listens while a command builds: the log, the live view, and the report. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type BuildEvent, BuildRecorder, type BuildReport, type EventSink } from '../engine/index.ts';
import { AshlarError, causesOf, messageOf } from '../support/errors.ts';
import { Interruption, interruptible } from './interruption.ts';
import { type Log, openLog } from './log.ts';
import { openProgress } from './progress.ts';
import { Reporter } from './reporter.ts';
import type { GlobalFlags } from './settings.ts';
import { VERSION } from './version.ts';

export interface FollowFlags {
  /** A file that gets the report of the build. */
  readonly report?: string;
}

export interface Followed {
  readonly log: Log;
  readonly emit: EventSink;
  /** Aborted when the work is to stop. */
  readonly signal: AbortSignal;
}

/** Does work that builds: what it says goes to the log, how it goes on to the terminal, how it went into the report. */
export async function followed<T>(
  globals: GlobalFlags,
  { report }: FollowFlags,
  work: (followed: Followed) => Promise<T>,
): Promise<T> {
  const file = report === undefined ? undefined : new ReportFile(report);
  using progress = openProgress(globals, process.stderr);
  const log = openLog(globals, line => progress.write(line));
  const reporter = new Reporter(log, bytes => progress.write(bytes, process.stdout));
  const emit = (event: BuildEvent) => {
    // What must be said before something happens on the terminal is said first.
    reporter.report(event);
    progress.follow(event);
    file?.recorder.follow(event);
  };
  using interruption = interruptible();
  try {
    const result = await work({ log, emit, signal: interruption.signal });
    file?.write(file.recorder.report('built'));
    return result;
  } catch (error) {
    // That the report cannot be written is the lesser evil: the error of the build is what counts.
    try {
      file?.write(failureReport(file.recorder, error));
    } catch (second) {
      log('warning', messageOf(second));
    }
    throw error;
  } finally {
    reporter.end();
  }
}

class ReportFile {
  readonly recorder = new BuildRecorder({ name: 'ashlar', version: VERSION });
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

  /** All of it or nothing. */
  write(report: BuildReport): void {
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

function failureReport(recorder: BuildRecorder, error: unknown): BuildReport {
  const { at, hint } = error instanceof AshlarError ? error : {};
  return recorder.report(error instanceof Interruption ? 'interrupted' : 'failed', {
    message: messageOf(error),
    ...(at ? { at } : {}),
    ...(hint === undefined ? {} : { hint }),
    causes: error instanceof Error ? [...causesOf(error)].map(messageOf) : [],
  });
}
