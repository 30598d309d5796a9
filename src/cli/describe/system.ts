/** `system`: the commands that users of KIWI know. Their code is loaded when they are called. */
import { type Command, Option } from 'commander';
import type { SystemBootFlags } from '../commands/system-boot.ts';
import type { CreateFlags, StackbuildFlags, SystemBuildOrder } from '../commands/system-build.ts';
import type { SystemInfoFlags } from '../commands/system-info.ts';
import type { BundleFlags, ListFlags } from '../commands/system-result.ts';
import type { SystemStashFlags } from '../commands/system-stash.ts';
import { withSystemBuildFlags, withSystemCreateFlags } from '../kiwi/build-options.ts';
import { kiwiGlobalsOf } from '../kiwi/globals.ts';
import { SystemUsageError } from '../kiwi/usage.ts';
import { repeatable, withRuntime } from '../options.ts';
import { readDuration, readSize } from '../quantities.ts';
import { newCommand } from './command.ts';

/** KIWI's commands below `system`, and its global options before it. Returns `system`. */
export function describeSystem(program: Command): Command {
  const system = newCommand('system', 'images of whole systems from KIWI descriptions, and stashes of trees')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions();
  for (const option of kiwiOptions()) system.addOption(option);
  for (const option of kiwiOptions()) program.addOption(option.hideHelp());
  for (const command of commandsOfSystem()) {
    for (const option of kiwiOptions()) command.addOption(option.hideHelp());
    system.addCommand(command);
  }
  program.addCommand(system);
  return system;
}

/** @throws SystemUsageError when one of KIWI's global options stands before another command. */
export function checkKiwiOptions(program: Command, command: Command): void {
  const [foreign] = command.name() === 'system' ? [] : givenKiwiOptions(program);
  if (foreign !== undefined) throw new SystemUsageError(`${foreign} is for the commands of system`);
}

function commandsOfSystem(): readonly Command[] {
  return [
    describeStash(),
    describeStackbuild(),
    describeBuild(),
    describeCreate(),
    describeInfo(),
    describeValidate(),
    describeBoot(),
    describeResult(),
  ];
}

function describeStash(): Command {
  return newCommand('stash', 'keep a tree as a container, to build on it later')
    .option('--root <dir>', 'the tree: a directory, a tar archive, or build/image-root of a target directory')
    .option('--tag <name>', 'the tag of this state (default: latest)')
    .option('--container-name <name>', 'the name (default: that of the description in the tree)')
    .option('--podman', 'load the container into podman, too')
    .option('--list', 'print the names of all stashes as JSON')
    .option('--details', 'with --list: tags, layers, sizes and dates')
    .option('--json', 'with --list: the same as JSON')
    .argument('[help]', 'the word help shows this text')
    .addHelpText(
      'after',
      `
The first time, everything is kept but the contents of /dev, /proc, /sys and /run. After that each call adds one layer
that holds what has changed, or nothing.`,
    )
    .action(async (word: string | undefined, flags: SystemStashFlags, command: Command) => {
      if (word === 'help') command.help();
      await (await import('../commands/system-stash.ts')).systemStash(kiwiGlobalsOf(command), word, flags);
    });
}

function describeStackbuild(): Command {
  const command = newCommand('stackbuild', 'build an image on stashes or other containers, or a stash again');
  command
    .addOption(repeatable('--stash <name>', 'name or name:tag, the lowest first (repeatable)'))
    .option('--from-registry <uri>', 'where all of them are fetched: registry.example/project')
    .option('--description <dir>', 'the directory of the description (default: the one in the last stash)')
    .argument('[args...]', 'after -- or kiwi: options of build, or without --description of create')
    .passThroughOptions();
  return withResults(command).action(
    async (words: readonly string[], flags: StackbuildFlags, command: Command) => {
      const [first] = words;
      if (first === 'help' && words.length === 1) command.help();
      const passed = first === 'kiwi' ? words.slice(1) : words;
      await (await import('../commands/system-build.ts')).stackbuild(kiwiGlobalsOf(command), passed, flags);
    },
  );
}

function describeBuild(): Command {
  const command = newCommand('build', 'build an image of a description').option(
    '--description <dir>',
    'the directory of the description',
  );
  return withResults(withSystemBuildFlags(command)).action(
    async (flags: SystemBuildOrder, command: Command) =>
      (await import('../commands/system-build.ts')).systemBuild(kiwiGlobalsOf(command), flags),
  );
}

function describeCreate(): Command {
  const command = newCommand('create', 'make the results of a tree that was built before').option(
    '--root <dir>',
    'the tree: build/image-root of the target directory of a build',
  );
  return withResults(withSystemCreateFlags(command)).action(async (flags: CreateFlags, command: Command) =>
    (await import('../commands/system-build.ts')).systemCreate(kiwiGlobalsOf(command), flags),
  );
}

