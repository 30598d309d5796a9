/**
 * The Plan: what is to be built, as plain, readonly, JSON-serialisable data. It is the only door between the front
 * ends, which make plans, and the engine, which builds them. Every node carries the place it was read from.
 */
import type { Platform } from '../oci/index.ts';
import type { ConflictRules } from '../stacking/index.ts';
import type { SourceSpan } from '../support/errors.ts';
import type { Output } from './outputs.ts';
import type { Source } from './sources.ts';
import type { PackagesStep, SetupStep } from './system-steps.ts';

export type {
  Checksums,
  FileSource,
  HttpSource,
  ImageSource,
  KeptSource,
  Source,
} from './sources.ts';
export type { PackagesStep, SetupChange, SetupStep } from './system-steps.ts';

export interface Plan {
  /** In the order of the files: the order in which results appear in index.json. Names are unique. */
  readonly images: readonly ImagePlan[];
}

/** Text in which variables of the image may stand; a step sees what is set before it, base included. */
export type Text = string | readonly (string | Variable)[];

/** A variable as Dockerfiles know it: what the image's environment, else its build arguments say; else nothing. */
export interface Variable {
  readonly variable: string;
  /** What stands there where the variable is unset or empty (`${X:-word}`), or only where it is unset. */
  readonly otherwise?: { readonly text: Text; readonly alsoEmpty: boolean };
  /** What stands there where it is set and not empty (`${X:+word}`), or set at all; nothing where it is not. */
  readonly instead?: { readonly text: Text; readonly alsoEmpty: boolean };
}

export interface ImagePlan {
  readonly name: string;
  readonly base: Base;
  /** Files that every step that runs something sees read-only; they never become part of the image. */
  readonly imports: readonly Import[];
  readonly steps: readonly Step[];
  /** How layers of steps become layers of the image; one for each step that changes something when absent. */
  readonly squash?: Squash;
  /** What a shell that somebody opens in the image finds around it. */
  readonly shell: Surroundings;
  /** Makes labels out of the finished tree. */
  readonly labels?: LabelScript;
  readonly config: ConfigChange;
  /** Merged over the annotations of the base's manifest. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform: Platform;
  /** Whether the result is written to the output; otherwise it only serves as base or source of other images. */
  readonly emit: boolean;
  /** What the result is called in the output; its name when absent. Images of equal tags differ in platform. */
  readonly tags?: readonly string[];
  /** In which forms of its layers it is emitted, each once; the `usual` ones when absent. */
  readonly forms?: readonly LayerForm[];
  /** Files that are made of its tree, whether it is emitted or not. Where it has them, its manifest names its tree. */
  readonly outputs?: readonly Output[];
  /** Images that must be built before this one although nothing here names them. */
  readonly after: readonly string[];
  /** The `created_by` of the closing history entry. */
  readonly createdBy: string;
  /** Config and history do not say who has built the image, nor when: 1970, or what SOURCE_DATE_EPOCH says. */
  readonly reproducible?: true;
  readonly at: SourceSpan;
}

/** `usual`: those that the build is asked for. */
export type LayerForm = 'usual' | 'squashfs' | 'erofs';

export type Base =
  | { readonly kind: 'scratch'; readonly at: SourceSpan }
  | ImageBase
  | { readonly kind: 'tar'; readonly source: Source; readonly createdBy: string; readonly at: SourceSpan }
  | BuiltBase
  | StackBase;

export interface BuiltBase {
  readonly kind: 'built';
  readonly image: string;
  readonly at: SourceSpan;
}

/** The layers of several images, one above the other, each layer once. */
export interface StackBase {
  readonly kind: 'stack';
  /** The lowest first; no stacks among them. */
  readonly parts: readonly Exclude<Base, StackBase>[];
  /** What happens where parts disagree; the front end's default filled in. */
  readonly conflicts: ConflictRules;
  /** Whether the cache of shared libraries is made anew for the stacked tree, or left out. */
  readonly libraryCache: 'regenerate' | 'drop';
  /**
   * The parts are trees of different origin: what one of them removes is its own, links to directories are written
   * through, and people are warned when the parts are different systems.
   */
  readonly separate?: true;
  readonly createdBy: string;
  readonly at: SourceSpan;
}

export interface ImageBase {
  readonly kind: 'image';
  /** `docker://host/repository:tag`, `docker-daemon:name:tag`, or `oci:directory:tag` with an absolute directory. */
  readonly reference: string;
  /** Plain http or unverified TLS is allowed for this reference, and for no other. */
  readonly insecure: boolean;
  readonly at: SourceSpan;
}

export type Step = ApplyStep | ConfigStep | CopyStep | ExecStep | PackagesStep | RunStep | SetupStep;

/**
 * Layers of steps, put together for the image that is handed out. Images that use this one see the layers of its
 * steps as they are.
 */
export interface Squash {
  /** Steps whose changes become one layer, from the first on; together they are all steps. */
  readonly groups: readonly { readonly steps: number; readonly createdBy: string }[];
  /** Absolute paths that the image does not have in the end, whatever base and steps say. */
  readonly without: readonly string[];
}

