import { realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plan } from '../../plan/types.ts';
import { AshlarError, codeOf } from '../../support/errors.ts';
import { type SourceText, sourceText } from '../../support/source-text.ts';
import { readText } from '../../support/text-file.ts';
import { applyOverrides, inlineOverride, withRedHatNames } from './descriptor/overrides.ts';
import { readDescriptor, readOverrides } from './descriptor/read.ts';
import type { DescriptorSource } from './descriptor/types.ts';
import type { Description } from './model.ts';
import { nowhere } from './modules/places.ts';
import { readRegistry, warnOfBroken } from './modules/registry.ts';
import { gatherRepositories } from './modules/repositories.ts';
import type { CekitOptions, Override } from './options.ts';
import { planDescription } from './plan/plan.ts';
import { checkStages } from './resolve/check.ts';
import { resolveStage } from './resolve/stage.ts';

/**
 * What a descriptor means, with its overrides and modules. Nothing that only a build needs is fetched or looked at.
 * Every mistake in the input is an `AshlarError` with its place.
 */
export async function describeImages(given: CekitOptions): Promise<Description> {
  const options = { ...given, warn: once(given.warn), info: once(given.info) };
  const source = await descriptorSource(options);
  const declared = readDescriptor(source, options);
  const overrides = await Promise.all(
    options.overrides.map(override => overrideSource(override, source.directory, options)),
  );
  const overridden = applyOverrides(
    declared,
    overrides.map(override => readOverrides(override, options)),
    options,
  );
  const images = options.redhat ? withRedHatNames(overridden) : overridden;

  const repositories = await gatherRepositories(images, options);
  const registry = await readRegistry(repositories, join(await realpath(options.cwd), 'target'));
  const places = { cwd: options.cwd, repositories };
  const context = { registry, places, directory: source.directory, options };
  const stages = await Array.fromAsync(images.entries(), ([index, image]) =>
    resolveStage(image, declared[index] ?? image, context),
  );
  const target = stages.at(-1);
  if (target === undefined) throw new AshlarError(`${source.source.file} describes no image`);
  const moduleRepositories = repositories.map(({ directory }) => directory);
  const description = { builders: stages.slice(0, -1), target, moduleRepositories };
  checkStages(description);
  warnOfBroken(registry, options);
  return description;
}

/** The Plan of a descriptor, and what it was made from. */
export async function loadCekitPlan(
  options: CekitOptions,
): Promise<{ readonly plan: Plan; readonly description: Description }> {
  const description = await describeImages(options);
  return { plan: await planDescription(description, options), description };
}

/** Images have much in common: nobody wants to hear the same of each. */
function once<T extends readonly unknown[]>(say: (...parameters: T) => void): (...parameters: T) => void {
  const said = new Set<string>();
  return (...parameters) => {
    const key = JSON.stringify(parameters);
    if (said.has(key)) return;
    said.add(key);
    say(...parameters);
  };
}

async function descriptorSource({ descriptor, cwd, readStdin }: CekitOptions): Promise<DescriptorSource> {
  if (descriptor === '-') return { source: sourceText('<stdin>', await readStdin()), directory: cwd };
  return sourceAt(resolve(cwd, descriptor), descriptor);
}

async function overrideSource(
  { kind, value }: Override,
  directory: string,
  { cwd, fetchText }: CekitOptions,
): Promise<DescriptorSource> {
  const inline = kind === 'text-or-path' ? inlineOverride(value, directory) : undefined;
  if (inline !== undefined) return inline;
  if (/^https?:/i.test(value))
    return { source: sourceText(value, await fetchText(value)), directory: nowhere };
  return sourceAt(/^file:/i.test(value) ? pathOfUrl(value) : resolve(cwd, value), value);
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new AshlarError(`not the address of a file of this machine: ${url}`, { cause });
  }
}

/** `typed` is how the user named the file. */
async function sourceAt(path: string, typed: string): Promise<DescriptorSource> {
  return { source: await textAt(path, typed), directory: dirname(path) };
}

async function textAt(path: string, typed: string): Promise<SourceText> {
  try {
    return await readText(path);
  } catch (cause) {
    if (cause instanceof AshlarError) throw cause;
    const missing = codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR';
    throw new AshlarError(
      missing
        ? `Descriptor ('${typed}') could not be found on the path, please check your arguments!`
        : `cannot read ${typed}`,
      { cause },
    );
  }
}
