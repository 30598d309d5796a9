/** What the global flags and the config file say, worked out once. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { AshlarError, codeOf } from '../support/errors.ts';

/** The global flags as commander gives them. */
export interface GlobalFlags {
  readonly workDir?: string;
  readonly stackerDir?: string;
  readonly ociDir?: string;
  readonly rootsDir?: string;
  readonly store?: string;
  readonly config?: string;
  readonly debug?: true;
  readonly quiet?: true;
  readonly logFile?: string;
  readonly logTimestamp?: true;
  readonly progress?: boolean;
}

export interface Settings {
  /** As given; the others are absolute. */
  readonly workDir: string;
  readonly stackerDir: string;
  readonly ociDir: string;
  readonly rootsDir: string;
  readonly store: string;
}

const CONFIG_KEYS = ['work_dir', 'stacker_dir', 'oci_dir', 'rootfs_dir'] as const;
type ConfigFile = { readonly [K in (typeof CONFIG_KEYS)[number]]?: string };

/** Flags win over the config file, both over the defaults. */
export async function readSettings(flags: GlobalFlags): Promise<Settings> {
  const file = await readConfigFile(flags.config);
  const workDir = flags.workDir ?? file.work_dir ?? '';
  const directory = (flag: string | undefined, fromFile: string | undefined, name: string) =>
    resolve(flag ?? fromFile ?? join(workDir, name));
  const rootsDir = directory(flags.rootsDir, file.rootfs_dir, 'roots');
  if (rootsDir.includes(':')) {
    throw new AshlarError(
      `using ':' in the name of --roots-dir (${rootsDir}) is forbidden due to overlay constraints`,
    );
  }
  return {
    workDir,
    stackerDir: directory(flags.stackerDir, file.stacker_dir, '.stacker'),
    ociDir: directory(flags.ociDir, file.oci_dir, 'oci'),
    rootsDir,
    store: resolve(flags.store ?? process.env.ASHLAR_STORE ?? join(dataHome(), 'ashlar')),
  };
}

function dataHome(): string {
  return process.env.XDG_DATA_HOME || join(homedir(), '.local/share');
}

async function readConfigFile(path: string | undefined): Promise<ConfigFile> {
  const home = process.env.XDG_CONFIG_HOME;
  const candidates = path
    ? [path]
    : [
        ...(home ? [join(home, 'conf.yaml'), join(home, 'stacker/conf.yaml')] : []),
        join(homedir(), '.config/stacker/conf.yaml'),
      ];
  for (const candidate of candidates) {
    let text: string;
    try {
      text = readFileSync(candidate, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      throw new AshlarError(`couldn't read the config file ${candidate}`, { cause: error });
    }
    return parseConfig(text, candidate);
  }
  return {};
}

async function parseConfig(text: string, file: string): Promise<ConfigFile> {
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    throw new AshlarError(`couldn't parse the config file ${file}`, { cause });
  }
  if (content === null || typeof content !== 'object') return {};
  const entries = Object.entries(content).filter(([key]) => CONFIG_KEYS.some(known => known === key));
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}
