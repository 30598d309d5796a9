import { Command, CommanderError } from 'commander';

/** A command whose wrong use ends with 2: scripts tell by the exit code whether they called it rightly. */
export function newCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .configureHelp({ styleTitle: title => title.toUpperCase() })
    .exitOverride(error => {
      throw error.exitCode === 0 ? error : new CommanderError(2, error.code, error.message);
    });
}
