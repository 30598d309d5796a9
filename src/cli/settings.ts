/** What the global flags and the config file say, worked out once. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { AshlarError, codeOf, type SourceSpan } from '../support/errors.ts';
import type { YamlNode } from '../support/yaml.ts';

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
    flag ?? fromFile ?? join(workDir, name);
  const rootsDir = directory(flags.rootsDir, file.rootfs_dir, 'roots');
  if (rootsDir.includes(':')) {
    throw new AshlarError(
      `using ':' in the name of --roots-dir (${rootsDir}) is forbidden due to overlay constraints`,
    );
  }
  return {
    workDir,
    stackerDir: resolve(directory(flags.stackerDir, file.stacker_dir, '.stacker')),
    ociDir: resolve(directory(flags.ociDir, file.oci_dir, 'oci')),
    rootsDir: resolve(rootsDir),
    store: resolve(flags.store ?? process.env.ASHLAR_STORE ?? join(dataHome(), 'ashlar')),
  };
}

function dataHome(): string {
  return process.env.XDG_DATA_HOME || join(homedir(), '.local/share');
}

/** The first file that is there; `path` stands for all of them. */
async function readConfigFile(path: string | undefined): Promise<ConfigFile> {
  const candidates = path ? [path] : usualConfigFiles();
  for (const candidate of candidates) {
    let text: string;
    try {
      text = readFileSync(candidate, 'utf8');
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') continue;
      throw new AshlarError(`couldn't read the config file ${candidate}`, { cause });
    }
    return parseConfig(text, resolve(candidate));
  }
  return {};
}

function usualConfigFiles(): readonly string[] {
  const { XDG_CONFIG_HOME: home } = process.env;
  return home
    ? [join(home, 'conf.yaml'), join(home, 'stacker/conf.yaml')]
    : [join(homedir(), '.config/stacker/conf.yaml')];
}

async function parseConfig(text: string, file: string): Promise<ConfigFile> {
  const [{ parseYaml, textOf }, { sourceText }] = await Promise.all([
    import('../support/yaml.ts'),
    import('../support/source-text.ts'),
  ]);
  const wrong = (why: string, at: SourceSpan | undefined, cause?: unknown) =>
    new AshlarError(`couldn't parse the config file ${file}: ${why}`, { at, cause });
  let content: YamlNode;
  try {
    content = parseYaml(sourceText(file, text));
  } catch (error) {
    if (!(error instanceof AshlarError)) throw error;
    throw wrong(error.message, error.at, error);
  }
  if (content.kind === 'null') return {};
  if (content.kind !== 'map') throw wrong(`expected a map, found ${content.kind}`, content.span);
  const settings: Partial<Record<keyof ConfigFile, string>> = {};
  for (const { key, value } of content.entries) {
    const name = textOf(key);
    // Other keys may be of another version.
    if (!isConfigKey(name) || value.kind === 'null') continue;
    const path = textOf(value);
    if (path === undefined) throw wrong(`${name} must be a path, found ${value.kind}`, value.span);
    settings[name] = path;
  }
  return settings;
}

function isConfigKey(name: string | undefined): name is keyof ConfigFile {
  return CONFIG_KEYS.some(known => known === name);
}
