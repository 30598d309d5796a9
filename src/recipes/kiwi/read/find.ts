import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AshlarError, codeOf } from '../../../support/errors.ts';
import { KiwiError } from '../errors.ts';

/**
 * The file that holds the description of a directory: the one that is asked for, config.xml, image/config.xml, or the
 * first `*.kiwi` by name.
 * @param shown What the directory is called in messages.
 * @throws KiwiError when there is none.
 */
export async function findDescription(
  directory: string,
  kiwiFile: string | undefined,
  shown = directory,
): Promise<string> {
  const missing = (hint: string) =>
    new KiwiError('KiwiConfigFileNotFound', `no XML description found in ${shown}`, { hint });
  if (kiwiFile !== undefined) {
    const asked = resolve(directory, kiwiFile);
    if (await isFile(asked)) return asked;
    throw missing(`there is no file ${kiwiFile} in it`);
  }
  for (const name of ['config.xml', 'image/config.xml']) {
    if (await isFile(join(directory, name))) return join(directory, name);
  }
  const names = await namesIn(directory);
  if (!names) throw missing('there is no such directory');
  for (const name of names.filter(name => name.endsWith('.kiwi')).sort()) {
    if (await isFile(join(directory, name))) return join(directory, name);
  }
  const other = names.find(name => /\.(ya?ml|json|toml|ini)$/.test(name) && name.startsWith('config.'));
  throw missing(
    other === undefined
      ? 'config.xml, image/config.xml and *.kiwi are looked for'
      : `${other} is no XML: convert it with KIWI first`,
  );
}

async function namesIn(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined;
    throw new AshlarError(`cannot read ${directory}`, { cause });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return false;
    throw new AshlarError(`cannot read ${path}`, { cause });
  }
}
