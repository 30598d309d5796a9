import { rm } from 'node:fs/promises';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';

/** Removes the directories of this project; the store, which other projects share, stays. */
export async function clean(globals: GlobalFlags): Promise<void> {
  const { rootsDir, ociDir, stackerDir } = await readSettings(globals);
  const log = openLog(globals);
  let failed = false;
  for (const [directory, complaint] of [
    [rootsDir, 'problem cleaning roots '],
    [ociDir, 'problem cleaning oci dir '],
    [stackerDir, 'error deleting stacker dir: '],
  ] as const) {
    try {
      await rm(directory, { recursive: true, force: true });
    } catch (error) {
      log('info', complaint + messageOf(error));
      failed = true;
    }
  }
  if (failed) throw new AshlarError('cleaning failed');
}
