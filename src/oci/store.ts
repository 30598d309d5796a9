import type { Descriptor } from './types.ts';

/** Where an image's documents and blobs come from: the little that layouts and registries have in common. */
export interface ImageStore {
  /** The manifest or index that the reference names. */
  readonly root: StoredDocument;
  /** A manifest or index by its descriptor. */
  document(descriptor: Descriptor): Promise<StoredDocument>;
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  readBlob(descriptor: Descriptor, longest: number): Promise<Uint8Array>;
  localBlob(descriptor: Descriptor): string | undefined;
}

export interface StoredDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}
