/** What the files of a bundle of results are called. */
import { basename } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import type { KiwiDescription } from './model.ts';
import { textOf } from './plan/attributes.ts';
import type { ResultEntry } from './plan/results.ts';

/** `bundle_format` with all filled in but `%I`, the name that each bundle has. Undefined where there is none. */
export function bundleFormat(description: KiwiDescription): string | undefined {
  const { name, profiles, architecture, type, preferences } = description;
  const pattern = textOf(type.attributes, 'bundle_format');
  const { version = '' } = preferences;
  const [major = '', minor = '', patch = ''] = version.split('.');
  const values: Readonly<Record<string, string>> = {
    N: name,
    P: profiles.join('_'),
    A: architecture,
    T: type.image,
    M: major,
    m: minor,
    p: patch,
    v: version,
  };
  return pattern?.replace(/%([NPATMmpv])/g, (_, letter: string) => values[letter] ?? '');
}

const LIST = '.packages';

/**
 * A new name of each file of a bundle, by its old one: without a format, the version in it is followed by the name of
 * the bundle.
 * @throws AshlarError for results that do not share the beginning of their names, and names that are none.
 */
export function bundleNames(
  files: readonly string[],
  id: string,
  format: string | undefined,
): ReadonlyMap<string, string> {
  const stem = files.find(file => file.endsWith(LIST))?.slice(0, -LIST.length);
  if (stem === undefined)
    throw new AshlarError('these results have no list of packages: it tells their name');
  const begin = format === undefined ? `${stem}-${id}` : format.replaceAll('%I', id);
  if (begin === '' || begin !== basename(begin) || begin.startsWith('.'))
    throw new AshlarError(`${begin || 'an empty text'} cannot be the name of files of a bundle`);
  return new Map(
    files.map(file => {
      if (!file.startsWith(stem)) throw new AshlarError(`the result ${file} is not called ${stem}`);
      return [file, begin + file.slice(stem.length)];
    }),
  );
}

/** What `kiwi.result.json` says. @throws AshlarError where it is not what it must be. */
export function parseResults(text: string, file: string): ReadonlyMap<string, ResultEntry> {
  const wrong = (cause?: unknown) =>
    new AshlarError(`${file} does not list results`, { cause, hint: 'build anew into that directory' });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(error);
  }
  if (typeof value !== 'object' || value === null) throw wrong();
  return new Map(
    Object.entries(value).map(([role, entry]) => {
      if (!isEntry(entry)) throw wrong();
      return [role, entry];
    }),
  );
}

function isEntry(value: unknown): value is ResultEntry {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map(Object.entries(value));
  const flags = ['use_for_bundle', 'compress', 'shasum'].every(name => typeof fields.get(name) === 'boolean');
  return flags && typeof fields.get('filename') === 'string';
}
