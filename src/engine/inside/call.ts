import type { PackedLayer } from '../../layers/index.ts';
import type { InsideOptions } from './requests.ts';
import type { Snapshots } from './snapshots.ts';

/** One request of the outer half, as those who answer it see it. */
export interface Call {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** A directory for this call alone, removed when it has ended. */
  readonly scratch: string;
  readonly snapshots: Snapshots;
  readonly options: InsideOptions;
  /** What a process in a tree has written. */
  readonly output: (bytes: Uint8Array) => void;
  readonly warn: (text: string) => void;
  /** Says what was chosen, and why. */
  readonly note: (text: string) => void;
  /** Bytes of the tar of a layer so far. */
  readonly packing: (bytes: number) => void;
}

/** What makes a packer stop and report for the one who called. */
export function followed({ signal, packing }: Call) {
  return { signal, onProgress: packing };
}

/** Passes on what the packer complained about. */
export function passWarnings({ warnings }: PackedLayer, { warn }: Call): void {
  for (const text of warnings) warn(text);
}
