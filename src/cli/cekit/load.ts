/** From a descriptor and its flags to what it means: the front end with its network, git and standard input. */
import { text as readAll } from 'node:stream/consumers';
import { type FetchOptions, fetchText, Repositories, readLabels } from '../../engine/index.ts';
import { canBeReferenceName, hostPlatform } from '../../oci/index.ts';
import type { Plan } from '../../plan/types.ts';
import {
  type CekitOptions,
  type Description,
  describeImages,
  planDescription,
  referencedImage,
} from '../../recipes/cekit/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { UsageError } from '../failure.ts';
import { type Log, withPlace } from '../log.ts';
import { VERSION } from '../version.ts';
import type { CekitConfig } from './config.ts';
import { fetchOptions } from './fetch.ts';
import { checkLayers, type DescriptorFlags, layersOf, platformsOf } from './flags.ts';
import { readLockFile } from './lock-file.ts';

/** What is to be read. */
export interface DescriptorOrder {
  /** A path, or `-`. */
  readonly descriptor: string;
  /** Names of the result; those of the descriptor when there are none. */
  readonly tags: readonly string[];
  readonly flags: DescriptorFlags;
  readonly config: CekitConfig;
  /** Directory of the store. */
  readonly store: string;
}

/** Working copies of repositories stay until it is disposed of. */
export interface LoadedDescriptor extends Disposable {
  readonly description: Description;
  readonly options: CekitOptions;
  readonly fetch: FetchOptions;
  /** What was checked out so far, by `url#ref`. */
  readonly commits: ReadonlyMap<string, string>;
}

/**
 * `warn` hears of what is odd in the descriptor.
 * @throws AshlarError for everything that is wrong with the descriptor and what it names.
 */
export async function loadDescriptor(
  order: DescriptorOrder,
  log: Log,
  signal: AbortSignal,
  warn: CekitOptions['warn'] = (message, at) => log('warning', withPlace(message, at)),
): Promise<LoadedDescriptor> {
  const repositories = new LateRepositories(order.store, log, signal);
  try {
    const fetch = fetchOptions(order.config);
    const options = { ...optionsOf(order, fetch, repositories, log, signal), warn };
    const description = await describeImages(options);
    const { commits } = repositories;
    return { description, options, fetch, commits, [Symbol.dispose]: () => repositories[Symbol.dispose]() };
  } catch (error) {
    repositories[Symbol.dispose]();
    throw error;
  }
}

/** @throws AshlarError for what cannot be built. */
export function planOf({ description, options }: LoadedDescriptor): Promise<Plan> {
  return planDescription(description, options);
}

/** The plan with the target in the OCI layout as people know images, whatever the outputs of the descriptor say. */
export function withImage({ images }: Plan): Plan {
  return {
    images: images.map(image =>
      image.tags ? { ...image, emit: true, forms: ['usual', ...(image.forms ?? [])] } : image,
    ),
  };
}

/** The plan without what else is made of the target. */
export function imageAlone({ images }: Plan): Plan {
  return {
    images: images.map(({ forms: _, outputs: __, ...image }) =>
      image.tags ? { ...image, emit: true } : image,
    ),
  };
}

function optionsOf(
  { descriptor, tags, flags, config }: DescriptorOrder,
  fetch: FetchOptions,
  repositories: LateRepositories,
  log: Log,
  signal: AbortSignal,
): Omit<CekitOptions, 'warn'> {
  checkLayers(flags);
  checkNames(tags);
  const cwd = process.cwd();
  const platforms = platformsOf(flags.platform ?? []);
  const [platform = hostPlatform()] = platforms;
  const { cacheUrl } = config;
  return {
    descriptor,
    cwd,
    overrides: flags.overrides ?? [],
    buildArguments: flags.buildArg ?? [],
    environment: process.env,
    tags,
    layers: layersOf(flags),
    platforms,
    redhat: flags.redhat ?? config.redhat,
    literalValues: flags.literalValues ?? false,
    ...(cacheUrl !== undefined && { cacheUrl }),
    ...(flags.locked && { lock: readLockFile(descriptor) }),
    version: VERSION,
    readStdin: () => readAll(process.stdin),
    fetchText: url =>
      fetchText(url, {
        options: { fetch },
        signal,
        emit: event => event.kind === 'message' && log(event.level, event.text),
      }),
    checkout: (url, ref) => repositories.checkout(url, ref),
    readLabels: async (reference, at) => {
      try {
        const base = referencedImage({ text: reference, at }, { cwd });
        return await readLabels(base.reference, { platform, insecure: base.insecure, signal });
      } catch (error) {
        if (!(error instanceof AshlarError)) throw error;
        throw new AshlarError(error.message, { at: error.at ?? at, hint: error.hint, cause: error.cause });
      }
    },
    info: message => log('info', message),
    debug: message => log('debug', message),
  };
}

/** The descriptor is not where names of the command line can be mended. */
function checkNames(tags: readonly string[]): void {
  const wrong = tags.find(tag => !canBeReferenceName(tag));
  if (wrong !== undefined) throw new UsageError(`"${wrong}" cannot be the name of an image`);
}

/** Most descriptors need no git, and then the store is not opened for it. */
class LateRepositories implements Disposable {
  readonly #open: () => Repositories;
  readonly commits = new Map<string, string>();
  #repositories: Repositories | undefined;

  constructor(store: string, log: Log, signal: AbortSignal) {
    const warn = (text: string) => log('warning', text);
    this.#open = () => new Repositories({ store, warn, environment: process.env, signal });
  }

  async checkout(url: string, ref: string): ReturnType<Repositories['checkout']> {
    this.#repositories ??= this.#open();
    const found = await this.#repositories.checkout(url, ref);
    this.commits.set(`${url}#${ref}`, found.commit);
    return found;
  }

  [Symbol.dispose](): void {
    this.#repositories?.[Symbol.dispose]();
  }
}
