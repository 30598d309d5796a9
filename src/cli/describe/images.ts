/** Commands that look at or use images that are built. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

export function describeImages(program: Command): void {
  program
    .command('inspect')
    .description('show the images in the OCI layout')
    .argument('[tag]', 'only this image')
    .action(async (tag: string | undefined, _flags: unknown, command: Command) =>
      (await import('../commands/inspect.ts')).inspect(globalsOf(command), tag),
    );
}
