/** Brings files together by what they mean: databases of package managers, accounts and the like. */
import type { ContentsEntry } from '../layers/index.ts';
import type { Conflict } from './types.ts';

/** One state of a path. */
export interface FileVersion {
  readonly entry: ContentsEntry;
  /** Of files, else empty. */
  readonly content: Uint8Array;
}

/** A tree that can be read path by path. Paths are absolute; nothing is followed. */
export interface TreeView {
  read(path: string): Promise<FileVersion | undefined>;
  /** What is there, without its content. */
  entry(path: string): ContentsEntry | undefined;
  /** Names in a directory, sorted; none where there is no directory. */
  list(directory: string): readonly string[];
}

export interface PartView extends TreeView {
  readonly name: string;
  /** Whether the part has another thing at the path than the common base, or removed it. */
  changed(path: string): boolean;
}

export interface MergeInput {
  /**
   * Paths that the merger answers for and that two or more parts have changed, not all in the same way; sorted. Of a
   * merger that is `whole`: all its paths that any part has changed.
   */
  readonly paths: readonly string[];
  /**
   * What the parts started from; empty where they share nothing. Where some share more than others they come in turns,
   * and what has been merged before counts as one part.
   */
  readonly base: TreeView;
  /** Lowest first, so that the last one prevails where they conflict; the other way round where the first one shall. */
  readonly parts: readonly PartView[];
  /** The tree of the stacked layers: for whatever is not in `paths`. */
  readonly stacked: TreeView;
}

export type MergedFile =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly entry: ContentsEntry;
      readonly content: Uint8Array;
    }
  | { readonly kind: 'removed'; readonly path: string };

/** A program of the image that makes a derived file anew, from the merged tree. */
export interface Regeneration {
  /** Absolute path and arguments of the program in the image. */
  readonly command: readonly string[];
  /** Absolute paths that it writes; when it cannot run, they are removed. */
  readonly makes: readonly string[];
}

export interface MergeResult {
  /**
   * What the result has at `paths`, and at other paths that follow from them. A path that is missing has what the
   * stacked layers give: either version will do.
   */
  readonly files: readonly MergedFile[];
  readonly conflicts: readonly Conflict[];
  /** Those of `paths` that it has nothing to say of after all: decided like any path that no merger answers for. */
  readonly declined?: readonly string[];
  readonly regenerate?: readonly Regeneration[];
}

/** Knows one database or kind of file. */
export interface Merger {
  /** For people: `dpkg`, `accounts`. */
  readonly name: string;
  /** Whether it brings together what is at an absolute path. */
  answersFor(path: string): boolean;
  /**
   * The path whose rule decides at a path that it answers for, where several belong together: that of the database.
   * Without this, each path has its own rule.
   */
  ruledBy?(path: string): string;
  /**
   * Its paths are one thing: it is asked as soon as two parts have changed any of them, be it different ones (a
   * database and its journal, two versions of a package in directories of their own). One rule is for all of them.
   */
  readonly whole?: true;
  /** It decides by names alone, so that no content is read for it. */
  readonly unread?: true;
  merge(input: MergeInput): Promise<MergeResult>;
}
