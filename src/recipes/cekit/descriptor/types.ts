/**
 * Descriptors as they are written: checked against the schemas, values printed as Python would, defaults not yet
 * filled in. What is not there is undefined (lists are empty); where writing `null` means something else than writing
 * nothing, the type says so.
 */
import type { SourceSpan } from '../../../support/errors.ts';
import type { SourceText } from '../../../support/source-text.ts';
import type { WantedOutputs } from '../../outputs.ts';
import type { Located, PackageManager } from '../model.ts';

/** A text to read a descriptor from. */
export interface DescriptorSource {
  readonly source: SourceText;
  /** Absolute: what relative paths in it refer to. */
  readonly directory: string;
}

/** A path of the host, and the absolute directory that it is relative to. */
export interface LocatedPath extends Located {
  readonly directory: string;
}

export interface LocatedNumber {
  readonly value: number;
  readonly at: SourceSpan;
}

export interface LocatedFlag {
  readonly value: boolean;
  readonly at: SourceSpan;
}

/** Free-form values, as JSON has them; dates as Python prints them. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** What images, modules and overrides may all say. */
export interface RawSections {
  readonly name?: Located;
  readonly version?: Located;
  readonly schemaVersion?: LocatedNumber;
  readonly release?: Located;
  readonly from?: Located;
  readonly followTag?: Located;
  readonly description?: Located;
  readonly labels: readonly RawLabel[];
  readonly envs: readonly RawEnv[];
  readonly args: readonly RawArg[];
  readonly ports: readonly RawPort[];
  readonly volumes: readonly RawVolume[];
  readonly artifacts: readonly RawArtifact[];
  readonly run: RawRun;
  readonly modules: RawModules;
  readonly packages: RawPackages;
  readonly osbs: RawOsbs;
  readonly help: RawHelp;
  /** `null` in overrides: the image alone. */
  readonly outputs?: RawOutputs | null;
  /** Of the whole map. */
  readonly at: SourceSpan;
}

/** An image descriptor, or one of its list. */
export interface RawImage extends RawSections {
  readonly name: Located;
  readonly version: Located;
}

export interface RawModule extends RawSections {
  readonly name: Located;
  readonly version: Located;
  readonly execute: readonly RawExecute[];
  /** The directory that holds module.yaml; absolute. */
  readonly directory: string;
}

export interface RawOverrides extends RawSections {
  /** The name, in the descriptor, of the one image of the list that is meant; all are when absent. */
  readonly stage?: Located;
  readonly remove: RawRemoval;
}

/** What overrides take away before they add: names, and what else identifies the items of lists. */
export interface RawRemoval {
  readonly labels: readonly Located[];
  readonly envs: readonly Located[];
  readonly args: readonly Located[];
  readonly ports: readonly LocatedNumber[];
  readonly volumes: readonly Located[];
  readonly artifacts: readonly Located[];
  /** Out of `modules.install`. */
  readonly modules: readonly Located[];
  /** Out of `packages.install`, `remove` and `reinstall`. */
  readonly packages: readonly Located[];
  /** Of package repositories. */
  readonly repositories: readonly Located[];
}

export interface RawLabel {
  readonly name: Located;
  readonly value: Located;
  readonly description?: Located;
  readonly at: SourceSpan;
}

export interface RawEnv {
  readonly name: Located;
  /** As Python prints it; `null` in overrides takes the value away. */
  readonly value?: Located | null;
  readonly example?: Located;
  readonly description?: Located;
  /** Keys that nothing is known of. */
  readonly others: Readonly<Record<string, Plain>>;
  readonly at: SourceSpan;
}

export interface RawArg {
  readonly name: Located;
  /** `null` in overrides takes the value away. */
  readonly value?: Located | null;
  readonly example?: Located;
  readonly description?: Located;
  readonly at: SourceSpan;
}

export interface RawPort {
  readonly value: LocatedNumber;
  readonly protocol?: Located;
  readonly service?: Located;
  readonly expose?: LocatedFlag;
  readonly description?: Located;
  readonly at: SourceSpan;
}

export interface RawVolume {
  readonly path: Located;
  readonly name?: Located;
  readonly at: SourceSpan;
}

export interface RawExecute {
  readonly script: Located;
  readonly user?: Located;
  readonly name?: Located;
  readonly at: SourceSpan;
}

/** `null` says that there is none, whatever modules (and, of overrides, the image) say. */
export interface RawRun {
  readonly user?: Located | null;
  readonly workdir?: Located | null;
  readonly cmd?: RawWords | null;
  readonly entrypoint?: RawWords | null;
}

