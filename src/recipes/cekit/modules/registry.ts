import { dirname } from 'node:path';
import pLimit from 'p-limit';
import { AshlarError, AshlarErrors, codeOf } from '../../../support/errors.ts';
import type { SourceText } from '../../../support/source-text.ts';
import { didYouMean } from '../../../support/suggest.ts';
import { readText } from '../../../support/text-file.ts';
import { parseYaml } from '../../../support/yaml.ts';
import { printPython, resolvePythonScalar } from '../descriptor/python.ts';
import { type Listener, readModule } from '../descriptor/read.ts';
import type { RawInstall, RawModule } from '../descriptor/types.ts';
import { findModuleFiles } from './find.ts';
import type { ModuleRepository } from './repositories.ts';
import { compareVersions, followsPep440 } from './versions.ts';

/** A module and the repository it was found in. */
export interface Module extends RawModule {
  readonly repository: ModuleRepository;
  /** What is odd about it, which nobody wants to hear of modules that are not used. */
  readonly remarks: readonly Remark[];
}

type Remark = (listener: Listener) => void;

export interface Registry {
  /** By name, in the order in which they were found. */
  readonly modules: ReadonlyMap<string, readonly Module[]>;
  readonly broken: readonly BrokenModule[];
}

/** A module.yaml that cannot be read. */
interface BrokenModule {
  /** What it seems to call itself. */
  readonly name?: string;
  readonly version?: string;
  readonly error: AshlarError;
}

/**
 * All modules of the repositories. One that cannot be read is an error only when it is chosen.
 * `targetDirectory` (a real path) is where CEKit copies modules to: what is in it is no module of its own.
 */
export async function readRegistry(
  repositories: readonly ModuleRepository[],
  targetDirectory: string,
): Promise<Registry> {
  const modules = new Map<string, Module[]>();
  const broken: BrokenModule[] = [];
  const seen = new Set<string>();
  // So that a large repository does not use up the files that a process may have open.
  const limit = pLimit(32);
  for (const repository of repositories) {
    const files = await findModuleFiles(repository.directory, {
      except: targetDirectory,
      leave: repository.kind === 'path',
    });
    const unseen = files.filter(file => !seen.has(file));
    for (const file of unseen) seen.add(file);
    for (const module of await limit.map(unseen, file => readOrExplain(file, repository))) {
      if ('error' in module) broken.push(module);
      else register(modules, module);
    }
  }
  return { modules, broken };
}

async function readOrExplain(file: string, repository: ModuleRepository): Promise<Module | BrokenModule> {
  let source: SourceText | undefined;
  const remarks: Remark[] = [];
  const listener: Listener = {
    warn: (message, at) => remarks.push(({ warn }) => warn(message, at)),
    info: message => remarks.push(({ info }) => info(message)),
  };
  try {
    source = await readText(file);
    return { ...readModule({ source, directory: dirname(file) }, listener), repository, remarks };
  } catch (error) {
    if (error instanceof AshlarError) return { ...(source && namesIn(source)), error };
    if (codeOf(error) === undefined) throw error;
    return { error: new AshlarError(`cannot read ${file}`, { cause: error }) };
  }
}

/** Name and version of a module, as far as they can be told. */
function namesIn(source: SourceText): { readonly name?: string; readonly version?: string } {
  try {
    const top = parseYaml(source, resolvePythonScalar);
    if (top.kind !== 'map') return {};
    const entries = top.entries.map(({ key, value }) => [printPython(key), printPython(value)] as const);
    const [name, version] = ['name', 'version'].map(wanted => entries.find(([key]) => key === wanted)?.[1]);
    return { ...(name !== undefined && { name }), ...(version !== undefined && { version }) };
  } catch (error) {
    if (error instanceof AshlarError) return {};
    throw error;
  }
}

function register(modules: Map<string, Module[]>, module: Module): void {
  const { name, version } = module;
  const others = modules.get(name.text) ?? [];
  const other = others.find(other => other.version.text === version.text);
  if (other !== undefined) {
    throw new AshlarError(
      `Module '${name.text}' with version '${version.text}' already exists in module registry`,
      { at: name.at, hint: duplicateHint(module, other) },
    );
  }
  modules.set(name.text, [...others, module]);
}

function duplicateHint({ repository }: Module, other: Module): string {
  const place = `the other one is in ${other.at.file}`;
  const [mine, theirs] = [repository.name, other.repository.name];
  return mine === theirs ? place : `module repositories '${theirs}' and '${mine}' both have it: ${place}`;
}

/**
 * The module of the name and the version, or the newest one where no version is given. Texts that PEP 440 does not
 * know are older than all versions. Throws an `AshlarError` where there is none, or where it cannot be read.
 */
export function chooseModule(
  { modules, broken }: Registry,
  { name, version }: Omit<RawInstall, 'at'>,
  listener: Listener,
): Module {
  const { warn } = listener;
  const readable = modules.get(name.text) ?? [];
  const unreadable = broken.filter(module => module.name === name.text);
  if (readable.length + unreadable.length === 0) {
    const unknown = broken.filter(module => module.name === undefined).map(({ error }) => error);
    throw new AshlarError(`There are no modules with '${name.text}' name available`, {
      at: name.at,
      hint: didYouMean(name.text, modules.keys()),
      ...(unknown.length > 0 && { cause: new AggregateError(unknown) }),
    });
  }

  const versions = readable.map(module => module.version.text);
  const wanted =
    version?.text ?? newest([...versions, ...unreadable.flatMap(({ version }) => version ?? [])]);
  const failed = unreadable.find(module => module.version === undefined || module.version === wanted);
  if (failed !== undefined) throw failed.error;

  const module = readable.find(({ version }) => version.text === wanted);
  if (module === undefined) {
    throw new AshlarError(
      `Module '${name.text}' with version '${wanted}' could not be found, available versions: ${versions.join(', ')}`,
      { at: version?.at ?? name.at },
    );
  }
  if (version === undefined && versions.length > 1) {
    for (const text of versions.filter(text => !followsPep440(text))) {
      warn(
        `Module's '${name.text}' version '${text}' does not follow PEP 440 versioning scheme ` +
          '(https://www.python.org/dev/peps/pep-0440) which should be followed in modules.',
        name.at,
      );
    }
    warn(
      `Module version not specified for '${name.text}' module, using '${wanted}' default version`,
      name.at,
    );
  }
  for (const remark of module.remarks) remark(listener);
  return module;
}

/** The first of the newest. */
function newest(versions: readonly string[]): string | undefined {
  return versions.reduce<string | undefined>(
    (best, version) => (best === undefined || compareVersions(version, best) > 0 ? version : best),
    undefined,
  );
}

/** Tells of modules that cannot be read; they were not chosen, or it would have been an error. */
export function warnOfBroken({ broken }: Registry, { warn }: Listener): void {
  for (const { error } of broken) {
    for (const { message, at } of error instanceof AshlarErrors ? error.errors : [error]) {
      warn(`a module that is not used is broken: ${message}`, at);
    }
  }
}
