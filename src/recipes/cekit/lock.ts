/**
 * `ashlar.lock`: what `ashlar lock` has found out about a descriptor, and `build --locked` holds to. A YAML file beside
 * the descriptor, sorted, so that what has changed can be seen in a comparison of versions.
 */
import { AshlarError, type SourceSpan } from '../../support/errors.ts';
import type { SourceText } from '../../support/source-text.ts';
import { keyName, parseYaml, uniqueEntries, type YamlEntry, type YamlNode } from '../../support/yaml.ts';

export interface Lock {
  /** `sha256:...` of the manifest (or index) of each base and image artifact, by its reference. */
  readonly images: Readonly<Record<string, string>>;
  /** Commits of module repositories and git artifacts, by `url#ref`. */
  readonly repositories: Readonly<Record<string, string>>;
  /** SHA-256 of artifacts that are fetched, by URL. */
  readonly artifacts: Readonly<Record<string, string>>;
  /**
   * Versions of the packages that are installed, by stage and what the descriptor calls them; `*` for what no package
   * is called: groups, files, what a package provides, and packages whose version the descriptor says.
   */
  readonly packages: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const LOCK_FILE = 'ashlar.lock';

/** Of what has no version of its own. */
export const ANY_VERSION = '*';

const FORMAT = '1';

const HEADER =
  '# Written by `ashlar lock`; `ashlar build --locked` builds with exactly this. Keep it beside the descriptor.\n';

const VALUES = {
  images: { form: /^sha256:[0-9a-f]{64}$/, what: 'a digest (sha256:…)' },
  repositories: { form: /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, what: 'a commit (40 hexadecimal digits)' },
  artifacts: { form: /^[0-9a-f]{64}$/, what: 'a SHA-256 (64 hexadecimal digits)' },
  // What package managers have in versions, and nothing that a shell would understand.
  packages: { form: /^(?:\*|[A-Za-z0-9][A-Za-z0-9._+~:^-]*)$/, what: 'a version' },
} as const;

/** The text of a lock file. */
export function writeLock(lock: Lock): string {
  const sections = [
    section('images', lock.images, 0),
    section('repositories', lock.repositories, 0),
    section('artifacts', lock.artifacts, 0),
    section('packages', lock.packages, 0),
  ];
  return `${HEADER}lock: "${FORMAT}"\n${sections.join('')}`;
}

type Entries = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

function section(name: string, entries: Entries, depth: number): string {
  const names = Object.keys(entries).sort();
  const head = `${'  '.repeat(depth)}${name}:`;
  if (names.length === 0) return `${head} {}\n`;
  const lines = names.map(key => {
    const value = entries[key] ?? '';
    if (typeof value !== 'string') return section(JSON.stringify(key), value, depth + 1);
    return `${'  '.repeat(depth + 1)}${JSON.stringify(key)}: ${JSON.stringify(value)}\n`;
  });
  return `${head}\n${lines.join('')}`;
}

/** Reads a lock file. @throws AshlarError with its place for everything that is not as `writeLock` writes it. */
export function readLock(source: SourceText): Lock {
  const entries = entriesOf(parseYaml(source), 'the lock file');
  const known = ['lock', ...Object.keys(VALUES)];
  for (const { key } of entries) {
    const name = keyName(key);
    if (!known.includes(name)) throw new AshlarError(`a lock file has no ${name}`, { at: key.span });
  }
  const find = (name: string) => entries.find(({ key }) => keyName(key) === name)?.value;
  const format = find('lock');
  if (format === undefined || textAt(format) !== FORMAT) {
    throw new AshlarError('the lock file is of another version of ashlar', {
      at: format?.span ?? { file: source.file, line: 1, column: 1 },
      hint: 'write it anew: ashlar lock',
    });
  }
  const valuesOf = (name: keyof typeof VALUES) => readValues(find(name), name);
  const stages = entriesOf(find('packages'), 'packages');
  return {
    images: valuesOf('images'),
    repositories: valuesOf('repositories'),
    artifacts: valuesOf('artifacts'),
    packages: Object.fromEntries(
      stages.map(({ key, value }) => [keyName(key), readValues(value, 'packages')] as const),
    ),
  };
}

function readValues(node: YamlNode | undefined, name: keyof typeof VALUES): Readonly<Record<string, string>> {
  const { form, what } = VALUES[name];
  return Object.fromEntries(
    entriesOf(node, name).map(({ key, value }) => {
      const text = textAt(value);
      if (text === undefined || !form.test(text))
        throw new AshlarError(`${keyName(key)} is not locked to ${what}`, { at: value.span });
      return [keyName(key), text] as const;
    }),
  );
}

function entriesOf(node: YamlNode | undefined, what: string): readonly YamlEntry[] {
  if (node === undefined || node.kind === 'null') return [];
  if (node.kind !== 'map') throw new AshlarError(`${what} must be a map`, { at: node.span });
  return uniqueEntries(node, (message, at) => {
    throw new AshlarError(message, { at });
  });
}

/** As it is written: versions without quotes would be numbers. */
function textAt(node: YamlNode): string | undefined {
  return node.kind === 'list' || node.kind === 'map' ? undefined : node.raw;
}

/** What a lock has for something. @throws AshlarError where it has nothing. */
export function locked(
  entries: Readonly<Record<string, string>>,
  key: string,
  what: string,
  at: SourceSpan,
): string {
  const value = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (value !== undefined) return value;
  throw new AshlarError(`the lock file has no ${what}`, { at, hint: 'write it anew: ashlar lock' });
}

/** The commit that a lock has for a branch or tag; what is asked for where there is no lock. */
export function lockedCommit(lock: Lock | undefined, url: string, ref: string, at: SourceSpan): string {
  return lock ? locked(lock.repositories, `${url}#${ref}`, `commit for ${url} at ${ref}`, at) : ref;
}
