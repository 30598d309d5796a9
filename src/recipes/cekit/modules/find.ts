import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AshlarError, codeOf } from '../../../support/errors.ts';

export interface FindOptions {
  /** Real path of a directory that is not looked into. */
  readonly except: string;
  /** Whether links that lead out of the directory are followed. */
  readonly leave: boolean;
}

/**
 * The absolute paths of all files called module.yaml in a directory and below. A directory's own comes before those
 * of its subdirectories, these in the order of their names; what is behind links to directories comes last. Every
 * directory is looked into once, however many links lead to it, and none that the directory itself is in.
 */
export async function findModuleFiles(directory: string, options: FindOptions): Promise<readonly string[]> {
  const root = await realpath(directory);
  const walk: Walk = { root, options, seen: new Set(), links: [] };
  const found = await walkDirectory(walk, directory, root);
  // Links are found behind links, too.
  while (walk.links.length > 0) {
    for (const link of walk.links.splice(0).sort()) found.push(...(await followLink(walk, link)));
  }
  return found;
}

interface Walk {
  readonly root: string;
  readonly options: FindOptions;
  /** Real paths. */
  readonly seen: Set<string>;
  /** Not yet followed, in the order in which the system answers. */
  readonly links: string[];
}

async function walkDirectory(walk: Walk, directory: string, real: string): Promise<string[]> {
  if (walk.seen.has(real) || real === walk.options.except) return [];
  walk.seen.add(real);
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new AshlarError(`cannot look for modules in ${directory}`, { cause });
  });
  const own = entries.find(({ name }) => name === moduleFile);
  const isFile =
    own?.isFile() || (own?.isSymbolicLink() && (await leadsToFile(walk, join(directory, moduleFile))));
  const links = entries.filter(entry => entry.isSymbolicLink() && entry.name !== moduleFile);
  walk.links.push(...links.map(({ name }) => join(directory, name)));
  const names = entries.filter(entry => entry.isDirectory() && entry.name !== '.git').map(({ name }) => name);
  const below = await Promise.all(
    names.sort().map(name => walkDirectory(walk, join(directory, name), join(real, name))),
  );
  return [...(isFile ? [join(directory, moduleFile)] : []), ...below.flat()];
}

const moduleFile = 'module.yaml';

async function followLink(walk: Walk, link: string): Promise<string[]> {
  const real = await realOf(link);
  if (real === undefined || isIn(walk.root, real) || !mayFollow(walk, real)) return [];
  return (await stat(real)).isDirectory() ? walkDirectory(walk, link, real) : [];
}

async function leadsToFile(walk: Walk, link: string): Promise<boolean> {
  const real = await realOf(link);
  return real !== undefined && mayFollow(walk, real) && (await stat(real)).isFile();
}

function mayFollow({ root, options }: Walk, real: string): boolean {
  return options.leave || isIn(real, root);
}

/** Whether a path is that of the directory or of something in it. */
function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Undefined where the link leads nowhere. */
async function realOf(link: string): Promise<string | undefined> {
  try {
    return await realpath(link);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ELOOP' || codeOf(error) === 'ENOTDIR')
      return undefined;
    throw error;
  }
}