/** What all commands that build have. */
function withResults(command: Command): Command {
  return withRuntime(command.option('--target-dir <dir>', 'the directory of the results'))
    .option('--dry-run', 'show what would be built, build nothing')
    .option('--json', 'what --dry-run shows as JSON')
    .option('--no-cache', 'build everything anew')
    .option('--explain', 'say of each step that is built what has changed since the last build')
    .option('--report <file>', 'write what was done, how long it took and what came out, as JSON');
}

function describeInfo(): Command {
  return withDescription(newCommand('info', 'print as JSON what a description means'))
    .addHelpText(
      'after',
      `
Without --profile and --type all that can be chosen is printed: no profile and each profile, with each of its types.`,
    )
    .action(async (flags: SystemInfoFlags, command: Command) =>
      (await import('../commands/system-info.ts')).systemInfo(kiwiGlobalsOf(command), flags),
    );
}

function describeValidate(): Command {
  return withDescription(
    newCommand('validate', 'print all that is wrong with a description, or "valid"'),
  ).action(async (flags: SystemInfoFlags, command: Command) =>
    (await import('../commands/system-info.ts')).systemValidate(kiwiGlobalsOf(command), flags),
  );
}

function describeBoot(): Command {
  return newCommand('boot', 'start a disk in QEMU, and end with 0 when the text appears on its console')
    .argument('<disk>', 'raw, qcow2, vmdk, vdi, vhd or vhdx; it is not changed')
    .option('--expect <text>', 'what the machine is to say (default: the login prompt)')
    .option('--timeout <time>', 'how long to wait, in seconds or like 5m', readSeconds, 180)
    .addOption(
      new Option('--firmware <name>', 'what the machine starts with')
        .choices(['uefi', 'bios'])
        .default('uefi'),
    )
    .addOption(new Option('--memory <size>', 'of the machine').argParser(readSize).default(2 ** 30, '1GiB'))
    .option('--json', 'print the verdict as JSON, and the console on standard error')
    .action(async (disk: string, flags: SystemBootFlags, command: Command) =>
      (await import('../commands/system-boot.ts')).systemBoot(kiwiGlobalsOf(command), disk, flags),
    );
}

function describeResult(): Command {
  const target = '--target-dir <dir>';
  const result = newCommand('result', 'what is in a target directory').helpCommand(false);
  const list = newCommand('list', 'print what was built')
    .option(target, 'the directory of the results')
    .option('--json', 'print kiwi.result.json')
    .action(async (flags: ListFlags) => (await import('../commands/system-result.ts')).listResults(flags));
  const bundle = newCommand('bundle', 'copy results to where others fetch them, under the name of a bundle')
    .option(target, 'the directory of the results')
    .option('--bundle-dir <dir>', 'the directory of the bundle')
    .option('--id <name>', 'the name of the bundle: it follows the version in the names of files')
    .option('--bundle-format <pattern>', 'what the files are called, instead of bundle_format of the type')
    .option('--no-compress', 'compress nothing')
    .addOption(new Option('--zsync-source <url>', 'ignored').hideHelp())
    .action(async (flags: BundleFlags, command: Command) =>
      (await import('../commands/system-result.ts')).bundleResults(kiwiGlobalsOf(command), flags),
    );
  return result.addCommand(list).addCommand(bundle);
}

function readSeconds(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : readDuration(text) / 1000;
}

function withDescription(command: Command): Command {
  return command.option('--description <dir>', 'the directory of the description', '.');
}

/** Made anew for each command: an option knows whether it is hidden. */
function kiwiOptions(): readonly Option[] {
  return [
    repeatable('--profile <name>', 'a profile of the description, in their order (repeatable)'),
    new Option('--type <type>', 'the image type of the description that is built'),
    new Option('--kiwi-file <name>', 'name of the description in its directory'),
    new Option('--target-arch <name>', 'the machine that the image is for, as uname -m says it'),
    repeatable('--setenv <name=value>', 'a variable for all scripts (repeatable)'),
    new Option('--logfile <file>', 'write log lines to a file, or to stdout'),
    new Option('--loglevel <n>', '10 says everything, 20 is usual, 40 says nothing but errors'),
    new Option('--color-output', 'ignored: a terminal gets colors anyway'),
    new Option('--temp-dir <dir>', 'ignored'),
    new Option('--shared-cache-dir <dir>', 'ignored: what is fetched is kept in the store'),
    new Option('--logsocket <path>', 'ignored'),
  ];
}

function givenKiwiOptions(program: Command): readonly string[] {
  const given = program.opts();
  return kiwiOptions().flatMap(option => {
    const value: unknown = given[option.attributeName()];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    return isGiven ? [option.long ?? ''] : [];
  });
}
