import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PackJob } from './pack.ts';

/** Files and directories, and bytes, that are packed within few milliseconds. */
const LIMITS = { entries: 64, bytes: 256 * 1024 } as const;

/** Whether a layer is so small that packing it is nothing; looks at no more files than that takes. */
export function isSmall(job: PackJob): boolean {
  if (job.kind !== 'files') return false;
  const left = { ...LIMITS };
  try {
    return job.entries.every(({ source }) => fits(source, left));
  } catch {
    // What cannot be looked at, the packing will tell of.
    return false;
  }
}

/** Takes what is there from what is left. */
function fits(path: string, left: { entries: number; bytes: number }): boolean {
  left.entries -= 1;
  const entry = lstatSync(path);
  if (entry.isFile()) left.bytes -= entry.size;
  if (left.entries < 0 || left.bytes < 0) return false;
  return !entry.isDirectory() || readdirSync(path).every(name => fits(join(path, name), left));
}
