/** The flags that every command understands, wherever they stood. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { AshlarError } from '../support/errors.ts';
import { sourceDateEpoch } from './epoch.ts';
import { UsageError } from './failure.ts';
import { openLog } from './log.ts';
import { type GlobalFlags, readSettings } from './settings.ts';

/** @throws UsageError when they contradict each other. */
export function globalsOf(command: Command): GlobalFlags {
  const flags = command.optsWithGlobals<GlobalFlags>();
  checkContradiction(flags);
  return flags;
}

/**
 * What is checked before any command. @throws AshlarError when flags contradict each other, the config file or
 * SOURCE_DATE_EPOCH make no sense, or the working files are another user's.
 */
export async function checkBefore(flags: GlobalFlags): Promise<void> {
  checkContradiction(flags);
  // Says which version this is, whatever becomes of the command.
  if (flags.debug) openLog(flags);
  sourceDateEpoch();
  const { stackerDir } = await readSettings(flags);
  const uid = lstatSync(join(stackerDir, 'build.cache'), { throwIfNoEntry: false })?.uid;
  if (uid !== undefined && uid !== process.getuid?.()) {
    throw new AshlarError(`previous run of stacker found with uid ${uid}`, {
      hint: `remove ${stackerDir}, or choose another directory with --stacker-dir`,
    });
  }
}

function checkContradiction({ debug, quiet }: GlobalFlags): void {
  if (debug && quiet) throw new UsageError("debug and quiet don't make sense together");
}
