/** What stacking decides: plain data from which the result is made, reported and recorded. */
import type { ByteString } from '../layers/index.ts';
import type { Regeneration } from './merger.ts';
import type { Conflict, Correction, DecidedConflict } from './types.ts';

/** Reads files out of layers; asked only for what has to be merged. */
export interface LayerFiles {
  /**
   * The content of files of the layer with this id, by path as the layer's contents have it (canonical, without
   * leading slash). Every path that is asked for is a file of the layer with content of its own.
   */
  read(layer: string, paths: readonly ByteString[]): Promise<ReadonlyMap<ByteString, Uint8Array>>;
}

/** A layer that several parts have. */
export interface SharedLayer {
  readonly layer: string;
  /** Names of the parts, lowest first. */
  readonly parts: readonly string[];
}

/** A layer that is not at its lowest place. */
export interface MovedLayer {
  readonly layer: string;
  /** In words, with the path that would have been wrong. */
  readonly reason: string;
}

/** What a merger has brought together. */
export interface MergedPaths {
  readonly merger: string;
  /** Absolute, sorted. */
  readonly paths: readonly string[];
}

export interface StackDecision {
  /** The ids of all layers of the parts, each once, bottom to top. */
  readonly order: readonly string[];
  readonly shared: readonly SharedLayer[];
  readonly moved: readonly MovedLayer[];
  /** Sorted by path. Those with the policy `error` forbid the result: see `refuseConflicts`. */
  readonly conflicts: readonly DecidedConflict[];
  readonly merged: readonly MergedPaths[];
  /** What the layer on top holds, parents first; nothing when there is none. */
  readonly corrections: readonly Correction[];
  readonly regenerate: readonly Regeneration[];
  /** Whether any order of the parts gives the same tree, but for times of directories. */
  readonly orderIndependent: boolean;
}

/** What became of the images that were applied to a base. */
export interface ApplyDecision {
  /** The ids of the layers to add above the base, bottom to top: those that it does not have yet. */
  readonly layers: readonly string[];
  /** What the layer on top holds, parents first; nothing when there is none. */
  readonly corrections: readonly Correction[];
  /** All of them; with any, nothing may be made. */
  readonly conflicts: readonly Conflict[];
}
