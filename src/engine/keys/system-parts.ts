/** What packages and the setup of a tree depend on. */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { repositoryIdentity } from '../../packages/index.ts';
import type { Repository } from '../../plan/system-steps.ts';
import type { ImagePlan, PackagesStep, SetupChange, SetupStep } from '../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import { chainOf } from '../layer-records.ts';
import type { FileIdentity } from '../sources/identity.ts';
import { hostToolVersion } from '../steps/package-tools.ts';
import type { LayerRecord } from '../values.ts';
import { withoutPlaces } from './comparison.ts';
import { BELOW, epochPart, HIDDEN } from './key-parts.ts';
import { canonical, type KeyPart } from './keys.ts';

/** @param layers Undefined where they are not known yet. */
export function setupParts(
  { changes }: Pick<SetupStep, 'changes'>,
  layers: readonly LayerRecord[] | undefined,
  options: BuildOptions,
): readonly KeyPart[] {
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ...changes.flatMap((change, i) => changeParts(change, i + 1)),
    epochPart(options),
  ];
}

/** Passwords and texts have a part of their own: nobody is shown them, or finds them in what is kept of a build. */
function changeParts(change: SetupChange, number: number): readonly KeyPart[] {
  const part = (value: object): KeyPart => [`change ${number} (${change.kind})`, plain(value)];
  switch (change.kind) {
    case 'users': {
      const passwords = change.users.map(({ password }) => password);
      const users = change.users.map(({ password: _, ...user }) => user);
      return [
        part({ ...change, users }),
        [`${HIDDEN.passwords}change ${number}`, hash('sha256', canonical(passwords))],
      ];
    }
    case 'file': {
      const { text, ...file } = change;
      return [part(file), [`${HIDDEN.text}${file.path} (change ${number})`, hash('sha256', text)]];
    }
    default:
      return [part(change)];
  }
}

/**
 * Where repositories are and how to log in there is nothing that a result depends on, as long as they are the same.
 * @param keys What the key files are, in the order of `sourcesOfStep`.
 */
export async function packagesParts(
  step: PackagesStep,
  { platform }: Pick<ImagePlan, 'platform'>,
  keys: readonly FileIdentity[],
  layers: readonly LayerRecord[] | undefined,
  context: LookContext,
): Promise<readonly KeyPart[]> {
  const { kind: _, at: _at, createdBy: _by, failure: _failure, keys: _keys, repositories, ...words } = step;
  const { options } = context;
  const program = layers && (await hostToolVersion(step.manager, layers, context));
  return [
    ...(layers ? [[BELOW.layers, chainOf(layers)] as const] : []),
    ...Object.entries(words).map(([name, value]): KeyPart => [name, plain(value)]),
    ...repositories.map(repositoryPart),
    ...keys.map(({ identity }, i): KeyPart => [`key ${i + 1}`, identity]),
    ...(program === undefined ? [] : [[BELOW.program, program] as const]),
    ['network', options.network],
    ['platform', canonical(platform)],
    epochPart(options),
  ];
}

function repositoryPart(repository: Repository): KeyPart {
  const { keys: _, credentials: _credentials, customize, url, at, ...words } = repository;
  const content = url.startsWith('/')
    ? (repositoryIdentity(url, repository.distribution) ?? 'not there')
    : url;
  // It may hold a password.
  const script = customize === undefined ? undefined : hash('sha256', customization(customize, at));
  return [`repository ${repository.alias}`, plain({ ...words, content, script })];
}

/** The text of the script that may change the file of a repository. */
export function customization(path: string, at: SourceSpan): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AshlarError(`cannot read ${path}, which is to change the file of a repository`, { at, cause });
  }
}

function plain(value: unknown): string {
  return canonical(typeof value === 'object' && value !== null ? withoutPlaces(value) : value);
}
