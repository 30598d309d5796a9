/** Where the tests of an image are: those of module repositories, of modules, and of the image itself. */
import { readdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { codeOf } from '../../../support/errors.ts';
import { readText } from '../../../support/text-file.ts';
import type { Description } from '../model.ts';
import { readFeature, type Scenario } from './features.ts';

export interface FoundTests {
  readonly features: readonly Feature[];
  /** Paths of steps in Python. */
  readonly foreignSteps: readonly string[];
}

export interface Feature {
  /** Relative to the directory in which there is `features`. */
  readonly name: string;
  readonly scenarios: readonly Scenario[];
}

/**
 * @param own The directory of the descriptor.
 * @throws AshlarError for a feature file that is none.
 */
export async function findTests(
  { builders, target, moduleRepositories = [] }: Description,
  own: string,
): Promise<FoundTests> {
  const modules = [...builders, target].flatMap(stage =>
    stage.modules.flatMap(({ directory }) => directory ?? []),
  );
  const features: Feature[] = [];
  const foreignSteps: string[] = [];
  for (const directory of await realDirectories([...moduleRepositories, ...modules, own])) {
    const tests = join(directory, 'tests');
    foreignSteps.push(...(await filesBelow(join(tests, 'steps'), '.py')));
    for (const path of await filesBelow(join(tests, 'features'), '.feature')) {
      const { text } = await readText(path);
      features.push({ name: relative(tests, path), scenarios: await readFeature(path, text) });
    }
  }
  return { features, foreignSteps };
}

/** Each once, however it is named. */
async function realDirectories(directories: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set(await Promise.all(directories.map(directory => realpath(directory))));
}

async function filesBelow(directory: string, ending: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter(entry => entry.isFile() && entry.name.endsWith(ending))
      .map(entry => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
