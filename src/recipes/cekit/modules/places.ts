import { access, realpath } from 'node:fs/promises';
import { isAbsolute, join, normalize, relative, resolve } from 'node:path';
import { AshlarError } from '../../../support/errors.ts';
import type { LocatedPath } from '../descriptor/types.ts';
import type { Module } from './registry.ts';
import type { ModuleRepository } from './repositories.ts';

/** What relative paths refer to in a descriptor that came over the network: a directory in which nothing can be. */
export const nowhere = '/dev/null';

/** What must be known to tell where relative paths of modules lead. */
export interface Places {
  /** Where CEKit would have been called. */
  readonly cwd: string;
  readonly repositories: readonly ModuleRepository[];
}

/** The absolute path of a path in an image descriptor or in overrides. */
export function imagePath({ text, directory }: LocatedPath): string {
  return resolve(directory, text);
}

/**
 * The absolute path of a path in a module. CEKit copies repositories to `target/repo` and takes paths of modules
 * relative to the copy, so that `../../../../f` in a module of a repository is a file beside `target`. The same is
 * found here without a copy; where nothing is there, the path is relative to the module itself.
 * Throws an `AshlarError` where a module of a git repository reaches for other files of this machine.
 */
export async function modulePath(path: LocatedPath, module: Module, places: Places): Promise<string> {
  const found = await findPath(path, module, places);
  if (module.repository.kind === 'git') await checkReach(found, path, module, places);
  return found;
}

async function findPath({ text }: LocatedPath, module: Module, places: Places): Promise<string> {
  if (isAbsolute(text)) return normalize(text);
  const natural = join(module.directory, text);
  for (const candidate of pathsBesideCopy(text, module, places)) {
    if (candidate !== natural && (await exists(candidate))) return candidate;
  }
  return natural;
}

/** What others have written shall not bring a user's keys into an image that may be published. */
async function checkReach(
  path: string,
  { text, at }: LocatedPath,
  { name }: Module,
  { cwd, repositories }: Places,
): Promise<void> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return;
  for (const directory of [cwd, ...repositories.map(repository => repository.directory)]) {
    const way = relative(await realpath(directory), real);
    if (way !== '..' && !way.startsWith('../')) return;
  }
  throw new AshlarError(
    `'${text}' of the module '${name.text}' is neither in a repository nor in this directory`,
    {
      at,
      hint: 'modules of git repositories get no other files; an artifact of this name in the image takes its place',
    },
  );
}

/** Where a path leads that is relative to the copy of a module in `target/repo`. */
function pathsBesideCopy(path: string, { repository, directory }: Module, places: Places): string[] {
  const inRepository = relative(repository.directory, directory);
  const inCwd = join(copies, repository.target, inRepository, path);
  if (!isBelow(inCwd, 'target')) return [join(places.cwd, inCwd)];
  return [repository, ...places.repositories]
    .filter(({ target }) => isBelow(inCwd, join(copies, target)))
    .map(({ target, directory }) => join(directory, relative(join(copies, target), inCwd)));
}

const copies = 'target/repo';

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
