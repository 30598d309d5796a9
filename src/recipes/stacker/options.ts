import type { Platform } from '../../oci/index.ts';
import type { SourceSpan } from '../../support/errors.ts';

/** What a warning is about. `unresolved` and `placeholder` explain an error that follows. */
export type WarningKind =
  | 'unknown-key'
  | 'repeated-key'
  | 'deprecated'
  | 'shadowed-import'
  | 'decimal-mode'
  | 'unresolved'
  | 'placeholder';

export interface StackerOptions {
  /** The stacker files as the user typed them. */
  readonly files: readonly string[];
  /** `KEY=VALUE`, in order. */
  readonly substitutions: readonly string[];
  /** YAML files with more substitutions, in order. */
  readonly substituteFiles: readonly string[];
  /** Absolute. */
  readonly stackerDir: string;
  /** Absolute. */
  readonly rootsDir: string;
  /** Absolute. */
  readonly ociDir: string;
  /** As given; may be empty. */
  readonly workDir: string;
  /** What the typed files and `from.url` are relative to. Absolute. */
  readonly cwd: string;
  /** The prefix of the annotations that every image gets, usually `io.stackeroci`. */
  readonly annotationsNamespace: string;
  /** Of ashlar. */
  readonly version: string;
  /** Whether everything that is downloaded by URL must come with a hash. */
  readonly requireHash: boolean;
  /** Whether a placeholder with single braces for a key that has a value is an error. */
  readonly strictSubstitution: boolean;
  /** Whether times must agree, too, where `apply` finds a thing that is there already. */
  readonly considerTimestamps: boolean;
  readonly hostPlatform: Platform;
  /** Whether the text of a file is stored in the annotations of its images. */
  readonly storeText: boolean;
  /** What takes the place of a placeholder without a value and a default; without it such a placeholder is an error. */
  readonly missingValue?: string;
  readonly warn: (message: string, at: SourceSpan | undefined, kind: WarningKind) => void;
  readonly debug: (message: string) => void;
}
