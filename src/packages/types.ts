/** What is to be done with packages, and what does it. */

export type PackageManager = 'apt' | 'zypper' | 'dnf4' | 'dnf5' | 'microdnf' | 'apk' | 'pacman';

/** What is wanted of a manager. */
export interface PackageSelection {
  readonly manager: PackageManager;
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
}

export interface PackageCollection {
  readonly kind: 'collection' | 'product' | 'module';
  readonly name: string;
}

/** What is known of a repository wherever its files are. */
export interface RepositoryTerms {
  /** Unique in its step; names its file. */
  readonly alias: string;
  /** `https://…`, `http://…`, `ftp://…`, or an absolute directory. */
  readonly url: string;
  readonly urlKind: 'baseurl' | 'metalink' | 'mirrorlist';
  readonly priority?: number;
  /** Of apt: `bookworm`; a flat repository when absent. */
  readonly distribution?: string;
  readonly components: readonly string[];
  readonly architectures: readonly string[];
  readonly checkRepository?: boolean;
  readonly checkPackages?: boolean;
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Absolute path of a script that may change the written repository file, whose path is its argument. */
  readonly customize?: string;
}

/** Where the files of `PackageWork` are seen, read-only. */
export const CONFIGURATION = '/run/ashlar/configuration';

/** A writable directory of the run that is in no layer: caches, lists, logs, a home. */
export const WORK = '/run/ashlar/work';

/** Where programs of the host find the tree. */
export const TREE_AMONG_HOST = '/target';

/** All paths are those that the manager sees. */
export interface PackageRequest extends PackageSelection {
  readonly repositories: readonly RepositoryAccess[];
  /** Files of keys for all repositories. */
  readonly keys: readonly string[];
  /** Whose manager works, and on what: the tree's own, or the host's on a tree with packages or without. */
  readonly tool: 'tree' | 'host' | 'host-on-nothing';
  /** Seconds since 1970. */
  readonly sourceDateEpoch?: number;
}

export interface RepositoryAccess extends RepositoryTerms {
  readonly keys: readonly string[];
}

export interface PackageWork {
  /** To be written below `CONFIGURATION`: text by relative path. They may hold credentials. */
  readonly files: Readonly<Record<string, string>>;
  /** A POSIX shell script; says `NONE_INSTALLED` and fails when there is nothing to remove. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Files below `CONFIGURATION` that stand for files of the tree while it runs. */
  readonly covers: readonly { readonly file: string; readonly target: string }[];
  /** What the manager cannot do of what was asked. */
  readonly warnings: readonly string[];
}

/** What one manager contributes. */
export interface ManagerWork {
  readonly files: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly covers?: PackageWork['covers'];
  readonly warnings?: readonly string[];
  /** Lines of the script; `$W` is `WORK`, `$C` is `CONFIGURATION`, `$T` is the tree, empty for the root itself. */
  readonly lines: readonly string[];
}

/** Where packages that were fetched stay until the run ends, and are found by it when they are there before. */
export const ARCHIVES = 'archives';

/** The directory in `WORK` of the repositories' files, which their scripts may have changed. */
export const REPOSITORIES = 'repositories';
