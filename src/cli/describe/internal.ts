/** `internal-go`: what scripts around stacker call, and people do not. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

const commands = () => import('../commands/internal-go.ts');

export function describeInternal(program: Command): void {
  const internal = program
    .command('internal-go', { hidden: true })
    .description('commands for scripts around stacker');
  internal
    .command('copy')
    .description('copy an image from one reference to another')
    .argument('[words...]', 'source and destination')
    .action(async (words: readonly string[], _flags: unknown, command: Command) =>
      (await commands()).copy(globalsOf(command), words),
    );
  internal
    .command('cp')
    .description('copy a file or directory')
    .argument('[words...]', 'source and destination')
    .action(async (words: readonly string[]) => (await commands()).copyFile(words));
  internal
    .command('chmod')
    .description('change the mode of a file')
    .argument('[words...]', 'octal mode and file')
    .action(async (words: readonly string[]) => (await commands()).changeMode(words));
  internal
    .command('chown')
    .description('change the owner of a file')
    .argument('[words...]', 'uid or uid:gid, and file')
    .action(async (words: readonly string[]) => (await commands()).changeOwner(words));
  internal
    .command('testsuite-check-overlay')
    .description('end with 50 where overlay mounts do not work')
    .action(async (_flags: unknown, command: Command) => (await commands()).checkOverlay(globalsOf(command)));
  internal
    .command('atomfs')
    .description('mount and unmount images')
    .argument('[words...]', 'mount and a tag and a directory, or umount and a directory')
    .action(async (words: readonly string[], _flags: unknown, command: Command) =>
      (await commands()).atomfs(globalsOf(command), words),
    );
}
