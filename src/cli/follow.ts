/** Everything that listens while a command builds: the log, the live view, and the report. */
import type { BuildEvent, EventSink } from '../engine/index.ts';
import { messageOf } from '../support/errors.ts';
import { interruptible } from './interruption.ts';
import { type Log, openLog } from './log.ts';
import { openProgress } from './progress.ts';
import { ReportFile } from './report-file.ts';
import { Reporter } from './reporter.ts';
import type { GlobalFlags } from './settings.ts';

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
  flags: FollowFlags,
  work: (followed: Followed) => Promise<T>,
): Promise<T> {
  const report = flags.report === undefined ? undefined : new ReportFile(flags.report);
  using progress = openProgress(globals, process.stderr);
  const log = openLog(globals, line => progress.write(line));
  const reporter = new Reporter(log, bytes => progress.write(bytes, process.stdout));
  const emit = (event: BuildEvent) => {
    // What must be said before something happens on the terminal is said first.
    reporter.report(event);
    progress.follow(event);
    report?.follow(event);
  };
  using interruption = interruptible();
  let result: T;
  try {
    result = await work({ log, emit, signal: interruption.signal });
  } catch (error) {
    try {
      report?.failed(error);
    } catch (second) {
      // What the user must hear of is the error of the build.
      log('warning', messageOf(second));
    }
    throw error;
  } finally {
    reporter.end();
  }
  report?.succeeded();
  return result;
}
