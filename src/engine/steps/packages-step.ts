/** Steps that install and remove packages. */
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PackedLayer, PackOptions } from '../../layers/index.ts';
import {
  ARCHIVES,
  CONFIGURATION,
  LEFT_OUT,
  LEFT_OUT_OF_BOOTSTRAP,
  NONE_INSTALLED,
  type PackageRequest,
  type PackageWork,
  packageWork,
  type RepositoryAccess,
  WORK,
} from '../../packages/index.ts';
import { sourcesOfStep } from '../../plan/step-sources.ts';
import type { PackagesStep, Source } from '../../plan/types.ts';
import { AshlarError } from '../../support/errors.ts';
import { say } from '../context.ts';
import { customization, packagesParts } from '../keys/system-parts.ts';
import { keepArchives, lendArchives } from './package-archives.ts';
import { toolFor } from './package-tools.ts';
import { roomOf } from './rooms.ts';
import { runInRoom } from './running.ts';
import { commandFailure } from './script-failure.ts';
import { type StepContext, type StepResult, throughCache } from './steps.ts';

/** Installs and removes packages of the tree built so far; what that changed becomes a layer. */
export async function installPackages(packages: PackagesStep, step: StepContext): Promise<StepResult> {
  const { context, plan, layers, sources } = step;
  const keys = sourcesOfStep(packages).map(source => sources.of(source));
  return throughCache(
    {
      domain: 'packages',
      parts: await packagesParts(packages, plan, keys, layers, context),
      perform: pack => perform(packages, pack, step),
    },
    step,
  );
}

async function perform(
  packages: PackagesStep,
  pack: PackOptions,
  step: StepContext,
): Promise<PackedLayer | undefined> {
  const { context, plan, layers } = step;
  const { store, workshop, options } = context;
  const { manager } = packages;
  const tool = await toolFor(packages, layers, context);
  const directory = store.temporaryPath('packages');
  const [configuration, work] = [join(directory, 'configuration'), join(directory, 'work')];
  const archives = join(work, ARCHIVES);
  for (const path of [configuration, archives]) mkdirSync(path, { recursive: true, mode: 0o755 });
  // Scripts of packages may leave files of any owner there.
  workshop.removeAtEnd(directory);
  const keyFiles = await writeKeys(packages, configuration, step);
  const { repositories, binds } = openRepositories(packages, keyFiles, configuration, step);
  const { install, collections, ignore, uninstall, delete: deleted, recommended } = packages;
  const { excludeDocs, locales, checkSignatures, releaseVersion } = packages;
  const { sourceDateEpoch } = options;
  const request: PackageRequest = {
    ...{ manager, repositories, tool, install, collections, ignore, uninstall, delete: deleted, recommended },
    ...{ excludeDocs, locales, checkSignatures, keys: packages.keys.map(keyFiles) },
    ...(releaseVersion === undefined ? {} : { releaseVersion }),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  };
  const { files, script, environment, covers, warnings } = described(packages, request);
  for (const text of warnings) say(context, plan.name, 'warning', text);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(configuration, name)), { recursive: true });
    writeFileSync(join(configuration, name), text, { mode: 0o755 });
  }
  lendArchives(manager, archives, store);
  const surroundings = {
    environment: { defaults: {}, passThrough: ['(?:all|ftp|http|https|no)_proxy'], set: environment },
    binds: [],
    importDirectories: [CONFIGURATION],
  };
  const room = await roomOf(surroundings, layers, configuration, context);
  const covered = covers.map(({ file, target }) => ({
    source: join(configuration, file),
    target,
    readOnly: true as const,
  }));
  const leavings = tool === 'host-on-nothing' ? [...LEFT_OUT, ...LEFT_OUT_OF_BOOTSTRAP] : LEFT_OUT;
  try {
    return await runInRoom(
      { ...room, binds: [{ source: work, target: WORK }, ...binds, ...covered] },
      { kind: 'packages', script, byHost: tool !== 'tree', leavings },
      (status, output, advice) =>
        output.text().includes(NONE_INSTALLED)
          ? new AshlarError(NONE_INSTALLED, { at: packages.at })
          : commandFailure(packages, status, output, advice),
      pack,
      step,
    );
  } finally {
    keepArchives(manager, archives, store);
  }
}

/** @throws AshlarError with the place of the step. */
function described({ at }: PackagesStep, request: PackageRequest): PackageWork {
  try {
    return packageWork(request);
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw new AshlarError(error.message, { at, hint: error.hint, cause: error });
  }
}

/** Writes the keys to where managers find them; returns the path that they see of each. */
async function writeKeys(
  packages: PackagesStep,
  configuration: string,
  { context, sources }: StepContext,
): Promise<(key: Source) => string> {
  const keys = sourcesOfStep(packages).map(source => ({ source, resolved: sources.of(source) }));
  const names = [...new Set(keys.map(({ resolved }) => resolved.identity))];
  const directory = join(configuration, 'keys');
  mkdirSync(directory);
  const imports = await Promise.all(
    names.map(async (identity, i) => {
      const key = keys.find(({ resolved }) => resolved.identity === identity);
      if (key?.resolved.type !== 'file')
        throw new AshlarError('a key must be a file', { at: key?.source.at ?? packages.at });
      return { name: String(i), location: await key.resolved.locate(), mode: 0o644, uid: 0, gid: 0 };
    }),
  );
  if (imports.length > 0)
    await context.workshop.call('stage', { directory, keep: [], imports }, { signal: context.signal });
  const files = new Map(names.map((identity, i) => [identity, withSuffix(directory, String(i))]));
  return source => `${CONFIGURATION}/keys/${files.get(sources.of(source).identity) ?? ''}`;
}

/** apt tells by the name whether a key is text. */
function withSuffix(directory: string, name: string): string {
  const fd = openSync(join(directory, name), 'r');
  const begin = Buffer.alloc(5);
  readSync(fd, begin);
  closeSync(fd);
  const suffixed = `${name}.${begin.toString() === '-----' ? 'asc' : 'gpg'}`;
  renameSync(join(directory, name), join(directory, suffixed));
  return suffixed;
}

interface OpenRepositories {
  readonly repositories: readonly RepositoryAccess[];
  /** Directories of the host that managers see. */
  readonly binds: readonly { readonly source: string; readonly target: string; readonly readOnly: true }[];
}

/** Repositories as managers see them; a directory of the host that is not there is left out. */
function openRepositories(
  { repositories }: PackagesStep,
  keyFile: (key: Source) => string,
  configuration: string,
  { context, plan }: StepContext,
): OpenRepositories {
  const there = repositories.filter(({ alias, url }) => {
    const found = !url.startsWith('/') || existsSync(url);
    if (!found) say(context, plan.name, 'warning', `the repository ${alias} is left out: there is no ${url}`);
    return found;
  });
  const opened = there.map((repository, i) => {
    const { url, keys, customize, type: _, at, ...rest } = repository;
    const script = `customize-${i}`;
    if (customize !== undefined) writeFileSync(join(configuration, script), customization(customize, at));
    const target = `/run/ashlar/repositories/${i}`;
    const local = url.startsWith('/');
    return {
      access: {
        ...rest,
        url: local ? target : url,
        keys: keys.map(keyFile),
        ...(customize === undefined ? {} : { customize: `${CONFIGURATION}/${script}` }),
      },
      binds: local ? [{ source: url, target, readOnly: true as const }] : [],
    };
  });
  return {
    repositories: opened.map(({ access }) => access),
    binds: opened.flatMap(({ binds }) => binds),
  };
}
