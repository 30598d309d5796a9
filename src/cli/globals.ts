/** The flags that every command understands, wherever they stood. */
import type { Command } from 'commander';
import { sourceDateEpoch } from './epoch.ts';
import { UsageError } from './failure.ts';
import type { GlobalFlags } from './settings.ts';

/** @throws UsageError when they contradict each other. */
export function globalsOf(command: Command): GlobalFlags {
  const flags = command.optsWithGlobals<GlobalFlags>();
  checkGlobals(flags);
  return flags;
}

/** What is checked before any command. @throws UsageError, AshlarError */
export function checkGlobals({ debug, quiet }: GlobalFlags): void {
  if (debug && quiet) throw new UsageError("debug and quiet don't make sense together");
  sourceDateEpoch();
}
