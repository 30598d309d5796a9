/** Commands that read descriptions of images. Their code is loaded when they are called, so that `--help` is quick. */
import { Argument, type Command } from 'commander';
import type { BuildFlags } from '../commands/build.ts';
import type { ConvertFlags } from '../commands/convert-flags.ts';
import type { ExplainFlags } from '../commands/explain.ts';
import type { LintFlags } from '../commands/lint.ts';
import type { LockFlags } from '../commands/lock.ts';
import type { PublishFlags } from '../commands/publish.ts';
import type { PlanFlags } from '../commands/recipe.ts';
import type { RecursiveBuildFlags } from '../commands/recursive-build.ts';
import type { Format } from '../commands/schema.ts';
import { globalsOf } from '../globals.ts';
import {
  repeatable,
  withBuildFlags,
  withDescription,
  withFiles,
  withOverrides,
  withPlanFlags,
  withResultFlags,
  withRuntime,
  withSearch,
} from '../options.ts';

export function describeBuilding(program: Command): void {
  withBuildFlags(
    withFiles(program.command('build').description('build images from stacker files, or from a descriptor')),
  )
    .addOption(repeatable('--tag <name>', 'name of the image of a CEKit descriptor (repeatable)'))
    .action(async (flags: BuildFlags, command: Command) =>
      (await import('../commands/build.ts')).build(globalsOf(command), flags),
    );

  withRuntime(
    withResultFlags(
      withPlanFlags(
        withFiles(
          program
            .command('lock')
            .description('build a CEKit descriptor, and write down what from in ashlar.lock beside it'),
        ),
      ),
    ),
  )
    .option('--no-cache', 'build everything anew')
    .action(async (flags: LockFlags, command: Command) =>
      (await import('../commands/lock.ts')).lock(globalsOf(command), flags),
    );

  withBuildFlags(
    withSearch(
      program.command('recursive-build').description('build all stacker files below a directory'),
      '.',
    ),
  ).action(async (flags: RecursiveBuildFlags, command: Command) =>
    (await import('../commands/recursive-build.ts')).recursiveBuild(globalsOf(command), flags),
  );

  withResultFlags(
    withPlanFlags(
      withSearch(
        withFiles(
          program.command('publish').description('copy images that are built to a registry or layout'),
        ),
      ),
    ),
  )
    .option('--url <url>', 'where to: docker://host/path or oci:directory')
    .addOption(repeatable('--tag <tag>', 'tag to publish under (repeatable)'))
    .option('--username <name>', 'name at the registry (default: from auth.json)')
    .option('--password <password>', 'password at the registry')
    .option('--skip-tls', 'accept any certificate of the registry, and plain http')
    .addOption(repeatable('--image <layer>', 'publish only this layer (repeatable)'))
    .addOption(
      repeatable('--stash <name>', 'publish a stash, name or name:tag, and nothing else (repeatable)'),
    )
    .option('--show-only', 'say what would be published, publish nothing')
    .option('--force', 'publish what is there, even if it should be built again')
    .action(async (flags: PublishFlags, command: Command) =>
      (await import('../commands/publish.ts')).publish(globalsOf(command), flags),
    );

  withDescription(withPlanFlags(withFiles(program.command('plan').description('show what would be built'))))
    .addOption(repeatable('--stash <name>', 'what a KIWI description is to be built on (repeatable)'))
    .option('--json', 'the whole plan as JSON')
    .action(async (flags: PlanFlags & { json?: true }, command: Command) =>
      (await import('../commands/plan.ts')).plan(globalsOf(command), flags),
    );

  withDescription(
    withResultFlags(
      withPlanFlags(
        withFiles(
          program.command('explain').description('show what has changed since the last build, build nothing'),
        ),
      ),
    ),
  )
    .option('--target-dir <dir>', 'where the last build of a KIWI description has its results')
    .argument('[layers...]', 'only these layers')
    .option('--json', 'as JSON')
    .action(async (layers: readonly string[], flags: ExplainFlags, command: Command) =>
      (await import('../commands/explain.ts')).explain(globalsOf(command), layers, flags),
    );

  withDescription(
    withPlanFlags(
      withFiles(
        program.command('lint').description('show what is wrong or questionable in descriptions of images'),
      ),
    ),
  )
    .option('--json', 'as JSON')
    .option('--strict', 'end with 1 for warnings too')
    .addHelpText(
      'after',
      '\nA comment `# ashlar-lint: disable=RULE` in the line or the one above silences a warning.',
    )
    .action(async (flags: LintFlags, command: Command) =>
      (await import('../commands/lint.ts')).lint(globalsOf(command), flags),
    );

  withOverrides(
    program
      .command('convert')
      .description(
        'write a stacker file for a Dockerfile or CEKit descriptor, or a descriptor for a stacker file',
      )
      .option(
        '-i, --docker-file <file>',
        'the Dockerfile; the build context is its directory (default: Dockerfile)',
      )
      .option('--descriptor <file>', 'the CEKit descriptor')
      .option('-f, --stacker-file <file>', 'the stacker file that becomes a descriptor')
      .option(
        '-o, --output-file <file>',
        'what to write (default: stacker.yaml, or image.yaml for a stacker file)',
      )
      .option(
        '-s, --substitute-file <file>',
        'the file of substitutions, to write for a Dockerfile (default: stacker-subs.yaml), to read for a stacker file',
      )
      .addOption(repeatable('--substitute <KEY=VALUE>', 'a substitution of a stacker file (repeatable)')),
  )
    .addOption(
      repeatable('--build-arg <name=value>', 'value of a build argument of a descriptor (repeatable)'),
    )
    .action(async (flags: ConvertFlags, command: Command) =>
      (await import('../commands/convert.ts')).convert(globalsOf(command), flags),
    );

  program
    .command('schema')
    .description('print the JSON schema of a file format, for editors')
    .addArgument(
      new Argument('<format>', 'the format').choices(['stacker', 'cekit', 'cekit-module', 'cekit-overrides']),
    )
    .action(async (format: Format) => (await import('../commands/schema.ts')).schema(format));
}
