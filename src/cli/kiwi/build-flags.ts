/** What the options of `system build` and `system create` mean. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import {
  type DescriptionChanges,
  type GivenRepository,
  type PackageChoice,
  parseRepository,
} from '../../recipes/kiwi/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { type SystemBuildFlags, withSystemBuildFlags, withSystemCreateFlags } from './build-options.ts';
import { SystemUsageError } from './usage.ts';

/** Reads what stands after `--` or `kiwi`. @throws SystemUsageError for what the command does not have. */
export function parsePassedThrough(words: readonly string[], kind: 'build' | 'create'): SystemBuildFlags {
  const output = { writeErr: () => {}, writeOut: () => {} };
  const quiet = () =>
    new Command(kind).exitOverride().configureOutput(output).helpOption(false).allowExcessArguments();
  const defaults = withSystemBuildFlags(quiet());
  const parser = kind === 'build' ? defaults : withSystemCreateFlags(quiet());
  const hint =
    kind === 'build'
      ? 'the words after -- are options of system build'
      : 'without --description, the words after -- are options of system create, which has only --signing-key';
  try {
    parser.parse([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new SystemUsageError(error.message.replace(/^error: /, ''), { hint });
  }
  const [word] = parser.args;
  if (word !== undefined) throw new SystemUsageError(`unexpected word: ${word}`, { hint });
  return { ...defaults.opts<SystemBuildFlags>(), ...parser.opts<Partial<SystemBuildFlags>>() };
}

/** @throws SystemUsageError for values that cannot be meant. */
export function descriptionChanges(flags: SystemBuildFlags): DescriptionChanges {
  const { ignoreRepos, ignoreReposUsedForBuild, addRepoCredentials: credentials } = flags;
  if (credentials.length > flags.addRepo.length)
    throw new SystemUsageError('there are more --add-repo-credentials than --add-repo');
  if (flags.setRepoCredentials !== undefined && flags.setRepo === undefined)
    throw new SystemUsageError('--set-repo-credentials is for --set-repo');
  return {
    ignoreRepositories: ignoreRepos ? 'all' : ignoreReposUsedForBuild ? 'used-for-build' : 'none',
    setRepository:
      flags.setRepo === undefined
        ? undefined
        : repository(flags.setRepo, flags.setRepoCredentials, '--set-repo'),
    addRepositories: flags.addRepo.map((text, i) => repository(text, credentials[i], '--add-repo')),
    typeAttributes: flags.setTypeAttr.map(text => assignment(text, '--set-type-attr')),
    releaseVersion: flags.setReleaseVersion,
    containerTag: flags.setContainerTag,
    containerLabels: flags.addContainerLabel.map(text => assignment(text, '--add-container-label')),
    derivedFrom: flags.setContainerDerivedFrom,
  };
}

/** @throws SystemUsageError for files that are not there. */
export function packageChoice(flags: SystemBuildFlags): PackageChoice {
  return {
    install: flags.addPackage,
    bootstrap: flags.addBootstrapPackage,
    delete: flags.deletePackage,
    signingKeys: flags.signingKey.map(path => existing(path, '--signing-key')),
    certificates: flags.caCert.map(path => existing(path, '--ca-cert')),
    certificateTarget: flags.caTargetDistribution,
  };
}

function repository(text: string, credentials: string | undefined, option: string): GivenRepository {
  try {
    return {
      ...parseRepository(text),
      credentials: credentials === undefined ? undefined : readCredentials(credentials, option),
    };
  } catch (error) {
    if (!(error instanceof AshlarError) || error instanceof SystemUsageError) throw error;
    throw new SystemUsageError(`${option}: ${error.message}`, { hint: error.hint });
  }
}

/** `user:pass`, or a file whose first line is that. */
function readCredentials(text: string, option: string): { readonly user: string; readonly password: string } {
  const line = existsSync(text) ? (readFileSync(text, 'utf8').split('\n')[0] ?? '') : text;
  const [, user, password] = /^([^:]+):(.*)$/s.exec(line.trim()) ?? [];
  if (user !== undefined && password !== undefined) return { user, password };
  // What was given may be the secret itself.
  throw new SystemUsageError(`${option}-credentials takes user:pass, or a file that begins with that`);
}

function assignment(text: string, option: string): readonly [name: string, value: string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new SystemUsageError(`${option} takes NAME=VALUE: ${text}`);
}

function existing(path: string, option: string): string {
  if (existsSync(path)) return resolve(path);
  throw new SystemUsageError(`${option}: there is no file ${path}`);
}