/** A command, which may be empty. */
export interface RawWords {
  readonly words: readonly Located[];
  readonly at: SourceSpan;
}

export type RawArtifact =
  | RawPathArtifact
  | RawUrlArtifact
  | RawPlainArtifact
  | RawImageArtifact
  | RawPncArtifact
  | RawGitArtifact;

interface RawArtifactBase {
  /** As given, else what the kind makes of path or address. */
  readonly name: Located;
  readonly target?: Located;
  /** As written. */
  readonly dest?: Located;
  readonly description?: Located;
  /** Extensions: permission bits of files, and owner. */
  readonly mode?: LocatedNumber;
  readonly uid?: LocatedNumber;
  readonly gid?: LocatedNumber;
  /** The directory of the descriptor that introduced it; absolute. */
  readonly directory: string;
  readonly at: SourceSpan;
}

/** As written, in letters of any case. */
export interface RawChecksums {
  readonly md5?: Located;
  readonly sha1?: Located;
  readonly sha256?: Located;
  readonly sha512?: Located;
}

/** Where OSBS finds what an artifact was made of. */
export interface RawOrigin {
  readonly url?: Located;
  readonly checksums: Omit<RawChecksums, 'sha512'>;
}

export interface RawPathArtifact extends RawArtifactBase {
  readonly kind: 'path';
  readonly path: LocatedPath;
  readonly checksums: RawChecksums;
}

export interface RawUrlArtifact extends RawArtifactBase {
  readonly kind: 'url';
  /** Without spaces around it. `http`, `https`, `file` or a plain path; others are not yet refused. */
  readonly url: LocatedPath;
  readonly checksums: RawChecksums;
  readonly origin: RawOrigin;
}

export interface RawPlainArtifact extends RawArtifactBase {
  readonly kind: 'plain';
  /** At least one. */
  readonly checksums: RawChecksums;
  readonly origin: RawOrigin;
}

export interface RawImageArtifact extends RawArtifactBase {
  readonly kind: 'image';
  readonly image: Located;
  readonly path: Located;
}

export interface RawPncArtifact extends RawArtifactBase {
  readonly kind: 'pnc';
  readonly buildId: Located;
  readonly artifactId: Located;
  readonly url?: Located;
}

export interface RawGitArtifact extends RawArtifactBase {
  readonly kind: 'git';
  readonly url: Located;
  readonly ref: Located;
}

export interface RawModules {
  readonly repositories: readonly RawModuleRepository[];
  readonly install: readonly RawInstall[];
}

export type RawModuleRepository = RawPathArtifact | RawGitArtifact;

export interface RawInstall {
  readonly name: Located;
  readonly version?: Located;
  readonly at: SourceSpan;
}

export interface RawPackages {
  readonly manager?: { readonly value: PackageManager; readonly at: SourceSpan };
  /** Empty: none. `null` in overrides: the manager's usual ones again. */
  readonly managerFlags?: Located | null;
  readonly install: readonly Located[];
  readonly remove: readonly Located[];
  readonly reinstall: readonly Located[];
  readonly repositories: readonly RawRepository[];
  /** `null` in overrides takes them away. */
  readonly contentSets?: RawContentSets | null;
}

export type RawContentSets =
  | {
      readonly kind: 'sets';
      readonly sets: Readonly<Record<string, readonly string[]>>;
      readonly at: SourceSpan;
    }
  | { readonly kind: 'file'; readonly file: LocatedPath; readonly at: SourceSpan };

export type RawRepository = {
  readonly name: Located;
  readonly description?: Located;
  readonly at: SourceSpan;
} & (
  | { readonly kind: 'plain' }
  | { readonly kind: 'id'; readonly id: Located }
  | { readonly kind: 'rpm'; readonly rpm: Located }
  | { readonly kind: 'url'; readonly url: Located }
);

export interface RawOsbs {
  readonly repository?: { readonly name?: Located; readonly branch?: Located };
  readonly configuration?: RawConfiguration;
  readonly kojiTarget?: Located;
  readonly extraDir?: LocatedPath;
  readonly extraDirTarget?: Located;
  /** Where the section is. */
  readonly at?: SourceSpan;
}

export interface RawConfiguration {
  readonly container?: { readonly value: Plain; readonly at: SourceSpan };
  readonly containerFile?: LocatedPath;
  readonly gatingFile?: LocatedPath;
  readonly at: SourceSpan;
}

export interface RawOutputs {
  readonly wanted: WantedOutputs;
  /** As written. */
  readonly plain: Plain;
}

export interface RawHelp {
  readonly add?: LocatedFlag;
  readonly template?: LocatedPath;
}
