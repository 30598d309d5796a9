/** Log lines: the bare message, on standard error or into a file. Results never go through here. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { AshlarError } from '../support/errors.ts';
import type { GlobalFlags } from './settings.ts';
import { VERSION } from './version.ts';

export type Level = 'debug' | 'info' | 'warning';

export type Log = (level: Level, text: string) => void;

const SEVERITY: Readonly<Record<Level, number>> = { debug: 0, info: 1, warning: 2 };

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
    const line = `${stamp}${level === 'warning' ? 'warning: ' : ''}${text}\n`;
    if (file === undefined) write(line);
    else writeSync(file, line);
  };
  if (!announced) log('debug', `stacker version ${VERSION}`);
  announced = true;
  return log;
}

function toStandardError(line: string): void {
  process.stderr.write(line);
}

function openFile(path: string): number {
  const known = files.get(path);
  if (known !== undefined) return known;
  try {
    const file = openSync(path, 'w');
    files.set(path, file);
    process.on('exit', () => closeSync(file));
    return file;
  } catch (cause) {
    throw new AshlarError(`couldn't open the log file ${path}`, { cause });
  }
}
