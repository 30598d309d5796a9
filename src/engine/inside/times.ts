/** Times of files that were written here. Names are bytes, since they need not be text. */
import { lstatSync, lutimesSync, readdirSync } from 'node:fs';
import type { Written } from './request-parts.ts';

/** Sets times that are later than `latest` (seconds since 1970) back to it. */
export function clampTimes(directory: string, latest: number): void {
  setTimes(Buffer.from(directory), latest, latest * 1000);
}

/** Gives what was written since the work began the time that it is to have. */
export function setTimesOfWritten(directory: string, { time, since }: Written): void {
  setTimes(Buffer.from(directory), time, since);
}

/** `since`: milliseconds since 1970. */
function setTimes(path: Buffer, time: number, since: number): void {
  const entry = lstatSync(path);
  if (entry.isDirectory()) {
    for (const name of readdirSync(path, { encoding: 'buffer' }))
      setTimes(Buffer.concat([path, Buffer.from('/'), name]), time, since);
  }
  if (entry.mtimeMs >= since) lutimesSync(path, time, time);
}
