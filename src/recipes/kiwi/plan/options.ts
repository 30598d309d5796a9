/** What is decided outside of a description about what becomes of it. */
import type { Platform } from '../../../oci/index.ts';
import type { Base, StackBase } from '../../../plan/types.ts';
import type { SourceSpan } from '../../../support/errors.ts';

/** A tree to build on. */
export type Part = Exclude<Base, StackBase>;

export interface KiwiPlanOptions {
  /** The lowest first; none: from nothing. */
  readonly stack: readonly Part[];
  readonly platform: Platform;
  /** For all scripts. */
  readonly environment: Readonly<Record<string, string>>;
  readonly packages: PackageChoice;
  /** Whether the tree of the finished system is a result, too. */
  readonly keepsTree: boolean;
  readonly warn: (message: string, at?: SourceSpan) => void;
}

/** What the command line says of packages. */
export interface PackageChoice {
  readonly install: readonly string[];
  readonly bootstrap: readonly string[];
  readonly delete: readonly string[];
  /** Absolute paths of files of keys. */
  readonly signingKeys: readonly string[];
  /** Absolute paths of certificates. */
  readonly certificates: readonly string[];
  /** Instead of what the description says. */
  readonly certificateTarget: string | undefined;
}

export const noPackageChoice: PackageChoice = {
  install: [],
  bootstrap: [],
  delete: [],
  signingKeys: [],
  certificates: [],
  certificateTarget: undefined,
};
