/** The program as the parser knows it: the global flags, and the commands out of describe/. */
import { Command, Option } from 'commander';
import { describeBuilding } from './describe/building.ts';
import { describeCache, describeCekit } from './describe/cekit.ts';
import { describeHousekeeping } from './describe/housekeeping.ts';
import { describeImages } from './describe/images.ts';
import { describeInternal } from './describe/internal.ts';
import { checkKiwiOptions, describeSystem } from './describe/system.ts';
import { checkBefore } from './globals.ts';
import { VERSION } from './version.ts';

/** @param name What the program was called: ashlar or stacker, cekit or cekit-cache. */
export function describeProgram(name: string): Command {
  switch (name) {
    case 'cekit':
      return describeCekit();
    case 'cekit-cache':
      return describeCache(name);
    default:
      return describeAshlar(name);
  }
}

function describeAshlar(name: string): Command {
  const program = new Command(name)
    .description(
      'Builds OCI images from layered descriptions: no daemon, no root, no copying of bytes that do not change.',
    )
    .version(VERSION, '-v, --version')
    .helpCommand('help [command]', 'show the help of a command')
    // The words after a command belong to it: `chroot tag ls -q` is about ls.
    .enablePositionalOptions()
    .configureHelp({ styleTitle: title => title.toUpperCase() })
    .exitOverride()
    // Before the command's own flags are read, so that even `build --help` is checked.
    .hook('preSubcommand', (_, command) => {
      checkKiwiOptions(program, command);
      return checkBefore(program.opts());
    });
  for (const option of globalOptions()) program.addOption(option);
  describeBuilding(program);
  program.addCommand(describeCekit());
  const system = describeSystem(program);
  describeImages(program);
  describeHousekeeping(program);
  describeInternal(program);
  // Global flags are understood after the command too.
  const ofSystem = system.commands.flatMap(command => [command, ...command.commands]);
  for (const command of [...program.commands, ...ofSystem]) {
    // CEKit and KIWI have taken some of the names.
    const taken = new Set(command.options.map(({ long }) => long));
    for (const option of globalOptions()) if (!taken.has(option.long)) command.addOption(option.hideHelp());
  }
  return program;
}

function globalOptions(): readonly Option[] {
  return [
    new Option('--work-dir <dir>', 'prefix of the three directories below'),
    new Option('--stacker-dir <dir>', 'working files (default: .stacker)'),
    new Option('--oci-dir <dir>', 'the OCI layout that results go to (default: oci)'),
    new Option('--roots-dir <dir>', 'trees (default: roots)'),
    new Option('--store <dir>', 'layers and cache that all builds share (default: ~/.local/share/ashlar)'),
    new Option('--config <file>', 'configuration file'),
    new Option('--debug', 'say more'),
    new Option('-q, --quiet', 'say nothing but errors'),
    new Option('--log-file <file>', 'write log lines to a file instead of standard error'),
    new Option('--log-timestamp', 'begin log lines with the time'),
    new Option('--storage-type <type>', 'how trees are put together').choices(['overlay']).default('overlay'),
    new Option('--progress', 'show progress (default on a terminal)'),
    new Option('--no-progress', 'plain lines only'),
  ];
}
