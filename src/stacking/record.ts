/** The account of a stack that an image carries in an annotation, and its proof. */
import type { LayerFiles, StackDecision } from './decision.ts';
import type { Merger } from './merger.ts';
import type { ConflictRules, StackLayer, StackPart } from './types.ts';

/** The annotation of a manifest that holds the record of how its lowest layers were stacked. */
export const STACK_ANNOTATION = 'dev.ashlar.stack';

/** Layers are numbers: places among the layers of the image, from the bottom, so that they hold for every form. */
export interface StackRecord {
  readonly version: 1;
  readonly parts: readonly { readonly name: string; readonly layers: readonly number[] }[];
  readonly rules: ConflictRules;
  readonly moved: readonly { readonly layer: number; readonly reason: string }[];
  /** The first ones; `conflictCount` is the number of all. */
  readonly conflicts: readonly {
    readonly kind: string;
    readonly path: string;
    readonly winner: string;
    readonly policy: string;
  }[];
  readonly conflictCount: number;
  readonly merged: readonly { readonly merger: string; readonly paths: readonly string[] }[];
  /** The layer with corrections. */
  readonly extra?: number;
  /** The layer that programs of the image have made; what they should have made. */
  readonly regenerated?: number;
}

export interface RecordedLayers {
  /** Whether a layer with the corrections follows the stacked ones. */
  readonly extra: boolean;
  /** Whether a layer that programs of the image have made follows. */
  readonly regenerated: boolean;
}

/** The text for the annotation. */
export function stackRecord(
  _parts: readonly StackPart[],
  _rules: ConflictRules,
  _decision: StackDecision,
  _made: RecordedLayers,
): string {
  return '';
}

/** Reads the annotation of an image. Throws an AshlarError for whatever is no record of ours. */
export function parseStackRecord(_text: string): StackRecord {
  throw new Error('not there yet');
}

export interface StackProof {
  readonly proven: boolean;
  /** Paths where the image is not what the parts, rules and mergers give. */
  readonly differences: readonly { readonly path: string; readonly text: string }[];
  /** How many layers of the image are layers of its parts. */
  readonly layersShared: number;
  /** Bytes of the blobs of those layers, as far as sizes are known: they are neither stored nor sent again. */
  readonly bytesSaved: number;
  readonly mergedFiles: readonly string[];
}

/** Decides again from the layers of an image (all of them, bottom to top) and compares path by path. */
export async function verifyStack(
  _record: StackRecord,
  _layers: readonly (StackLayer & { readonly size?: number })[],
  _mergers: readonly Merger[],
  _files: LayerFiles,
): Promise<StackProof> {
  throw new Error('not there yet');
}
