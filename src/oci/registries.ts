/** Which servers stand for a registry: containers-registries.conf(5), version 2. */
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { AshlarError, codeOf, type SourceSpan } from '../support/errors.ts';
import type { RegistryReference } from './reference.ts';

/** A repository on a server that is to be asked for an image. */
export interface Source {
  readonly registry: string;
  readonly repository: string;
  readonly insecure: boolean;
}

interface Location {
  readonly location: string;
  readonly insecure: boolean;
}

interface Mirror extends Location {
  readonly pull: 'all' | 'digest-only' | 'tag-only';
}

interface RegistryRule extends Location {
  /** `host`, `host/namespace`, `host/namespace/repository`, or `*.domain`. */
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
  readonly at: SourceSpan;
}

/** Where to pull an image from: its mirrors, then the registry itself. Throws AshlarError when it is blocked. */
export async function pullSources(reference: RegistryReference): Promise<readonly Source[]> {
  const rule = await findRule(reference);
  const kind = reference.digest === undefined ? 'tag-only' : 'digest-only';
  const mirrors = rule?.mirrors.filter(({ pull }) => pull === 'all' || pull === kind) ?? [];
  return [...mirrors.map(mirror => rewrite(reference, rule, mirror)), rewrite(reference, rule, rule)];
}

/** Where to push an image to: never a mirror. Throws AshlarError when the registry is blocked. */
export async function pushTarget(reference: RegistryReference): Promise<Source> {
  const rule = await findRule(reference);
  return rewrite(reference, rule, rule);
}

async function findRule(reference: RegistryReference): Promise<RegistryRule | undefined> {
  const name = `${reference.registry}/${reference.repository}`;
  const [rule] = (await readRules())
    .filter(({ prefix }) => matchLength(name, prefix) > 0)
    .sort((a, b) => b.prefix.length - a.prefix.length);
  if (rule?.blocked) throw new AshlarError(`registry ${rule.prefix} is blocked`, { at: rule.at });
  return rule;
}

/** How many characters of the name the prefix stands for; 0 when it does not match. */
function matchLength(name: string, prefix: string): number {
  if (prefix.startsWith('*.')) {
    const host = /^[^/]*/.exec(name)?.[0] ?? '';
    return host.replace(/:\d+$/, '').endsWith(prefix.slice(1)) ? host.length : 0;
  }
  const matches = name === prefix || name.startsWith(`${prefix}/`);
  return matches ? prefix.length : 0;
}

function rewrite(
  { registry, repository }: RegistryReference,
  rule: RegistryRule | undefined,
  to: Location | undefined,
): Source {
  if (!rule || !to) return { registry, repository, insecure: false };
  if (to.location === '') return { registry, repository, insecure: to.insecure };
  const name = `${registry}/${repository}`;
  const rewritten = to.location + name.slice(matchLength(name, rule.prefix));
  const slash = rewritten.indexOf('/');
  if (slash < 0)
    throw new AshlarError(`location ${to.location} leaves no repository of ${name}`, { at: rule.at });
  return {
    registry: rewritten.slice(0, slash),
    repository: rewritten.slice(slash + 1),
    insecure: to.insecure,
  };
}

/** The rules of all files; of two with one prefix, the later file's. */
async function readRules(): Promise<readonly RegistryRule[]> {
  const rules = new Map<string, RegistryRule>();
  for (const file of await configFiles()) {
    const text = await readIfThere(file);
    if (text !== undefined) for (const rule of parseRegistries(text, file)) rules.set(rule.prefix, rule);
  }
  return [...rules.values()];
}

async function configFiles(): Promise<readonly string[]> {
  const { CONTAINERS_REGISTRIES_CONF, XDG_CONFIG_HOME } = process.env;
  if (CONTAINERS_REGISTRIES_CONF) return [CONTAINERS_REGISTRIES_CONF];
  const system = '/etc/containers/registries.conf';
  const user = join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'containers/registries.conf');
  const main = (await readIfThere(user)) === undefined ? system : user;
  return [main, ...(await dropIns(`${system}.d`)), ...(await dropIns(`${user}.d`))];
}

async function dropIns(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(error => {
    if (isMissing(error)) return [];
    throw new AshlarError(`cannot read ${directory}`, { cause: error });
  });
  return names
    .filter(name => name.endsWith('.conf'))
    .sort()
    .map(name => join(directory, name));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new AshlarError(`cannot read ${file}`, { cause });
  }
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

type Table = Readonly<Record<string, unknown>>;

/** The `[[registry]]` tables of a file; everything else in it is for other programs. */
export function parseRegistries(text: string, file: string): readonly RegistryRule[] {
  let document: Table;
  try {
    document = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [message = ''] = cause.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new AshlarError(message, { at: { file, line: cause.line, column: cause.column }, cause });
  }
  const headers = headerSpans(text, file);
  const top = { file, line: 1, column: 1 };
  return tablesIn(document, 'registry', top).map((table, i) => readRule(table, headers[i] ?? top));
}

/** Where the `[[registry]]` lines are: the nearest that we get to a value's place. */
function headerSpans(text: string, file: string): readonly SourceSpan[] {
  return text.split('\n').flatMap((line, i) => {
    const header = /^(\s*)\[\[\s*registry\s*\]\]/.exec(line);
    return header ? [{ file, line: i + 1, column: (header[1]?.length ?? 0) + 1 }] : [];
  });
}

function readRule(table: Table, at: SourceSpan): RegistryRule {
  const location = stringIn(table, 'location', at) ?? '';
  const prefix = stringIn(table, 'prefix', at) ?? location;
  if (prefix === '') throw new AshlarError('a registry needs a prefix or a location', { at });
  const digestOnly = booleanIn(table, 'mirror-by-digest-only', at);
  return {
    prefix,
    // A wildcard without a location changes no names.
    location: location || (prefix.startsWith('*.') ? '' : prefix),
    insecure: booleanIn(table, 'insecure', at),
    blocked: booleanIn(table, 'blocked', at),
    mirrors: tablesIn(table, 'mirror', at).map(mirror => readMirror(mirror, digestOnly, at)),
    at,
  };
}

function readMirror(table: Table, digestOnly: boolean, at: SourceSpan): Mirror {
  const location = stringIn(table, 'location', at);
  if (!location) throw new AshlarError('a mirror needs a location', { at });
  const pull = stringIn(table, 'pull-from-mirror', at) ?? (digestOnly ? 'digest-only' : 'all');
  if (pull !== 'all' && pull !== 'digest-only' && pull !== 'tag-only') {
    throw new AshlarError(`pull-from-mirror is ${JSON.stringify(pull)}`, {
      at,
      hint: 'use all, digest-only or tag-only',
    });
  }
  return { location, insecure: booleanIn(table, 'insecure', at), pull };
}

function tablesIn(table: Table, key: string, at: SourceSpan): readonly Table[] {
  const value = table[key] ?? [];
  if (!Array.isArray(value) || !value.every(isTable))
    throw new AshlarError(`${key} is not a list of tables`, { at });
  return value;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stringIn(table: Table, key: string, at: SourceSpan): string | undefined {
  const value = table[key];
  if (value !== undefined && typeof value !== 'string')
    throw new AshlarError(`${key} is not a string`, { at });
  return value?.replace(/\/+$/, '');
}

function booleanIn(table: Table, key: string, at: SourceSpan): boolean {
  const value = table[key] ?? false;
  if (typeof value !== 'boolean') throw new AshlarError(`${key} is neither true nor false`, { at });
  return value;
}
