/** Steps that make a system of a tree: packages, users, locale, files that are known. */
import type { SetupChange } from '../setup/index.ts';
import type { SourceSpan } from '../support/errors.ts';
import type { Source } from './sources.ts';

export type { GroupSetup, SetupChange, UserSetup } from '../setup/index.ts';

export type PackageManager = 'apt' | 'zypper' | 'dnf4' | 'dnf5' | 'microdnf' | 'apk' | 'pacman';

/**
 * Installs and removes packages: with the tree's own manager, in the tree; with the host's where the tree has none.
 * Makes one layer, or none when nothing changed. Repositories, keys, caches and logs of it are not in the layer.
 */
export interface PackagesStep {
  readonly kind: 'packages';
  readonly manager: PackageManager;
  readonly repositories: readonly Repository[];
  /** What the tree is empty before: the host's manager makes the first system of it. */
  readonly bootstrap: boolean;
  readonly install: readonly string[];
  /** Patterns, groups, modules: what the manager knows as collections and products. */
  readonly collections: readonly PackageCollection[];
  /** Not to be installed although others recommend or contain them. */
  readonly ignore: readonly string[];
  /** Removed with what needs only them, as the manager does it (`uninstall`), or alone by force (`delete`). */
  readonly uninstall: readonly string[];
  readonly delete: readonly string[];
  readonly recommended: boolean;
  /** Of rpm. */
  readonly excludeDocs: boolean;
  readonly locales: readonly string[];
  readonly checkSignatures: boolean;
  readonly releaseVersion?: string;
  /** Files that hold keys for packages and repositories. */
  readonly keys: readonly Source[];
  readonly createdBy: string;
  /** How a failure is worded: the text before `: exit status <N>`. */
  readonly failure: string;
  readonly at: SourceSpan;
}

export interface PackageCollection {
  readonly kind: 'collection' | 'product' | 'module';
  readonly name: string;
  readonly at: SourceSpan;
}

export interface Repository {
  /** Unique in its step; names its file. */
  readonly alias: string;
  readonly type: 'rpm-md' | 'apt-deb' | 'apt-rpm' | 'deb-dir' | 'apk' | 'mirrors' | undefined;
  /** `https://…`, `http://…`, `ftp://…`, or an absolute directory of the host. */
  readonly url: string;
  readonly urlKind: 'baseurl' | 'metalink' | 'mirrorlist';
  readonly priority?: number;
  /** Of apt: `bookworm`; a flat repository when absent. */
  readonly distribution?: string;
  readonly components: readonly string[];
  readonly architectures: readonly string[];
  readonly checkRepository?: boolean;
  readonly checkPackages?: boolean;
  readonly keys: readonly Source[];
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Absolute path of a script of the host that may change the written repository file. */
  readonly customize?: string;
  readonly at: SourceSpan;
}

/** Changes of a tree that need no program of it. Makes one layer, or none when nothing changed. */
export interface SetupStep {
  readonly kind: 'setup';
  readonly changes: readonly SetupChange[];
  readonly createdBy: string;
  readonly at: SourceSpan;
}
