/**
 * Log lines: the bare message, since scripts match on them, on standard error or into a file. Results never go through
 * here.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { printableLines } from '../support/cells.ts';
import { AshlarError, type SourceSpan } from '../support/errors.ts';
import { showSpan } from '../support/excerpt.ts';
import { withoutLogins } from '../support/secrets.ts';
import type { GlobalFlags } from './settings.ts';
import { VERSION } from './version.ts';

export type Level = 'debug' | 'info' | 'warning';

export type Log = (level: Level, text: string) => void;

const SEVERITY: Readonly<Record<Level, number>> = { debug: 0, info: 1, warning: 2 };

/** What `--logfile stdout` stands for. */
export const STANDARD_OUTPUT = '/dev/stdout';

/** The files that logs of this process go to: opened anew by its first one. */
const files = new Map<string, number>();
let announced = false;

/**
 * The log that the global flags ask for; the first one of a process begins with the version. `write` puts a line on
 * the terminal, above what is shown there live.
 */
export function openLog(flags: GlobalFlags, write: (line: string) => void = toStandardError): Log {
  const threshold = flags.debug ? 0 : flags.quiet ? 3 : 1;
  const file = flags.logFile === undefined ? undefined : openFile(flags.logFile);
  const log: Log = (level, text) => {
    if (SEVERITY[level] < threshold) return;
    const stamp = flags.logTimestamp ? `${new Date().toISOString()} ` : '';
    // Names out of modules and images are in it, which must not steer the terminal or pass for lines of ours.
    const line = printableLines(withoutLogins(text));
    if (file === undefined) write(`${stamp}${level === 'warning' ? emphasized(line) : line}\n`);
    else writeSync(file, `${stamp}${line}\n`);
  };
  if (!announced) log('debug', `stacker version ${VERSION}`);
  announced = true;
  return log;
}

/** A message and the place in a file that it is about. */
export function withPlace(text: string, at: SourceSpan | undefined): string {
  return at ? `${text} (${showSpan(at)})` : text;
}

/** Warnings differ from other lines for people only. */
function emphasized(text: string): string {
  const color = process.stderr.isTTY === true && !process.env.NO_COLOR;
  return color ? `\u001b[33m${text}\u001b[39m` : text;
}

function toStandardError(line: string): void {
  process.stderr.write(line);
}

function openFile(path: string): number {
  const known = files.get(path);
  if (known !== undefined) return known;
  // Opened anew it would begin at its start, where results may be already.
  if (path === STANDARD_OUTPUT) return process.stdout.fd;
  try {
    const file = openSync(path, 'w');
    files.set(path, file);
    process.on('exit', () => closeSync(file));
    return file;
  } catch (cause) {
    throw new AshlarError(`couldn't open the log file ${path}`, { cause });
  }
}
