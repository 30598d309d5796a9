import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ImagePlan } from '../../../src/plan/types.ts';
import {
  loadStackerPlan,
  type StackerOptions,
  type StackerRecipe,
} from '../../../src/recipes/stacker/index.ts';
import { AshlarError, type SourceSpan } from '../../../src/support/errors.ts';

export interface Loaded extends StackerRecipe {
  /** Where the files were written. */
  readonly directory: string;
  readonly warnings: readonly { readonly message: string; readonly at: SourceSpan | undefined }[];
  readonly debug: readonly string[];
}

export interface Failed {
  readonly directory: string;
  readonly error: AshlarError;
  readonly warnings: Loaded['warnings'];
}

/** May depend on the directory that the files are written to. */
type Options = Partial<StackerOptions> | ((directory: string) => Partial<StackerOptions>);

/** Options that name nothing of the machine. */
export function testOptions(options: Partial<StackerOptions> = {}): StackerOptions {
  return {
    files: ['stacker.yaml'],
    substitutions: [],
    substituteFiles: [],
    stackerDir: '/work/.stacker',
    rootsDir: '/work/roots',
    ociDir: '/work/oci',
    workDir: '',
    cwd: '/work',
    annotationsNamespace: 'io.stackeroci',
    version: '1.2.3',
    requireHash: false,
    strictSubstitution: false,
    considerTimestamps: false,
    storeText: true,
    hostPlatform: { os: 'linux', architecture: 'amd64' },
    warn: () => {},
    debug: () => {},
    ...options,
  };
}

/** Loads a stacker file, or several by name, from a directory of their own. */
export async function load(
  files: string | Readonly<Record<string, string>>,
  options: Options = {},
): Promise<Loaded> {
  const result = await attempt(files, options);
  if ('error' in result) throw result.error;
  return result;
}

/**
 * The only layer of a file with the given lines as its directives, on a scratch base unless they name one. The file
 * is in `/cwd/sub`, and the current directory is `/cwd`: the real directory's name is replaced in the result.
 */
export async function loadLayer(
  directives: string,
  options: Partial<StackerOptions> = {},
): Promise<ImagePlan> {
  const files = { 'sub/stacker.yaml': layer(directives) };
  const { plan, directory } = await load(files, { files: ['sub/stacker.yaml'], ...options });
  const [image] = JSON.parse(JSON.stringify(plan.images).replaceAll(directory, '/cwd'));
  return image;
}

/** The error that loading must end with. */
export async function failure(
  files: string | Readonly<Record<string, string>>,
  options: Options = {},
): Promise<Failed> {
  const result = await attempt(files, options);
  if ('error' in result) return result;
  throw new Error('loading was expected to fail');
}

/** A file with one layer `l` of the given directives. */
export function layer(directives: string): string {
  const from = /^from:/m.test(directives) ? '' : '  from: {type: scratch}\n';
  return `l:\n${from}${directives.replace(/^(?=.)/gm, '  ')}\n`;
}

async function attempt(
  files: string | Readonly<Record<string, string>>,
  options: Options,
): Promise<Loaded | Failed> {
  const warnings: { message: string; at: SourceSpan | undefined }[] = [];
  const debug: string[] = [];
  return inDirectory(files, async directory => {
    try {
      const recipe = await loadStackerPlan(
        testOptions({
          cwd: directory,
          warn: (message, at) => warnings.push({ message, at }),
          debug: message => debug.push(message),
          ...(typeof options === 'function' ? options(directory) : options),
        }),
      );
      return { ...recipe, directory, warnings, debug };
    } catch (error) {
      if (!(error instanceof AshlarError)) throw error;
      return { error, directory, warnings };
    }
  });
}

/** Does something in a directory of its own with the files, or with a `stacker.yaml` of the text. */
export async function inDirectory<T>(
  files: string | Readonly<Record<string, string>>,
  task: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ashlar-stacker-')));
  try {
    for (const [name, text] of Object.entries(
      typeof files === 'string' ? { 'stacker.yaml': files } : files,
    )) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    return await task(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
