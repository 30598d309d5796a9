/** Steps that make a system of a tree: packages, users, locale, files that are known. */
import type { PackageCollection, PackageSelection, RepositoryTerms } from '../packages/index.ts';
import type { SetupChange } from '../setup/index.ts';
import type { SourceSpan } from '../support/errors.ts';
import type { Source } from './sources.ts';

export type { PackageManager } from '../packages/index.ts';
export type { GroupSetup, SetupChange, UserSetup } from '../setup/index.ts';

/**
 * Installs and removes packages: with the tree's own manager, in the tree; with the host's where the tree has none.
 * Makes one layer, or none when nothing changed. Repositories, keys, caches and logs of it are not in the layer.
 */
export interface PackagesStep extends PackageSelection {
  readonly kind: 'packages';
  readonly repositories: readonly Repository[];
  /** What the tree is empty before: the host's manager makes the first system of it. */
  readonly bootstrap: boolean;
  readonly collections: readonly PlannedCollection[];
  /** Files that hold keys for packages and repositories. */
  readonly keys: readonly Source[];
  readonly createdBy: string;
  /** How a failure is worded: the text before `: exit status <N>`. */
  readonly failure: string;
  readonly at: SourceSpan;
}

export interface PlannedCollection extends PackageCollection {
  readonly at: SourceSpan;
}

/** Its directory and its script are the host's. */
export interface Repository extends RepositoryTerms {
  readonly type: 'rpm-md' | 'apt-deb' | 'apt-rpm' | 'deb-dir' | 'apk' | 'mirrors' | undefined;
  readonly keys: readonly Source[];
  readonly at: SourceSpan;
}

/** Changes of a tree that need no program of it. Makes one layer, or none when nothing changed. */
export interface SetupStep {
  readonly kind: 'setup';
  readonly changes: readonly SetupChange[];
  readonly createdBy: string;
  readonly at: SourceSpan;
}
