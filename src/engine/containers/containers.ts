/** Containers of an image, for those who test it: ephemeral copies of its tree in which its command runs. */
import type { ContainerConfig, ImageConfig } from '../../oci/index.ts';
import type { NetworkQuestion, PageAnswer } from '../../sandbox/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { BuildOptions, LookContext } from '../context.ts';
import type { EventSink } from '../events.ts';
import { treeLayers } from '../forms/tar-form.ts';
import { openNamed } from '../images/open.ts';
import type { BesideResult, Looked } from '../inside/container-requests.ts';
import type { TreeLayer } from '../inside/request-parts.ts';
import { looking } from '../keys/looking.ts';
import { environmentOf } from '../state.ts';

/** What a container has that its image does not say, or says otherwise. */
export interface ContainerChanges {
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly directory?: string;
  /** Whether its process has an input, which nobody writes to and which does not end, as a shell at a terminal has. */
  readonly waits?: boolean;
}

export interface TestedImage {
  readonly config: ImageConfig;
  /** What is at a path of its tree; of a file with its text when that is wanted. */
  look(path: string, withText: boolean): Promise<Looked>;
  /**
   * Starts a container; resolves when its process runs or has ended.
   * @throws AshlarError when it cannot be started.
   */
  start(changes: ContainerChanges): Promise<Container>;
}

/** Everything in it is killed when it is disposed of, and what it has changed is lost. */
export interface Container extends AsyncDisposable {
  /** What its process has written so far. */
  readonly log: string;
  /** The config of its image with the changes. */
  readonly config: ContainerConfig;
  /** The exit status of its process; undefined while it runs. */
  ended(): Promise<number | undefined>;
  /** @param patience Milliseconds until the command is left to itself. */
  run(command: readonly string[], patience: number): Promise<BesideResult>;
  /** Asks once, at the loopback of its own network. */
  ask(question: NetworkQuestion): Promise<PageAnswer>;
  /** The same for its tree as it is now, without what is mounted there. */
  look(path: string, withText: boolean): Promise<Looked>;
}

/**
 * Does something with an image and containers of it, none of which outlives it.
 * @param name As `diffImages` takes it.
 * @throws AshlarError when the image cannot be had.
 */
export function testImage<T>(
  name: string,
  options: BuildOptions,
  emit: EventSink,
  signal: AbortSignal,
  use: (image: TestedImage) => Promise<T>,
): Promise<T> {
  return looking(options, emit, signal, async context => {
    const image = await openNamed(name, context);
    let layers: Promise<readonly TreeLayer[]> | undefined;
    const tree = () => {
      layers ??= treeLayers(image.layers, context);
      return layers;
    };
    let started = 0;
    return use({
      config: image.config,
      look: async (path, withText) => {
        const place = { kind: 'tree', layers: await tree() } as const;
        return context.workshop.call('look', { place, path, withText }, { signal });
      },
      start: async changes => {
        started += 1;
        return start(`container ${started}`, changedConfig(image.config.config ?? {}, changes), {
          waits: changes.waits ?? false,
          layers: await tree(),
          context,
        });
      },
    });
  });
}

/** As docker does it: with an entry point of its own a container does not get the image's command. */
function changedConfig(config: ContainerConfig, changes: ContainerChanges): ContainerConfig {
  const { environment = {}, entrypoint, command, user, directory } = changes;
  const variables = { ...Object.fromEntries(environmentOf(config)), ...environment };
  const cmd = command ?? (entrypoint ? [] : config.Cmd);
  return {
    ...config,
    Env: Object.entries(variables).map(([variable, value]) => `${variable}=${value}`),
    ...(entrypoint && { Entrypoint: entrypoint }),
    ...(cmd && { Cmd: cmd }),
    ...(user !== undefined && { User: user }),
    ...(directory !== undefined && { WorkingDir: directory }),
  };
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface Beginning {
  readonly waits: boolean;
  readonly layers: readonly TreeLayer[];
  readonly context: LookContext;
}

async function start(
  name: string,
  config: ContainerConfig,
  { waits, layers, context: { workshop, signal, options } }: Beginning,
): Promise<Container> {
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (command.length === 0) throw new AshlarError('the image names no command that a container would run');
  const end = new AbortController();
  const log = new Log();
  const life = workshop.call(
    'container',
    {
      container: name,
      layers,
      environment: { PATH, HOSTNAME: 'ashlar', ...Object.fromEntries(environmentOf(config)) },
      network: 'none',
      ...(options.runtime !== undefined && { runtime: options.runtime }),
      imports: '',
      importDirectories: [],
      binds: [],
      identity: { user: config.User || '0', directory: config.WorkingDir || '/' },
      command,
      waits,
    },
    {
      signal: AbortSignal.any([signal, end.signal]),
      onOutput: bytes => log.add(bytes),
    },
  );
  const over = life.catch(() => {});
  const ended = () => workshop.call('ended', name, { signal });
  await Promise.race([ended(), life]);
  return {
    get log() {
      return log.text;
    },
    config,
    ended,
    run: (command, patience) => workshop.call('beside', { container: name, command, patience }, { signal }),
    ask: question => workshop.call('ask', { container: name, question }, { signal }),
    look: (path, withText) => {
      const place = { kind: 'container', container: name } as const;
      return workshop.call('look', { place, path, withText }, { signal });
    },
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await over;
    },
  };
}

/** Bytes of a log that are kept at least: the last ones. */
const LOG_LIMIT = 32 << 20;

class Log {
  #chunks: Uint8Array[] = [];
  #size = 0;

  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    if (this.#size > 2 * LOG_LIMIT) this.#shorten();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  #shorten(): void {
    const kept = Buffer.concat(this.#chunks).subarray(-LOG_LIMIT);
    this.#chunks = [kept];
    this.#size = kept.length;
  }
}
