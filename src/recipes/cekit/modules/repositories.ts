import { stat } from 'node:fs/promises';
import { basename, posix, resolve } from 'node:path';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import { checkOut } from '../checkout.ts';
import type { RawImage, RawModuleRepository } from '../descriptor/types.ts';
import type { CekitOptions } from '../options.ts';

/** A directory with modules in it. */
export interface ModuleRepository {
  readonly name: string;
  /** Absolute, where it really is. */
  readonly directory: string;
  /** The directory below `target/repo` that CEKit would copy it to. */
  readonly target: string;
  readonly kind: 'path' | 'git';
  readonly at: SourceSpan;
}

/** The module repositories of all images, each once, in the order in which they are first named. */
export async function gatherRepositories(
  images: readonly RawImage[],
  options: CekitOptions,
): Promise<readonly ModuleRepository[]> {
  const repositories = new Map<string, RawModuleRepository>();
  for (const { modules } of images) {
    const named = new Set<string>();
    for (const repository of modules.repositories) {
      const source = sourceOf(repository);
      const name = nameOf(repository);
      if (repositories.has(source)) {
        const message = `Module repository '${name}' already added, please check your image configuration, skipping module repository '${name}'`;
        // Stages name the repositories of one another all the time.
        if (named.has(source)) options.warn(message, repository.at);
        else options.debug(message);
      } else {
        repositories.set(source, repository);
      }
      named.add(source);
    }
  }
  return Promise.all([...repositories.values()].map(repository => openRepository(repository, options)));
}

/** What is the same for repositories of the same content. */
function sourceOf(repository: RawModuleRepository): string {
  return repository.kind === 'git'
    ? JSON.stringify([repository.url.text, repository.ref.text])
    : resolve(repository.path.directory, repository.path.text);
}

function nameOf({ name }: RawModuleRepository): string {
  return name.text.replace(/(?<=.)\/+$/, '');
}

async function openRepository(
  repository: RawModuleRepository,
  options: CekitOptions,
): Promise<ModuleRepository> {
  const name = nameOf(repository);
  const target = posix.normalize(repository.target?.text || basename(name)).replace(/\/$/, '');
  const common = { name, target, kind: repository.kind, at: repository.at };
  if (repository.kind === 'git') {
    return {
      ...common,
      directory: await checkOut(repository.url.text, repository.ref.text, repository.at, options),
    };
  }
  const { text, at } = repository.path;
  const directory = resolve(repository.path.directory, text);
  const status = await stat(directory).catch((cause: unknown) => {
    throw new AshlarError(`Error copying resource: '${name}': there is no directory ${directory}`, {
      at,
      cause,
    });
  });
  if (!status.isDirectory()) {
    throw new AshlarError(`Error copying resource: '${name}': ${directory} is not a directory`, { at });
  }
  return { ...common, directory };
}
