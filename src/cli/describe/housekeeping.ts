/** Commands about directories and the machine. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

export function describeHousekeeping(program: Command): void {
  program
    .command('clean')
    .description('remove the results and working files of this directory')
    .option('--all', 'accepted, no effect')
    .action(async (_flags: unknown, command: Command) =>
      (await import('../commands/clean.ts')).clean(globalsOf(command)),
    );

  program
    .command('check')
    .description('show what this machine can do, what is missing and how to get it')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }, command: Command) =>
      (await import('../commands/check.ts')).check(globalsOf(command), flags),
    );
}