/** Sets what later steps and the image know as environment, labels and so on. Makes no layer but for a directory. */
export interface ConfigStep {
  readonly kind: 'config';
  readonly change: ConfigChange;
  /** The working directory is made (mode 0755, the image's user its owner) where there is none, as WORKDIR does. */
  readonly makeWorkingDir?: true;
  /** Variables that later steps see and the image does not keep. The environment wins over them. */
  readonly buildArguments: readonly (readonly [name: string, value: Text])[];
  readonly createdBy: string;
  readonly at: SourceSpan;
}

/**
 * Runs a command in the tree built so far as a container of the image would: with its environment, build arguments
 * and working directory, which is made where there is none. Makes one layer, or none when nothing changed.
 */
export interface ExecStep {
  readonly kind: 'exec';
  readonly command: readonly string[];
  /** Name or number, with or without `:group`, as the tree's account files know them. */
  readonly user: Text;
  /** Regular expressions, each matching a whole name of a variable of the host that passes through. */
  readonly passThrough: readonly string[];
  readonly createdBy: string;
  /** How a failure is worded: the text before `: exit status <N>`. */
  readonly failure: string;
  readonly at: SourceSpan;
}

/** Adds the layers of another image that are not there yet; edits of one text file are merged, or it fails. */
export interface ApplyStep {
  readonly kind: 'apply';
  readonly image: ImageBase;
  /** Whether times must agree, too, where nothing can be merged. */
  readonly considerTimes: boolean;
  readonly createdBy: string;
  readonly at: SourceSpan;
}

/** Adds files whose content is known without running anything. Makes one layer; later items win over earlier ones. */
export interface CopyStep {
  readonly kind: 'copy';
  readonly items: readonly CopyItem[];
  readonly createdBy: string;
  readonly at: SourceSpan;
}

export interface CopyItem {
  readonly source: Source;
  /**
   * Path in the image, relative to its working directory where it is not absolute: a file source becomes this path,
   * the content of a directory source is merged into the directory of this path.
   */
  readonly target: Text;
  /** `content`: types, modes and bytes; `attributes`: extended attributes too; `all`: times as well. */
  readonly keep: 'content' | 'attributes' | 'all';
  /** Permission bits for regular files; the source's own when absent. */
  readonly mode?: number;
  readonly uid: number;
  readonly gid: number;
  /**
   * The source is a tar archive of any compression: its content is merged into the directory of the target, with its
   * own owners, modes and times, through links of the image. It is alone in its step.
   */
  readonly extract?: true;
  /** Directories of the source that are symbolic links to directories in the image go where the links lead. */
  readonly throughLinks?: true;
  readonly at: SourceSpan;
}

/** Runs a script in the tree built so far. Makes one layer, or none when nothing changed. */
export interface RunStep {
  readonly kind: 'run';
  /** The whole script, first line (`#!...`) included. */
  readonly script: string;
  readonly surroundings: Surroundings;
  readonly createdBy: string;
  /** How a failure is worded: the text before `: execute failed: exit status <N>`. */
  readonly failure: string;
  readonly at: SourceSpan;
}

/** Runs in a throw-away copy of the finished tree; every file that it leaves in a directory becomes a label. */
export interface LabelScript {
  /** The whole script, first line (`#!...`) included. */
  readonly script: string;
  readonly surroundings: Surroundings;
  /** Absolute; all of them show the one directory whose files become labels: name and content. */
  readonly directories: readonly string[];
  /** How a failure is worded: the text before `: execute failed: exit status <N>`. */
  readonly failure: string;
  readonly at: SourceSpan;
}

/** What a process in the tree of an image finds besides the tree. */
export interface Surroundings {
  readonly environment: RunEnvironment;
  readonly binds: readonly Bind[];
  /** Absolute directories at which the image's imports appear, read-only; the first also holds the script. */
  readonly importDirectories: readonly string[];
}

/** The environment of a process in a tree: `defaults`, overridden by what passes through, overridden by `set`. */
export interface RunEnvironment {
  readonly defaults: Readonly<Record<string, string>>;
  /** Regular expressions, each matching a whole name of a variable of the host that passes through. */
  readonly passThrough: readonly string[];
  readonly set: Readonly<Record<string, string>>;
}

/** A directory or file of the host, writable at `target` while something runs in the tree. Never part of the layer. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly at: SourceSpan;
}

/** A file or directory that run steps see under `name` in their import directories. */
export interface Import {
  readonly name: string;
  readonly source: Source;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly at: SourceSpan;
}

/** What the image's config gets on top of what it inherits. `null` clears an inherited value. */
export interface ConfigChange {
  /** In order; a name replaces the inherited variable of that name. No value sees another of the same change. */
  readonly environment: readonly (readonly [name: string, value: Text])[];
  /** Variables that are added when neither `environment` nor what is inherited has one of the name. */
  readonly defaultEnvironment?: readonly (readonly [name: string, value: string])[];
  readonly labels: Readonly<Record<string, Text>>;
  readonly volumes: readonly Text[];
  /** `8080/tcp`, `53/udp`. */
  readonly ports?: readonly string[];
  /** Relative to the one before where it is not absolute. */
  readonly workingDir?: Text;
  readonly user?: Text;
  readonly entrypoint?: readonly string[] | null;
  readonly cmd?: readonly string[] | null;
  /** `SIGQUIT`, or a number. */
  readonly stopSignal?: string;
  /** Who the image says has made it, where it says so. */
  readonly author?: string;
  /** Of what is added to the history: who is its author, and what the closing entry says besides. */
  readonly history?: { readonly author?: string; readonly comment?: string };
}
