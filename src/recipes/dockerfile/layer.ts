import type { Text } from './text.ts';

/** A layer of the stacker file to be written. */
export interface Layer {
  readonly name: Text;
  /** Lines of the comment above it. */
  readonly comments: readonly string[];
  readonly from: From;
  /** `os` and `arch`, where the Dockerfile names a platform. */
  readonly platform: Readonly<Record<string, string>>;
  readonly buildOnly: boolean;
  readonly overlayDirs: readonly HostDirectory[];
  readonly imports: readonly ImportEntry[];
  readonly binds: readonly HostDirectory[];
  readonly buildEnv: readonly Pair[];
  readonly run: readonly Text[];
  readonly config: LayerConfig;
}

/** A directory of the host and what it becomes in the image. */
export interface HostDirectory {
  readonly source: Text;
  readonly dest: Text;
}

export type From =
  | { readonly type: 'scratch' }
  | { readonly type: 'docker'; readonly url: Text; readonly insecure?: boolean }
  | { readonly type: 'tar'; readonly url: Text }
  | { readonly type: 'built'; readonly tag: Text };

export interface ImportEntry {
  readonly path: Text;
  readonly dest?: Text;
  readonly hash?: string;
  /** Permission bits. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type Pair = readonly [name: string, value: Text];

export interface LayerConfig {
  readonly environment?: readonly Pair[];
  readonly labels?: readonly Pair[];
  readonly annotations?: readonly Pair[];
  readonly volumes?: readonly Text[];
  readonly workingDir?: Text;
  readonly user?: Text;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

/** A mount of RUN: what a script does around the command, and what the command then finds at `target`. */
export interface Mount {
  readonly target: Text;
  readonly before: readonly Text[];
  readonly after: readonly Text[];
  readonly imports: readonly ImportEntry[];
}
