/** Writes the target directory of CEKit, which other programs build from. */
import { constants } from 'node:fs';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { FileArtifact, TargetFile, UrlRepository } from '../../recipes/cekit/index.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';

/** Where things of the network come from: absolute paths of complete, verified files and directories. */
export interface TargetSources {
  readonly artifact: (artifact: FileArtifact) => Promise<string>;
  readonly repository: (repository: UrlRepository) => Promise<string>;
}

/** Tells later runs that the directory may be replaced. */
const marker = '.ashlar-target';

/**
 * Puts the files in the place of what the directory held. Until all of them are there the old ones stay, also when
 * something fails.
 * @param outside Absolute: directories that hold what people wrote, so that the target must not hold them.
 * @throws AshlarError where the directory holds something that neither ashlar nor CEKit has made.
 */
export async function writeTarget(
  directory: string,
  files: readonly TargetFile[],
  { sources, outside }: { readonly sources: TargetSources; readonly outside: readonly string[] },
): Promise<void> {
  const target = resolve(directory);
  try {
    await checkReplaceable(target, directory, outside);
    await replace(target, files, sources);
  } catch (cause) {
    if (cause instanceof AshlarError) throw cause;
    throw new AshlarError(`cannot write the target directory ${directory}`, { cause });
  }
}

async function replace(target: string, files: readonly TargetFile[], sources: TargetSources): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  // On the same file system, so that what is complete there needs only a new name.
  const temporary = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  const [fresh, old] = [join(temporary, 'new'), join(temporary, 'old')];
  try {
    await mkdir(fresh);
    await writeFile(join(fresh, marker), 'ashlar replaces this directory whenever it generates.\n');
    for (const file of files) await writeOne(file, join(fresh, file.path), sources);
    await rename(target, old).catch(ignoreMissing);
    try {
      await rename(fresh, target);
    } catch (error) {
      await rename(old, target).catch(ignoreMissing);
      throw error;
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function writeOne(file: TargetFile, path: string, sources: TargetSources): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  switch (file.kind) {
    case 'text':
      return writeFile(path, file.text);
    case 'directory':
      return copy(file.directory, path, file);
    case 'artifact':
      return copyArtifact(file, path, await sources.artifact(file.artifact));
    case 'repository':
      await copy(await sources.repository(file.repository), path, file);
      return chmod(path, fetchedMode);
  }
}

/** Of files that were fetched: what is kept of them belongs to us alone. */
const fetchedMode = 0o644;

async function copyArtifact(
  file: Extract<TargetFile, { kind: 'artifact' }>,
  path: string,
  source: string,
): Promise<void> {
  const isDirectory = (await stat(source).catch(ignoreMissing))?.isDirectory() === true;
  const place = file.file === undefined || isDirectory ? path : join(path, file.file);
  await mkdir(dirname(place), { recursive: true });
  await copy(source, place, file);
  const { kind } = file.artifact;
  if (kind === 'url' || kind === 'plain') await chmod(place, fetchedMode);
}

async function copy(source: string, path: string, file: TargetFile): Promise<void> {
  try {
    // A link that is named itself stands for what it leads to, one inside of a directory is copied.
    const from = await realpath(source);
    const mode = constants.COPYFILE_FICLONE;
    await cp(from, path, { recursive: true, verbatimSymlinks: true, errorOnExist: true, force: false, mode });
  } catch (cause) {
    if (file.kind === 'directory' && file.optional && codeOf(cause) === 'ENOENT') return;
    throw new AshlarError(`cannot copy ${source} into the target directory`, { at: file.at, cause });
  }
}

async function checkReplaceable(target: string, written: string, outside: readonly string[]): Promise<void> {
  const hint = 'name another directory with --target, or remove this one';
  if (outside.some(path => isWithin(path, target))) {
    throw new AshlarError(`the target directory ${written} holds what it is generated from`, { hint });
  }
  const status = await lstat(target).catch(ignoreMissing);
  if (status === undefined) return;
  if (!status.isDirectory()) throw new AshlarError(`the target ${written} is not a directory`, { hint });
  const names = await readdir(target);
  if (names.length === 0 || names.includes(marker) || (await isMadeByCekit(target, names))) return;
  throw new AshlarError(`the target directory ${written} holds files that were not generated`, { hint });
}

async function isMadeByCekit(target: string, names: readonly string[]): Promise<boolean> {
  if (!names.every(name => ['image', 'image.yaml', 'repo', 'test'].includes(name))) return false;
  const inside = await readdir(join(target, 'image')).catch((): string[] => []);
  return inside.includes('Dockerfile') || inside.includes('Containerfile');
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}
