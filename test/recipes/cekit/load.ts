import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeImages } from '../../../src/recipes/cekit/load.ts';
import type { Description } from '../../../src/recipes/cekit/model.ts';
import type { CekitOptions } from '../../../src/recipes/cekit/options.ts';

export { describeImages };

/** Options of a command line without flags, in a directory, for tests that need neither network nor git. */
export function optionsIn(cwd: string, more: Partial<CekitOptions> = {}): CekitOptions {
  const missing = async (): Promise<never> => {
    throw new Error('nothing is fetched in this test');
  };
  return {
    descriptor: 'image.yaml',
    cwd,
    overrides: [],
    buildArguments: [],
    environment: {},
    tags: [],
    layers: 'one',
    platforms: [{ os: 'linux', architecture: 'amd64' }],
    redhat: false,
    literalValues: false,
    version: '0.0.0',
    readStdin: missing,
    fetchText: missing,
    checkout: missing,
    readLabels: missing,
    warn: () => undefined,
    info: () => undefined,
    debug: () => undefined,
    ...more,
  };
}

/** Writes files to a new directory; those that begin with `#!` are executable. */
export async function writeFiles(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'ashlar-cekit-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** What the descriptor among the files describes. */
export async function describeFiles(
  files: Readonly<Record<string, string>>,
  more: Partial<CekitOptions> = {},
): Promise<Description> {
  await using directory = await writeFiles(files);
  return await describeImages(optionsIn(directory.path, more));
}
