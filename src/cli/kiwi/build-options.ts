/** The options of `system build` and `system create` as the parser knows them. */
import { type Command, Option } from 'commander';
import { repeatable } from '../options.ts';

/** As commander gives them. */
export interface SystemBuildFlags {
  readonly addPackage: readonly string[];
  readonly addBootstrapPackage: readonly string[];
  readonly deletePackage: readonly string[];
  readonly setRepo?: string;
  readonly setRepoCredentials?: string;
  readonly addRepo: readonly string[];
  readonly addRepoCredentials: readonly string[];
  readonly ignoreRepos?: true;
  readonly ignoreReposUsedForBuild?: true;
  readonly setTypeAttr: readonly string[];
  readonly setReleaseVersion?: string;
  readonly setContainerTag?: string;
  readonly addContainerLabel: readonly string[];
  readonly setContainerDerivedFrom?: string;
  readonly signingKey: readonly string[];
  readonly caCert: readonly string[];
  readonly caTargetDistribution?: string;
  readonly clearCache?: true;
}

export function withSystemBuildFlags(command: Command): Command {
  return command
    .option('--allow-existing-root', 'always so')
    .addOption(repeatable('--add-package <name>', 'a package besides those of the description (repeatable)'))
    .addOption(repeatable('--add-bootstrap-package <name>', 'a package to bootstrap with (repeatable)'))
    .addOption(repeatable('--delete-package <name>', 'a package that is removed (repeatable)'))
    .option('--set-repo <fields>', 'overwrite the first repository: source,type,alias,priority,…')
    .option('--set-repo-credentials <user:pass|file>', 'who may read it')
    .addOption(
      repeatable('--add-repo <fields>', 'a repository besides those of the description (repeatable)'),
    )
    .addOption(repeatable('--add-repo-credentials <user:pass|file>', 'of the n-th --add-repo (repeatable)'))
    .option('--ignore-repos', 'use no repository of the description')
    .option('--ignore-repos-used-for-build', 'only those with imageonly')
    .addOption(repeatable('--set-type-attr <name=value>', 'an attribute of the type (repeatable)'))
    .option('--set-release-version <version>', 'the release of the distribution')
    .option('--set-container-tag <tag>', 'the tag of the container')
    .addOption(repeatable('--add-container-label <name=value>', 'a label of the container (repeatable)'))
    .option('--set-container-derived-from <uri>', 'what the container is derived from')
    .addOption(repeatable('--signing-key <file>', 'a key that packages may be signed with (repeatable)'))
    .addOption(repeatable('--ca-cert <file>', 'a certificate that the image trusts (repeatable)'))
    .addOption(
      new Option('--ca-target-distribution <name>', 'where certificates go').choices([
        'suse',
        'redhat',
        'debian',
        'archlinux',
      ]),
    )
    .option('--clear-cache', 'fetch everything anew');
}

export function withSystemCreateFlags(command: Command): Command {
  return command.addOption(
    repeatable('--signing-key <file>', 'without effect: nothing is installed (repeatable)'),
  );
}
