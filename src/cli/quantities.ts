/** Times and sizes as people type them. */
import { InvalidArgumentError } from 'commander';
import type { DiskSize } from '../plan/outputs.ts';
import { parseDiskSize } from '../plan/simple-disk.ts';
import { parseSize } from '../support/sizes.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Milliseconds: `14d`, `12h`, `30m`, `45s`, `2w`, or `0`. */
export function readDuration(text: string): number {
  if (text === '0') return 0;
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  const seconds = SECONDS[unit];
  if (number === undefined || seconds === undefined)
    throw new InvalidArgumentError('Expected a time like 14d, 12h or 30m.');
  return Number(number) * seconds * 1000;
}

/** Of a disk: all of it, or with a plus sign what is added to its content. Powers of two, as disks are measured. */
export function readDiskSize(text: string): DiskSize {
  return parseDiskSize(text) ?? refuse();
}

/** Bytes: `20GB`, `1.5G`, `500MB` in powers of ten, `20GiB` in powers of two, or a number alone. */
export function readSize(text: string): number {
  return parseSize(text) ?? refuse();
}

function refuse(): never {
  throw new InvalidArgumentError('Expected a size like 20GB or 500MB.');
}
