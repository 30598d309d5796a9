/** What CEKit's configuration file and flags say, worked out once. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { type IniValue, parseIni } from './ini.ts';

/** CEKit's own flags that decide about its configuration. */
export interface CekitConfigFlags {
  readonly workDir?: string;
  readonly config?: string;
  readonly redhat?: true;
}

export interface CekitConfig {
  /** Absolute: what CEKit keeps for all projects, its artifact cache among it. */
  readonly workDir: string;
  readonly redhat: boolean;
  readonly verifyTls: boolean;
  /** With `#filename#`, `#algorithm#` and `#hash#` in it. */
  readonly cacheUrl?: string;
  /** OSBS may fetch by itself what has one of these in its address; undefined: all. */
  readonly fetchArtifactDomains?: readonly string[];
  /** `user:password` by host. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** Flags win over the file. Without a file the defaults hold. @throws AshlarError for a file that makes no sense. */
export function readCekitConfig(flags: CekitConfigFlags): CekitConfig {
  const file = expandHome(flags.config ?? '~/.cekit/config');
  const values = readCommon(file);
  const text = (key: string) => values.get(key)?.text || undefined;
  const flag = (key: string, usual: boolean) => {
    const value = values.get(key);
    return value === undefined || value.text === '' ? usual : readBoolean(file, key, value);
  };
  const cacheUrl = text('cache_url');
  const domains = text('fetch_artifact_domains');
  return {
    workDir: resolve(expandHome(flags.workDir ?? text('work_dir') ?? '~/.cekit')),
    redhat: flags.redhat ?? flag('redhat', false),
    verifyTls: flag('ssl_verify', true),
    ...(cacheUrl !== undefined && { cacheUrl }),
    ...(domains !== undefined && { fetchArtifactDomains: domains.replaceAll(' ', '').split(',') }),
    credentials: readCredentials(file, values.get('url_authentication')),
  };
}

function readCommon(file: string): ReadonlyMap<string, IniValue> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return new Map();
    throw new AshlarError(`cannot read the configuration file ${file}`, { cause });
  }
  return parseIni(resolve(file), text).get('common') ?? new Map();
}

const TRUTHS: Readonly<Record<string, boolean>> = {
  ...{ true: true, yes: true, on: true, '1': true },
  ...{ false: false, no: false, off: false, '0': false },
};

function readBoolean(file: string, key: string, { text, at }: IniValue): boolean {
  const word = text.toLowerCase();
  const truth = Object.hasOwn(TRUTHS, word) ? TRUTHS[word] : undefined;
  if (truth !== undefined) return truth;
  throw new AshlarError(`cannot read the configuration file ${file}: ${key} must be True or False`, { at });
}

/** `host#user:password;…`. The error shows no password: logs are read by others. */
function readCredentials(file: string, value: IniValue | undefined): Readonly<Record<string, string>> {
  const parts = (value?.text ?? '').split(';').map(part => part.trim());
  const credentials = parts.filter(Boolean).map((part, i) => {
    const [, host, account] = /^([^#]+)#([^:]+:.*)$/.exec(part) ?? [];
    if (host !== undefined && account !== undefined) return [host, account] as const;
    const place = `entry ${i + 1} of url_authentication (line ${value?.at.line})`;
    throw new AshlarError(`cannot read the configuration file ${file}: ${place} is not host#user:password`);
  });
  return Object.fromEntries(credentials);
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
