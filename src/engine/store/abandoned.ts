/** What builds that were killed leave behind. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../../linux/index.ts';
import { codeOf } from '../../support/errors.ts';

/**
 * Removes temporary directories whose builds are gone: nobody holds their lock any more. False when files of other
 * owners are in the way, which only uid 0 of our namespaces can remove; the locks' files then stay as reminders.
 */
export function removeAbandoned(temporaries: string): boolean {
  let complete = true;
  for (const file of readdirSync(temporaries).filter(name => name.endsWith('.lock'))) {
    const path = join(temporaries, file);
    using lock = lockFile(path, { mode: 'exclusive', wait: false });
    if (!lock) continue;
    if (removeTree(path.slice(0, -'.lock'.length))) rmSync(path, { force: true });
    else complete = false;
  }
  return complete;
}

/** Removes a directory with all that is in it; false when we may not. */
export function removeTree(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return false;
    throw error;
  }
}
