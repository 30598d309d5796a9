/** `cekit`: the command line that users of CEKit know. It is also the whole program under the name `cekit`. */
import { Argument, type Command, Option } from 'commander';
import type { Checksums } from '../../plan/types.ts';
import type { CekitGlobals } from '../cekit/globals.ts';
import type { CekitBuildFlags, Engine } from '../commands/cekit-build.ts';
import type { CekitTestFlags } from '../commands/cekit-test.ts';
import { repeatable, withDescriptorResult, withOverrides, withRuntime } from '../options.ts';
import type { GlobalFlags } from '../settings.ts';
import { VERSION } from '../version.ts';
import { newCommand } from './command.ts';

/** All of `cekit`, as a command or as a program. */
export function describeCekit(): Command {
  const cekit = newCommand('cekit', "CEKit's command line: images from descriptors, built without a daemon")
    .version(VERSION, '--version')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions();
  withCekitOptions(cekit);
  cekit.addCommand(describeBuild());
  cekit.addCommand(describeTest());
  cekit.addCommand(describeCache('cache'));
  return cekit;
}

/** @param name What the program or command is called: cekit-cache or cache. */
export function describeCache(name: string): Command {
  const cache = newCommand(name, 'the artifacts that are kept on this machine')
    .version(VERSION, '--version')
    .enablePositionalOptions();
  for (const option of cacheOptions()) cache.addOption(option);
  const commands = () => import('../commands/cekit-cache.ts');
  const described = [
    newCommand('add', 'add an artifact')
      .argument('<location>', 'path or address')
      .option('--md5 <checksum>', 'its MD5')
      .option('--sha1 <checksum>', 'its SHA-1')
      .option('--sha256 <checksum>', 'its SHA-256')
      .option('--sha512 <checksum>', 'its SHA-512')
      .action(async (location: string, flags: Checksums, command: Command) =>
        (await commands()).cacheAdd(location, flags, globalsOf(command)),
      ),
    newCommand('ls', 'list the artifacts').action(async (_flags: unknown, command: Command) =>
      (await commands()).cacheList(globalsOf(command)),
    ),
    newCommand('rm', 'remove an artifact')
      .argument('<uuid>', 'as ls shows it')
      .action(async (uuid: string, _flags: unknown, command: Command) =>
        (await commands()).cacheRemove(uuid, globalsOf(command)),
      ),
    newCommand('clear', 'remove all artifacts')
      .option('-y, --yes', 'do not ask')
      .action(async (flags: { readonly yes?: true }, command: Command) =>
        (await commands()).cacheClear(flags.yes ?? false, globalsOf(command)),
      ),
  ];
  for (const command of described) {
    for (const option of cacheOptions()) command.addOption(option.hideHelp());
    cache.addCommand(command);
  }
  return cache;
}

function describeBuild(): Command {
  const build = newCommand('build', 'build the image of a descriptor').addArgument(
    new Argument('[engine]', 'where the image goes').choices(['docker', 'podman', 'buildah', 'oci', 'osbs']),
  );
  build
    .option('--validate', 'only read and resolve the descriptor')
    .option('--dry-run', 'print the Dockerfile and write the target directory, build nothing')
    .addOption(
      new Option(
        '--container-file <name>',
        'name of the Dockerfile in the target directory (default: Dockerfile for docker and osbs)',
      ).choices(['Containerfile', 'Dockerfile']),
    );
  withOverrides(build);
  build
    .addOption(
      new Option('--tag [name]', 'name of the image, or docker://host/repository:tag (repeatable)')
        // Only OSBS can do without a name.
        .preset('')
        .argParser((name: string, names: readonly string[] = []) => [...names, name]),
    )
    .option('--pull', 'ask registries for the newest base (which is always done)');
  withDescriptorResult(build).addOption(
    new Option('--build-flag <flag>', "a flag of the engine's own build command (repeatable)").argParser(
      (flag: string, flags: readonly string[] = []) => [...flags, flag],
    ),
  );
  build
    .optionsGroup('Options for osbs:')
    .option('--release', 'a release build')
    .option('--user <name>', 'who builds')
    .option('--nowait', 'do not wait for the build')
    .option('--stage', 'use the stage environment')
    .option('--sync-only', 'write the files, build nothing')
    .option('--commit-message <text>', 'message of the commit')
    .option('-y, --assume-yes', 'do not ask');
  build.optionsGroup('');
  withCekitOptions(build, true);
  return build
    .addHelpText(
      'after',
      `
Where the image goes:
  oci       the OCI layout oci/ (the default; --oci-dir chooses another)
  podman    the storage of podman, as \`podman load\` puts it there
  buildah   the same storage, by \`buildah pull\`
  docker    the daemon, as \`docker load\` puts it there; where there is none, the archive NAME-VERSION.tar
  osbs      nowhere: with --dry-run its files are written to the target directory`,
    )
    .action(async (engine: Engine | undefined, flags: CekitBuildFlags, command: Command) =>
      (await import('../commands/cekit-build.ts')).cekitBuild(engine, flags, globalsOf(command)),
    );
}

