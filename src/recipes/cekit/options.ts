import type { Platform } from '../../oci/index.ts';
import type { SourceSpan } from '../../support/errors.ts';
import type { Lock } from './lock.ts';

/** All that decides what a descriptor becomes. */
export interface CekitOptions {
  /** Path of the descriptor, relative to `cwd`; `-` is what `readStdin` gives. */
  readonly descriptor: string;
  readonly cwd: string;
  /** In the order of the command line. */
  readonly overrides: readonly Override[];
  /** `NAME=value`, or `NAME` for what `environment` says. */
  readonly buildArguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the result; the names of the descriptor when there are none. */
  readonly tags: readonly string[];
  /** `one`: base and one layer; `modules`: one for each module; `statements`: one for each statement. */
  readonly layers: 'one' | 'modules' | 'statements';
  /** At least one. Several make one image for each of them under the same tags. */
  readonly platforms: readonly Platform[];
  readonly redhat: boolean;
  /** Whether values are taken as they are written, without what Dockerfiles make of quotes and `$`. */
  readonly literalValues: boolean;
  /** With `#filename#`, `#algorithm#` and `#hash#` in it. */
  readonly cacheUrl?: string;
  readonly lock?: Lock;
  readonly version: string;
  readonly readStdin: () => Promise<string>;
  /** Text of an http address, with errors of its own. */
  readonly fetchText: (url: string) => Promise<string>;
  /** A checked out copy of a repository, to read only. */
  readonly checkout: (url: string, ref: string) => Promise<Checkout>;
  /** What the config of an image says; undefined where it cannot be had. */
  readonly readLabels: (reference: string, at: SourceSpan) => Promise<Readonly<Record<string, string>>>;
  readonly warn: (message: string, at?: SourceSpan) => void;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}

/** Inline text or a path (or address), or only a path (or address). */
export interface Override {
  readonly kind: 'text-or-path' | 'path';
  readonly value: string;
}

export interface Checkout {
  /** Absolute. */
  readonly directory: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
}
