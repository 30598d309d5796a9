/** What a step says of packages, as package managers see it: keys and repositories of the host, in a run. */
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CONFIGURATION, type PackageRequest, type RepositoryAccess } from '../../packages/index.ts';
import { sourcesOfStep } from '../../plan/step-sources.ts';
import type { PackagesStep, Source } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { say } from '../context.ts';
import type { Room } from '../inside/request-parts.ts';
import { customization } from '../keys/system-parts.ts';
import type { StepContext } from './steps.ts';

/** Where managers see a directory of the host that is a repository. */
const REPOSITORIES = '/run/ashlar/repositories';

export interface OpenedRequest {
  readonly request: PackageRequest;
  /** The directories of the host that it names. */
  readonly binds: Room['binds'];
}

/**
 * The request of a step. Writes keys and scripts into `configuration`, a directory that managers see.
 * @throws AshlarError for keys that are no files, and scripts that are not there.
 */
export async function openRequest(
  packages: PackagesStep,
  tool: PackageRequest['tool'],
  configuration: string,
  sourceDateEpoch: number | undefined,
  step: StepContext,
): Promise<OpenedRequest> {
  const keyFile = await writeKeys(packages, configuration, step);
  const { repositories, binds } = openRepositories(packages, keyFile, configuration, step);
  const { kind: _, bootstrap: _bootstrap, createdBy: _by, failure: _failure, at: _at, ...asked } = packages;
  const request: PackageRequest = {
    ...asked,
    tool,
    repositories,
    keys: packages.keys.map(keyFile),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  };
  return { request, binds };
}

/** What nobody is to see of the logins: a user without a password is a token. */
export function secretsOf({ repositories }: Pick<PackagesStep, 'repositories'>): readonly string[] {
  return repositories.flatMap(({ credentials }) =>
    credentials ? [credentials.password || credentials.user] : [],
  );
}

/** Writes the keys to where managers find them; returns the path that they see of each. */
async function writeKeys(
  packages: PackagesStep,
  configuration: string,
  { context, plan, sources }: StepContext,
): Promise<(key: Source) => string> {
  const directory = join(configuration, 'keys');
  mkdirSync(directory);
  const keys = new Map(sourcesOfStep(packages).map(source => [sources.of(source).identity, source]));
  const imports = await Promise.all(
    [...keys.values()].map(async (source, i) => {
      const { type, locate } = sources.of(source);
      if (type !== 'file') throw new AshlarError('a key must be a file', { at: source.at });
      return { name: String(i), location: await locate(), mode: 0o644, uid: 0, gid: 0 };
    }),
  );
  if (imports.length > 0)
    await context.workshop.call('stage', { directory, keep: [], imports }, { signal: context.signal });
  const files = [...keys.values()].map((key, i) => ({
    own: nameOf(key),
    text: isText(join(directory, String(i))),
  }));
  const renamed = files.map((file, i) => {
    const name = keyName(file, i, files, packages.manager);
    renameSync(join(directory, String(i)), join(directory, name));
    if (name.endsWith(`+${file.own}`))
      say(
        context,
        plan.name,
        'warning',
        `two keys are called ${file.own}: apk, which looks keys up by their names, finds the first one only`,
      );
    return name;
  });
  const names = new Map([...keys.keys()].map((identity, i) => [identity, renamed[i]]));
  return source => `${CONFIGURATION}/keys/${names.get(sources.of(source).identity) ?? ''}`;
}

interface KeyFile {
  /** The name that it has where it comes from. */
  readonly own: string;
  readonly text: boolean;
}

function nameOf(key: Source): string {
  return key.kind === 'file' ? basename(key.path) : key.kind === 'http' ? basename(key.url) : '';
}

/** apk looks keys up by their names; apt tells by the end of a name whether a key is text. */
function keyName(
  { own, text }: KeyFile,
  index: number,
  files: readonly KeyFile[],
  manager: PackagesStep['manager'],
): string {
  if (manager !== 'apk' || !/^[\w@.-]+\.pub$/.test(own)) return `${index}.${text ? 'asc' : 'gpg'}`;
  const taken = files.slice(0, index).some(other => other.own === own);
  return taken ? `${index}+${own}` : own;
}

function isText(path: string): boolean {
  const begin = Buffer.alloc(5);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, begin);
  } finally {
    closeSync(fd);
  }
  return begin.toString() === '-----';
}

/** Repositories as managers see them; a directory of the host that is not there is left out. */
function openRepositories(
  { repositories }: PackagesStep,
  keyFile: (key: Source) => string,
  configuration: string,
  { context, plan }: StepContext,
): { readonly repositories: readonly RepositoryAccess[]; readonly binds: Room['binds'] } {
  const there = repositories.filter(({ alias, url }) => {
    const found = !url.startsWith('/') || existsSync(url);
    if (!found) say(context, plan.name, 'warning', `the repository ${alias} is left out: there is no ${url}`);
    return found;
  });
  const opened = there.map((repository, i) => {
    const { url, keys, customize, type: _, at, ...rest } = repository;
    const script = `customize-${i}`;
    if (customize !== undefined) writeFileSync(join(configuration, script), customization(customize, at));
    const target = `${REPOSITORIES}/${i}`;
    const local = url.startsWith('/');
    const access: RepositoryAccess = {
      ...rest,
      url: local ? target : url,
      keys: keys.map(keyFile),
      ...(customize === undefined ? {} : { customize: `${CONFIGURATION}/${script}` }),
    };
    return { access, binds: local ? [{ source: url, target, readOnly: true as const }] : [] };
  });
  return {
    repositories: opened.map(({ access }) => access),
    binds: opened.flatMap(({ binds }) => binds),
  };
}
