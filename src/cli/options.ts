/** Options that several commands have. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Override } from '../recipes/cekit/index.ts';

/** An option that may be given several times; what is given replaces the default. */
export function repeatable(flags: string, description: string, initial: readonly string[] = []): Option {
  const collect = (value: string, previous: readonly string[] = initial): readonly string[] =>
    previous === initial ? [value] : [...previous, value];
  const option = new Option(flags, description).argParser(collect);
  return initial.length === 0 ? option.default(initial, 'none') : option.default(initial, initial.join(', '));
}

/** Overrides of both kinds come in one list, in the order of the command line. */
class OverridesOption extends Option {
  constructor(flags: string, description: string, kind: Override['kind']) {
    super(flags, description);
    this.argParser((value, previous: readonly Override[] = []) => [...previous, { kind, value }]);
  }

  override attributeName(): string {
    return 'overrides';
  }
}

export function withOverrides(command: Command): Command {
  return command
    .addOption(
      new OverridesOption(
        '--overrides <text>',
        'YAML or JSON that is put over the descriptor, or the path or address of some (repeatable)',
        'text-or-path',
      ),
    )
    .addOption(
      new OverridesOption(
        '--overrides-file <path>',
        'a file that is put over the descriptor; of all overrides the later ones win (repeatable)',
        'path',
      ),
    );
}

/** The flags that decide what a CEKit descriptor becomes. */
export function withDescriptorFlags(command: Command): Command {
  command.optionsGroup('Options for CEKit descriptors:');
  command.option(
    '--descriptor <path>',
    'image descriptor (default: image.yaml where there is no stacker.yaml); - reads standard input',
  );
  return withDescriptorResult(withOverrides(command))
    .option('--redhat', "add what Red Hat's images have")
    .optionsGroup('');
}

/** What can be said of the image of a descriptor. */
export function withDescriptorResult(command: Command): Command {
  return command
    .addOption(repeatable('--build-arg <name=value>', 'value of a build argument (repeatable)'))
    .addOption(
      repeatable('--platform <os/arch>', 'what the image is to run on, several for an index (repeatable)'),
    )
    .option('--layers', 'one layer for each module and one for the image, instead of one in all')
    .option('--no-squash', 'one layer for each statement')
    .option('--literal-values', 'take $ and quotes in values as they are, not as Dockerfiles do')
    .option('--locked', 'build from exactly what ashlar.lock says (see lock), fail for what is not in it');
}

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('Expected a whole number, 1 or more.');
  return number;
}

/** Which files are read. */
export function withFiles(command: Command): Command {
  return command.addOption(
    repeatable('-f, --stacker-file <file>', 'stacker file (repeatable), or a CEKit descriptor', [
      'stacker.yaml',
    ]),
  );
}

/** A KIWI description instead, for commands that build nothing. */
export function withDescription(command: Command): Command {
  return command
    .option('--description <dir>', 'the directory of a KIWI description')
    .addOption(repeatable('--profile <name>', 'one of its profiles, in their order (repeatable)'))
    .option('--type <type>', 'its image type')
    .option('--kiwi-file <name>', 'its name in the directory')
    .option('--target-arch <name>', 'the machine that its image is for, as uname -m says it');
}

/** Where stacker files are searched for. */
export function withSearch(command: Command, directory?: string): Command {
  return command
    .option('-d, --search-dir <dir>', 'directory below which stacker files are searched for', directory)
    .option(
      '-p, --stacker-file-pattern <regex>',
      'what the paths of stacker files look like',
      '\\/stacker.yaml$',
    );
}

/** The flags that decide what is planned, besides the files. */
export function withPlanFlags(command: Command): Command {
  return withDescriptorFlags(withSubstitutions(command))
    .option(
      '--strict-substitution',
      'refuse placeholders with a single brace, or none, for keys that have a value',
    )
    .option('--require-hash', 'refuse downloads without a hash')
    .option(
      '--apply-consider-timestamps',
      'refuse to apply layers that give another time to what is no regular file',
    )
    .option('--no-stacker-yaml', 'leave the text of stacker files out of the annotations of images')
    .option('--annotations-namespace <name>', 'prefix of the annotations that images get', 'io.stackeroci');
}

export function withSubstitutions(command: Command): Command {
  return command
    .addOption(repeatable('--substitute <key=value>', 'give a placeholder its value (repeatable)'))
    .addOption(repeatable('--substitute-file <file>', 'YAML file of substitutions (repeatable)'));
}

/** The flags of everything that builds. */
export function withBuildFlags(command: Command): Command {
  return withRuntime(withResultFlags(withPlanFlags(command)))
    .option('--no-cache', 'build everything anew')
    .option('--explain', 'say of each step that is built what has changed since the last build')
    .option(
      '-j, --jobs <n>',
      'how many layers are built at the same time (default: number of processors)',
      positive,
    )
    .addOption(repeatable('--target <layer>', 'build only this layer and what it needs (repeatable)'))
    .option(
      '--results <dir>',
      'directory for disks, file systems and archives (default: results beside the OCI layout)',
    )
    .option('--report <file>', 'write what was done, how long it took and what came out, as JSON')
    .option('--order-only', 'show the order of the files, build nothing')
    .option('--on-run-failure <command>', 'command that is run in the tree of a run section that failed')
    .option('--shell-fail', 'the same as --on-run-failure=/bin/sh');
}

export function withRuntime(command: Command): Command {
  return command.addOption(
    new Option('--runtime <name>', 'what starts processes in trees').choices(['crun', 'runc', 'builtin']),
  );
}

/** The flags that decide what comes out, besides those of the plan. */
export function withResultFlags(command: Command): Command {
  return command
    .addOption(
      repeatable('--layer-type <type>', 'form of the layers: tar, squashfs or erofs (repeatable)', ['tar']),
    )
    .option('--no-verity', 'no dm-verity data (tar layers never have any)')
    .addOption(new Option('--no-squashfs-verity').hideHelp())
    .option(
      '--squashfs-compression <kind>',
      'zstd, gzip, xz, lz4 or lzo, with a level where it has some (zstd:9), or max for the fewest bytes' +
        ' (default: zstd:2, or gzip where mksquashfs has no zstd)',
    )
    .option(
      '--erofs-compression <kind>',
      'lz4, lz4hc or zstd as mkfs.erofs here knows them, with a level where it has some (default: lz4hc)',
    )
    .addOption(
      new Option('--compression <kind>', 'compression of tar layers')
        .choices(['gzip', 'zstd'])
        .default('gzip'),
    )
    .addOption(
      new Option('--network <kind>', 'network of run sections').choices(['host', 'none']).default('host'),
    );
}
