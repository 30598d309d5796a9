/** Changes of a root tree that need no program of it, as plain data. Paths are absolute in the tree. */
import type { SourceSpan } from '../support/errors.ts';

export type SetupChange =
  /** A file of known content, root's; directories on the way are made. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly text: string;
      readonly mode: number;
      /** Nothing happens where something is at the path. */
      readonly ifMissing?: true;
    }
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly mode: number;
      readonly ifMissing?: true;
    }
  | {
      readonly kind: 'link';
      readonly path: string;
      readonly target: string;
      readonly ifMissing?: true;
    }
  /** Files and directories; `*` and `?` in the last component match names, also those that begin with a dot. */
  | { readonly kind: 'remove'; readonly path: string }
  /** `name`, `name:group`, `:group`, or numbers; the accounts are the tree's. */
  | { readonly kind: 'owner'; readonly path: string; readonly owner?: string; readonly mode?: number }
  | { readonly kind: 'groups'; readonly groups: readonly GroupSetup[] }
  | { readonly kind: 'users'; readonly users: readonly UserSetup[] }
  /** `C`, `POSIX` or `de_DE`: what is first, as UTF-8. */
  | { readonly kind: 'locale'; readonly locales: readonly string[]; readonly at: SourceSpan }
  | { readonly kind: 'keytable'; readonly keytable: string; readonly at: SourceSpan }
  | { readonly kind: 'timezone'; readonly timezone: string; readonly at: SourceSpan }
  | { readonly kind: 'hostname'; readonly hostname: string }
  /** Empty, unless it says `uninitialized`. */
  | { readonly kind: 'machine-id' };

/** A group that is there keeps its id. */
export interface GroupSetup {
  readonly name: string;
  readonly gid?: number;
  readonly at: SourceSpan;
}

/** A user that is there is changed, one that is not is made, with a home. */
export interface UserSetup {
  readonly name: string;
  /** As in shadow; the one that is there, or none, when absent. */
  readonly password?: string;
  readonly home?: string;
  readonly shell?: string;
  readonly uid?: number;
  readonly realName?: string;
  /** `name` or `name:gid`; the first is the primary one; the system's default when empty. Missing ones are made. */
  readonly groups: readonly string[];
  readonly at: SourceSpan;
}

export interface SetupOptions {
  /** Seconds since 1970: the time of what is made. */
  readonly time: number;
  /** The day (since 1970) on which passwords were set; they have none when absent. */
  readonly passwordDay?: number;
  /** Whether files can belong to others than who runs this. */
  readonly keepOwners: boolean;
  readonly warn: (text: string) => void;
}
