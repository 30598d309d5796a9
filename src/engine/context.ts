import type { ErofsCompression, SquashfsCompression } from '../layers/index.ts';
import type { TarCompression } from '../oci/index.ts';
import type { Authorship } from './config.ts';
import type { EventSink, MessageLevel } from './events.ts';
import type { Project, ProjectDirectories } from './project/project.ts';
import type { Terminal } from './shell/terminal.ts';
import type { Store } from './store/store.ts';
import type { BuiltImage, LayerType, MadeOutput } from './values.ts';
import type { Workshop } from './workshop.ts';

/** In which forms images are handed out. */
export interface FormOptions {
  /** In the order of their tags; at least one, each once. */
  readonly types: readonly LayerType[];
  /** Whether file systems get a hash area. */
  readonly verity: boolean;
  /** The usual one when absent. */
  readonly squashfs?: SquashfsCompression | undefined;
  readonly erofs?: ErofsCompression | undefined;
}

/** How files come from elsewhere. */
export interface FetchOptions {
  /** CEKit's artifact cache, `<work dir>/cache`: asked for files of known checksums, never written. */
  readonly cekitCache?: string | undefined;
  /** `user:password` by host; what auth files say where there is none. */
  readonly credentials?: Readonly<Record<string, string>>;
  /** Whether any certificate of a server will do. */
  readonly insecure?: boolean;
}

/** What the user chooses about a build, besides the Plan. */
export interface BuildOptions {
  /** Directory of the shared store. */
  readonly store: string;
  /** Directory of the OCI layout that the results go to. */
  readonly output: string;
  /** Directory that files which are made of trees go to, all together at the end; a plan with outputs is refused without it. */
  readonly results?: string | undefined;
  /** Writes files about those that were made, each where `pathFor` says for its name: they appear with them. */
  readonly records?: (made: readonly MadeOutput[], pathFor: (file: string) => string) => void;
  /** Where people and scripts find what belongs to this project. */
  readonly project: ProjectDirectories;
  /** How many images are worked on at the same time. */
  readonly jobs: number;
  /** Ignore what earlier builds left behind (and replace it). */
  readonly noCache: boolean;
  /** Seconds since 1970: every time in the result is this one or earlier. */
  readonly sourceDateEpoch?: number | undefined;
  /** Without it: what steps write has a time that follows from what is below them, instead of the one of the clock. */
  readonly steadyTimes?: boolean;
  /** Of tar layers. */
  readonly compression: TarCompression;
  readonly forms: FormOptions;
  readonly fetch?: FetchOptions;
  readonly network: 'host' | 'none';
  readonly runtime?: string | undefined;
  /** The host's variables, which run steps may let through. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly authorship: Authorship;
  /** Words of a command that runs, with the user's input and output, where a script has failed. */
  readonly onRunFailure?: readonly string[] | undefined;
  /** Say of each step that is not known what has changed since the last build. */
  readonly explain?: boolean;
  /** Leave nothing out of long messages. */
  readonly debug?: boolean;
}

/** What it takes to find out what there is, without building anything. */
export interface LookContext {
  readonly options: BuildOptions;
  readonly store: Store;
  readonly workshop: Workshop;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** The layers of a finished image by its name. */
  readonly built: (image: string) => Pick<BuiltImage, 'layers'>;
  /** What is being done or has been done in this build, by what identifies it. */
  readonly shared: Map<string, Promise<unknown>>;
}

/** What everything that happens in one build shares. */
export interface BuildContext extends LookContext {
  readonly project: Project;
  readonly terminal: Terminal;
  /** A finished image of this build by its name. */
  readonly built: (image: string) => BuiltImage;
}

/** Does something once in a build, however many images need it at the same time. The key tells what it is. */
export function once<T>({ shared }: LookContext, key: string, work: () => Promise<T>): Promise<T> {
  const known = shared.get(key);
  // Each kind of key is used with one kind of work.
  if (known) return known as Promise<T>;
  const started = work();
  shared.set(key, started);
  return started;
}

export function say(
  context: Pick<LookContext, 'emit'>,
  image: string | undefined,
  level: MessageLevel,
  text: string,
): void {
  context.emit({ kind: 'message', image, level, text });
}
