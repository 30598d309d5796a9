/** The command line. Every command's code is loaded when it is called, so that `--help` and `--version` are quick. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BuildFlags } from './commands/build.ts';
import { fail, UsageError } from './failure.ts';
import type { GlobalFlags } from './settings.ts';
import { VERSION } from './version.ts';

// Set by the launcher for ourselves; builds must not see them.
const { ASHLAR_NAME: name = 'ashlar' } = process.env;
delete process.env.ASHLAR_NAME;
delete process.env.NODE_COMPILE_CACHE;

/** The parser of a repeatable option: what is given replaces the default, and adds to what was given before. */
function collected(initial: readonly string[]) {
  return (value: string, previous: readonly string[] = initial): readonly string[] =>
    previous === initial ? [value] : [...previous, value];
}

function repeatable(flags: string, description: string, initial: readonly string[] = []): Option {
  const option = new Option(flags, description).argParser(collected(initial));
  return initial.length === 0 ? option.default(initial, 'none') : option.default(initial, initial.join(', '));
}

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('Expected a whole number, 1 or more.');
  return number;
}

function describeProgram(): Command {
  const program = new Command(name)
    .description(
      'Builds OCI images from layered descriptions: no daemon, no root, no copying of bytes that do not change.',
    )
    .version(VERSION)
    .helpCommand(false)
    .option('--work-dir <dir>', 'prefix of the three directories below')
    .option('--stacker-dir <dir>', 'working files (default: .stacker)')
    .option('--oci-dir <dir>', 'the OCI layout that results go to (default: oci)')
    .option('--roots-dir <dir>', 'trees (default: roots)')
    .option('--store <dir>', 'layers and cache that all builds share (default: ~/.local/share/ashlar)')
    .option('--config <file>', 'configuration file')
    .option('--debug', 'say more')
    .option('-q, --quiet', 'say nothing but errors')
    .option('--log-file <file>', 'write log lines to a file instead of standard error')
    .option('--log-timestamp', 'begin log lines with the time')
    .addOption(
      new Option('--storage-type <type>', 'how trees are put together')
        .choices(['overlay'])
        .default('overlay'),
    )
    .option('--progress', 'show progress (default on a terminal)')
    .option('--no-progress', 'plain lines only')
    .configureHelp({ styleTitle: title => title.toUpperCase() })
    .exitOverride();

  withPlanFlags(program.command('build').description('build images from stacker files'))
    .option('--no-cache', 'build everything anew')
    .option(
      '-j, --jobs <n>',
      'how many layers are built at the same time (default: number of processors)',
      positive,
    )
    .option('--no-verity', 'no dm-verity data (tar layers never have any)')
    .addOption(new Option('--no-squashfs-verity').hideHelp())
    .option('--order-only', 'show the order of the files, build nothing')
    .addOption(repeatable('--layer-type <type>', 'form of the layers', ['tar']))
    .addOption(
      new Option('--compression <kind>', 'compression of tar layers')
        .choices(['gzip', 'zstd'])
        .default('gzip'),
    )
    .addOption(
      new Option('--network <kind>', 'network of run sections').choices(['host', 'none']).default('host'),
    )
    .addOption(
      new Option('--runtime <name>', 'what starts run sections').choices(['crun', 'runc', 'builtin']),
    )
    .action(async (flags: BuildFlags) =>
      (await import('./commands/build.ts')).build(globals(program), flags),
    );

  withPlanFlags(program.command('plan').description('show what would be built'))
    .option('--json', 'the whole plan as JSON')
    .action(async (flags: BuildFlags & { json?: true }) =>
      (await import('./commands/plan.ts')).plan(globals(program), flags),
    );

  program
    .command('inspect')
    .description('show the images in the OCI layout')
    .argument('[tag]', 'only this image')
    .action(async (tag: string | undefined) =>
      (await import('./commands/inspect.ts')).inspect(globals(program), tag),
    );

  program
    .command('clean')
    .description('remove the results and working files of this directory')
    .option('--all', 'accepted, no effect')
    .action(async () => (await import('./commands/clean.ts')).clean(globals(program)));

  program
    .command('check')
    .description('show what this machine can do, what is missing and how to get it')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }) =>
      (await import('./commands/check.ts')).check(globals(program), flags),
    );

  return program;
}

/** The flags that decide what is planned. */
function withPlanFlags(command: Command): Command {
  return command
    .addOption(repeatable('-f, --stacker-file <file>', 'stacker file (repeatable)', ['stacker.yaml']))
    .addOption(repeatable('--substitute <key=value>', 'give a placeholder its value (repeatable)'))
    .addOption(repeatable('--substitute-file <file>', 'YAML file of substitutions (repeatable)'))
    .option(
      '--strict-substitution',
      'refuse placeholders with a single brace, or none, for keys that have a value',
    )
    .option('--require-hash', 'refuse downloads without a hash')
    .option('--annotations-namespace <name>', 'prefix of the annotations that images get', 'io.stackeroci');
}

function globals(program: Command): GlobalFlags {
  const flags = program.opts<GlobalFlags>();
  if (flags.debug && flags.quiet) throw new UsageError("debug and quiet don't make sense together");
  return flags;
}

try {
  const program = describeProgram();
  if (process.argv.length <= 2) process.stdout.write(program.helpInformation());
  else await program.parseAsync();
} catch (error) {
  process.exitCode = await fail(error);
}
