/** What steps of tests ask for, whatever their words. */

export type Action =
  | { readonly kind: 'nothing' }
  | StartAction
  | { readonly kind: 'log'; readonly find: Find; readonly times?: number; readonly once: boolean }
  /** `find`: in what the command writes; it must end well in any case. */
  | { readonly kind: 'run'; readonly command: string; readonly find?: Find; readonly once: boolean }
  | { readonly kind: 'detach'; readonly command: string }
  | { readonly kind: 'file'; readonly path: string; readonly type?: string; readonly absent: boolean }
  | { readonly kind: 'content'; readonly path: string; readonly find: Find }
  | { readonly kind: 'count'; readonly path: string; readonly count: number }
  | { readonly kind: 'writeable'; readonly path: string }
  | { readonly kind: 'port'; readonly port: number }
  | PageAction
  | ValueAction
  /** Entries of the history, as docker counts layers. */
  | { readonly kind: 'layers'; readonly count: number }
  | {
      readonly kind: 'inspect';
      readonly expected: readonly { readonly path: string; readonly value: string }[];
    }
  | { readonly kind: 'define'; readonly variables: Readonly<Record<string, string>> };

export interface StartAction {
  readonly kind: 'start';
  readonly environment: Readonly<Record<string, string>>;
  /** Texts that become words as a shell would split them. */
  readonly command?: string;
  readonly entrypoint?: string;
  readonly user?: string;
  readonly directory?: string;
  /** Whether its input stays open, as at a terminal. */
  readonly waits: boolean;
  /** Arguments for docker that mean nothing here. */
  readonly ignored: readonly string[];
}

export interface PageAction {
  readonly kind: 'page';
  readonly absent: boolean;
  readonly port: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
  readonly phrase?: string;
  /** Seconds in all; the usual ones when absent. */
  readonly wait?: number;
  /** Seconds for each try. */
  readonly timeout: number;
}

/** A label, or a variable of the environment. */
export interface ValueAction {
  readonly kind: 'label' | 'env';
  readonly name: string;
  /** Whether it is all of the value or a part; any value will do when absent. */
  readonly value?: { readonly text: string; readonly whole: boolean };
  readonly absent: boolean;
}

/** A text that is to be found somewhere, or is not. */
export interface Find {
  readonly text: string;
  readonly regex: boolean;
  readonly absent: boolean;
}