function describeTest(): Command {
  const test = newCommand('test', 'run the tests of a descriptor in containers of its image').addArgument(
    new Argument('[framework]', 'what the tests are written for').choices(['behave']),
  );
  test.option('--image <name>', 'a tag of the OCI layout, docker://host/repository:tag or oci:directory:tag');
  withOverrides(test)
    .option('--wip', 'only scenarios with the tag @wip')
    .addOption(repeatable('--name <regex>', 'only scenarios of such names, whatever their tags (repeatable)'))
    .option('--include-re <regex>', 'only feature files of such names')
    .option('--exclude-re <regex>', 'no feature files of such names')
    .option('--steps-url <url>', 'ignored: the common steps are built in')
    .option('--steps-ref <ref>', 'ignored');
  withCekitOptions(withRuntime(test), true);
  return test
    .addHelpText(
      'after',
      `
Without --image the image is built first; where nothing has changed that takes no time. No daemon is needed: a
container is a copy of the image's tree with a network of its own, and is lost at the end of its scenario.

Features are those in tests/features beside the descriptor, in the modules that it uses and in their repositories; of
those the scenarios with the image's name as tag. BEHAVE_TIMEOUT says how many seconds steps wait
(default: 30, and 80 for the output of commands).`,
    )
    .action(async (_framework: 'behave' | undefined, flags: CekitTestFlags, command: Command) =>
      (await import('../commands/cekit-test.ts')).cekitTest(flags, globalsOf(command)),
    );
}

/** CEKit's global options, and those of ashlar that do not contradict them. */
function withCekitOptions(command: Command, hidden = false): void {
  const options = [
    new Option('--descriptor <path>', 'image descriptor; - reads standard input (default: image.yaml)'),
    ...cacheOptions(),
    new Option('--trace', 'say even more'),
    new Option('--nocolor', 'no colors'),
    new Option('--redhat', "add what Red Hat's images have"),
    new Option('--target <dir>', 'directory that --dry-run writes to (default: target)'),
  ];
  for (const option of options) command.addOption(option.hideHelp(hidden));
  for (const option of machineOptions()) command.addOption(option.hideHelp());
}

function cacheOptions(): readonly Option[] {
  return [
    new Option('-v, --verbose', 'say more'),
    new Option('--work-dir <dir>', 'what is kept for all projects (default: ~/.cekit)'),
    new Option('--config <file>', 'configuration file (default: ~/.cekit/config)'),
    new Option('--store <dir>', 'layers and files that all builds share (default: ~/.local/share/ashlar)'),
  ];
}

function machineOptions(): readonly Option[] {
  return [
    new Option('--oci-dir <dir>'),
    new Option('--stacker-dir <dir>'),
    new Option('--roots-dir <dir>'),
    new Option('-q, --quiet'),
    new Option('--log-file <file>'),
    new Option('--log-timestamp'),
    new Option('--progress'),
    new Option('--no-progress'),
  ];
}

/** What was given to a command and to those that it stands below. */
function globalsOf(command: Command): CekitGlobals {
  const above = command.parent;
  const own = command.opts<Omit<CekitGlobals, 'program'>>();
  if (above === null) return { program: {}, ...own };
  // To ashlar itself the same words mean other things.
  return isCekit(above) ? { ...globalsOf(above), ...own } : { program: above.opts<GlobalFlags>(), ...own };
}

function isCekit(command: Command): boolean {
  return ['cekit', 'cekit-cache', 'cache'].includes(command.name());
}
