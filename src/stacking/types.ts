/** Parts that are stacked, what is wrong between them, and what was decided: plain data. */
import type { ContentsEntry, LayerContents } from '../layers/index.ts';

/** A layer as stacking sees it: by its identity, and by its contents when they matter. */
export interface StackLayer {
  /** Equal for equal layers: the diff ID. */
  readonly id: string;
  /** Asked for only when it must be known; remembered by whoever answers. */
  readonly contents: () => Promise<LayerContents>;
}

/** One of the images that are stacked. */
export interface StackPart {
  /** As the user knows it: for messages. */
  readonly name: string;
  /** Bottom to top. */
  readonly layers: readonly StackLayer[];
}

/**
 * What happens where parts disagree. `last`: the upper part wins in silence; `warn`: it wins, and people are told;
 * `first`: the lower part wins; `error`: nothing is made.
 */
export type ConflictPolicy = 'error' | 'warn' | 'last' | 'first';

export interface ConflictRules {
  readonly policy: ConflictPolicy;
  /** The last one whose glob matches the absolute path decides; `policy` where none does. */
  readonly paths: readonly { readonly glob: string; readonly policy: ConflictPolicy }[];
}

export type ConflictKind =
  /** Files, links or devices that are not the same. */
  | 'content'
  /** A file here, a directory or link there. */
  | 'type'
  /** Permissions, owner or extended attributes. */
  | 'attributes'
  /** One part removes what another one brings or has changed. */
  | 'removed'
  /** Names of one file, some of which another part replaces. */
  | 'hard link'
  /** One user or group name with two numbers, or one number with two names. */
  | 'account'
  /** One package in two versions. */
  | 'package'
  /** A merger knows the files but cannot bring them together. */
  | 'merge';

export interface Conflict {
  readonly kind: ConflictKind;
  /** Absolute; the path that it is about, or the database. */
  readonly path: string;
  /** The names of the parts that disagree, lowest first. */
  readonly parts: readonly string[];
  /** What each of them says, in words: `mode 644 in a, 600 in b`. */
  readonly text: string;
}

/** A conflict and what became of it. */
export interface DecidedConflict extends Conflict {
  readonly policy: ConflictPolicy;
  /** The part whose version is in the result. */
  readonly winner: string;
}

/** A path of the result that no layer of the parts has in that form: it goes into a layer of its own on top. */
export type Correction =
  | { readonly kind: 'removed'; readonly path: string }
  /** As a layer has it; content is copied out of that layer. */
  | { readonly kind: 'taken'; readonly path: string; readonly entry: ContentsEntry; readonly layer: string }
  /** Made by a merger. */
  | {
      readonly kind: 'made';
      readonly path: string;
      readonly entry: ContentsEntry;
      readonly content: Uint8Array;
      readonly merger: string;
    };
