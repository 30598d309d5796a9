/**
 * What a CEKit descriptor means once overrides, modules and defaults are in: everything that makes a Plan, a
 * Dockerfile, a help page or a stacker file of it works from here. Texts of values are as the descriptor says them
 * (printed as Python would, see the reference's section 1); what Dockerfiles make of them is not yet applied.
 */
import type { Checksums } from '../../plan/types.ts';
import type { SourceSpan } from '../../support/errors.ts';
import type { WantedOutputs } from '../outputs.ts';

/** A text and where it was read. */
export interface Located {
  readonly text: string;
  readonly at: SourceSpan;
}

export interface Description {
  /** In the order of the list. Their names are what `from` and image artifacts of later stages call them. */
  readonly builders: readonly Stage[];
  readonly target: Stage;
  /** Absolute directories, which may have tests in them; only tests ask for them. */
  readonly moduleRepositories?: readonly string[];
}

/** One image of the list. */
export interface Stage {
  readonly name: Located;
  readonly version: Located;
  /** `scratch`, the name of an earlier stage, or a reference. */
  readonly from: Located;
  readonly description?: Located;
  readonly manager: PackageManager;
  /** Undefined where the manager's usual ones are wanted, empty where none are. */
  readonly managerFlags?: Located;
  /** Of the image and its modules, defined and usable; the first of a name. */
  readonly repositories: readonly Repository[];
  /** Where content sets are asked for: what was said of them. */
  readonly contentSets?: ContentSets;
  /** Of the image itself; they come before the modules. */
  readonly args: readonly Arg[];
  /** In the order of installation. */
  readonly modules: readonly Section[];
  /** What the image itself adds after its modules. Its `args` are those above, its `execute` is empty. */
  readonly image: Section;
  /** Of image and modules, merged; without a user nothing was said of one. */
  readonly run: Run;
  readonly osbs: Osbs;
  readonly help: Help;
  /** What else is made of the target; the image alone when absent. */
  readonly outputs?: WantedOutputs;
  /** All that the list item says after overrides, for `image.yaml` in the target directory: plain JSON. */
  readonly effective: Readonly<Record<string, unknown>>;
  readonly at: SourceSpan;
}

export type PackageManager = 'yum' | 'dnf' | 'microdnf' | 'apk' | 'apt-get';

/** What a module, or the image itself, adds. */
export interface Section {
  readonly name: string;
  readonly version: string;
  /** Absolute: the module's own directory where it really is; undefined for an image. */
  readonly directory?: string;
  readonly artifacts: readonly Artifact[];
  readonly install: readonly Located[];
  readonly remove: readonly Located[];
  readonly reinstall: readonly Located[];
  readonly args: readonly Arg[];
  readonly envs: readonly Env[];
  readonly labels: readonly Label[];
  readonly ports: readonly Port[];
  readonly execute: readonly Execute[];
  readonly volumes: readonly Volume[];
  readonly at: SourceSpan;
}

export interface Arg {
  readonly name: Located;
  readonly value?: Located;
  readonly example?: string;
  readonly description?: string;
}

export interface Env {
  readonly name: Located;
  /** Absent: documentation only. */
  readonly value?: Located;
  readonly example?: string;
  readonly description?: string;
}

export interface Label {
  readonly name: Located;
  readonly value: Located;
  readonly description?: string;
}

export interface Port {
  readonly value: number;
  /** In lower case. */
  readonly protocol?: string;
  readonly service?: string;
  readonly expose: boolean;
  readonly description?: string;
  readonly at: SourceSpan;
}

export interface Volume {
  readonly path: Located;
  readonly name: string;
}

export interface Execute {
  readonly script: Located;
  readonly user: Located;
}

export interface Run {
  readonly user?: Located;
  readonly workdir?: Located;
  readonly cmd?: readonly Located[];
  readonly entrypoint?: readonly Located[];
}

interface ArtifactBase {
  readonly name: string;
  /** File name in the image; may have directories in front of it. */
  readonly target: string;
  /** Normalised, with one slash at the end; relative ones are relative to the image's working directory. */
  readonly dest: string;
  readonly description?: string;
  /** Extensions: permission bits of files, and owner. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly at: SourceSpan;
}

/** A file or directory of the host. */
export interface PathArtifact extends ArtifactBase {
  readonly kind: 'path';
  /** Absolute; whether something is there is not looked at. */
  readonly path: string;
  readonly checksums: Checksums;
}

export interface UrlArtifact extends ArtifactBase {
  readonly kind: 'url';
  /** http or https; `file://` and plain paths have become path artifacts. */
  readonly url: string;
  readonly checksums: Checksums;
  /** Where its sources are, and what they hash to. Only OSBS asks for them, and needs a checksum. */
  readonly origin?: { readonly url: Located; readonly checksums: Checksums };
}

/** Known only by its checksums; at least one. */
export interface PlainArtifact extends ArtifactBase {
  readonly kind: 'plain';
  readonly checksums: Checksums;
}

/** Out of a stage, or of the image of a reference. */
export interface ImageArtifact extends ArtifactBase {
  readonly kind: 'image';
  readonly image: Located;
  readonly path: Located;
}

/** Out of a build system that nobody but OSBS can reach. */
export interface PncArtifact extends ArtifactBase {
  readonly kind: 'pnc';
  readonly buildId: string;
  readonly artifactId: string;
  readonly url?: string;
}

export interface GitArtifact extends ArtifactBase {
  readonly kind: 'git';
  readonly url: string;
  readonly ref: string;
}

export type Artifact = PathArtifact | UrlArtifact | PlainArtifact | ImageArtifact | PncArtifact | GitArtifact;

export type Repository =
  /** Must be known in the base image. */
  | { readonly kind: 'id' | 'plain'; readonly name: string; readonly at: SourceSpan }
  | { readonly kind: 'rpm'; readonly name: string; readonly rpm: string; readonly at: SourceSpan }
  | {
      readonly kind: 'url';
      readonly name: string;
      /** `<name, spaces to _>.repo` */
      readonly fileName: string;
      readonly url: string;
      readonly at: SourceSpan;
    };

export interface ContentSets {
  /** By architecture as uname says it. */
  readonly sets: Readonly<Record<string, readonly string[]>>;
  readonly at: SourceSpan;
}

export interface Osbs {
  readonly repository?: { readonly name?: string; readonly branch?: string };
  /** What becomes container.yaml: plain JSON. */
  readonly container?: unknown;
  /** What becomes gating.yaml. */
  readonly gating?: string;
  readonly kojiTarget?: string;
  /** Absolute. */
  readonly extraDir: string;
  readonly extraDirTarget?: Located;
  /** Whether `container.remote_source` is there. */
  readonly remoteSource: boolean;
  readonly at?: SourceSpan;
}

export interface Help {
  readonly add: boolean;
  /** Absolute path of a template. */
  readonly template?: Located;
}
