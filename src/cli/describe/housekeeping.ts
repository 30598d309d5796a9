/** Commands about directories and the machine. */
import { type Command, Option } from 'commander';
import type { GcFlags } from '../commands/gc.ts';
import type { UnprivilegedFlags } from '../commands/unpriv-setup.ts';
import { globalsOf } from '../globals.ts';
import { readDuration, readSize } from '../quantities.ts';

export function describeHousekeeping(program: Command): void {
  program
    .command('clean')
    .description('remove the results and working files of this directory (not the store: see gc)')
    .option('--all', 'accepted, no effect')
    .action(async (_flags: unknown, command: Command) =>
      (await import('../commands/clean.ts')).clean(globalsOf(command)),
    );

  program
    .command('gc')
    .description('remove from the store what the last builds of your projects did not use')
    .addOption(
      new Option('--older-than <time>', 'what was used since then stays: 14d, 12h, 30m, 0')
        .argParser(readDuration)
        .default(readDuration('14d'), '14d'),
    )
    .addOption(
      new Option(
        '--max-size <size>',
        'remove more, longest unused first, until the store is that small: 20GB, 500MB',
      ).argParser(readSize),
    )
    .option('--all', 'remove everything that no running build uses')
    .option('--dry-run', 'only list what would be removed')
    .action(async (flags: GcFlags, command: Command) =>
      (await import('../commands/gc.ts')).gc(globalsOf(command), flags),
    );

  program
    .command('unpriv-setup')
    .description('as root: give a plain user what builds need')
    .option('--uid <id>', 'user id (default: $SUDO_UID)', process.env.SUDO_UID)
    .option('--gid <id>', 'group id (default: $SUDO_GID)', process.env.SUDO_GID)
    .option('--username <name>', 'user name (default: $SUDO_USER)', process.env.SUDO_USER)
    .action(async (flags: UnprivilegedFlags, command: Command) =>
      (await import('../commands/unpriv-setup.ts')).setUpUnprivileged(globalsOf(command), flags),
    );

  program
    .command('check')
    .description('show what this machine can do, what is missing and how to get it')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }, command: Command) =>
      (await import('../commands/check.ts')).check(globalsOf(command), flags),
    );
}
