/** Texts of descriptions as words of shell scripts and configuration files. */
import { AshlarError } from '../support/errors.ts';
import type { RepositoryAccess } from './types.ts';

/** Words of a POSIX shell's command. */
export function words(...values: readonly string[]): string {
  return values.map(value => (/^[\w@%+=:,./-]+$/.test(value) ? value : quoted(value))).join(' ');
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** @throws AshlarError for what a manager would take for an option, or for more than one word. */
export function checkNames(names: readonly string[]): void {
  for (const name of names)
    if (!/^[^\s\p{Cc}-][^\p{Cc}]*$/u.test(name))
      throw new AshlarError(`${JSON.stringify(name)} is no name of a package`);
}

/** @throws AshlarError for what would be more than one line of a file. */
export function checkRepository(repository: RepositoryAccess): void {
  const { alias, url, distribution = '', components, architectures, credentials } = repository;
  const texts = [alias, url, distribution, ...components, ...architectures];
  if (credentials) texts.push(credentials.user, credentials.password);
  if (texts.some(text => /\p{Cc}/u.test(text)))
    throw new AshlarError(
      `the repository ${JSON.stringify(alias)} has a control character in its description`,
    );
  if ([distribution, ...components, ...architectures].some(text => /\s/.test(text)))
    throw new AshlarError(`the repository ${JSON.stringify(alias)} has a blank where one word is meant`);
}

/** A name for a repository's file and section: managers take letters, digits and little else. */
export function fileName({ alias }: Pick<RepositoryAccess, 'alias'>, index: number): string {
  const name = alias.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]/, '_');
  // What was told apart must stay so.
  return name === alias && name !== '' ? name : `${name}-${index + 1}`;
}

export function isLocal({ url }: Pick<RepositoryAccess, 'url'>): boolean {
  return url.startsWith('/');
}

/** The URL with the credentials in it, for managers that know no other place for them. */
export function urlWithCredentials({ url, credentials }: RepositoryAccess): string {
  if (url.startsWith('/')) return `file://${encodeURI(url)}`;
  if (!credentials) return url;
  const login = [credentials.user, credentials.password].map(encodeURIComponent).join(':');
  return url.replace(/^([a-z]+:\/\/)/, `$1${login}@`);
}

/** In the order of their first appearance. */
export function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
