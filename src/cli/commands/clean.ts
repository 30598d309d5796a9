import { holdProject, removeDirectory } from '../../engine/index.ts';
import { AshlarError, messageOf } from '../../support/errors.ts';
import { interruptible } from '../interruption.ts';
import { openLog } from '../log.ts';
import { type GlobalFlags, readSettings } from '../settings.ts';

/** Removes the directories of this project; the store, which other projects share, stays. */
export async function clean(globals: GlobalFlags): Promise<void> {
  const { rootsDir, ociDir, stackerDir, store } = await readSettings(globals);
  const log = openLog(globals, line => process.stderr.write(line));
  using interruption = interruptible();
  using _ = await holdProject({ work: stackerDir, roots: rootsDir }, 'exclusive');
  let failed = false;
  for (const [directory, complaint] of [
    [rootsDir, 'problem cleaning roots '],
    [ociDir, 'problem cleaning oci dir '],
    [stackerDir, 'error deleting stacker dir: '],
  ] as const) {
    try {
      await removeDirectory(directory, store, interruption.signal);
    } catch (error) {
      interruption.signal.throwIfAborted();
      log('info', complaint + messageOf(error));
      failed = true;
    }
  }
  if (failed) throw new AshlarError('cleaning failed');
}
