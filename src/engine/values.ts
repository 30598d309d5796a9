/** Layers and images as values: descriptions that can be combined; bytes are touched only when somebody asks for them. */
import type { MadeDisk } from '../disk/index.ts';
import type { Descriptor, Digest, ImageConfig, LayerFormat, TarCompression } from '../oci/index.ts';
import type { Output } from '../plan/outputs.ts';

export interface LayerRecord {
  /** Of the uncompressed tar; of the blob itself where that is a file system. */
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
  readonly format: LayerFormat;
  /** A file outside the store that has the blob, if its owner has told the truth: `fetch` finds out. */
  readonly local?: string;
  /**
   * Of the uppermost layer of a stack of which any order of the parts gives the same tree: what identifies this layer
   * with all below it, whatever their order.
   */
  readonly pile?: string;
  /** Brings the blob into the store, verified; nothing happens when it is there. */
  readonly fetch: () => Promise<void>;
}

/** The forms that layers have. */
export type LayerType = LayerFormat['kind'];

export interface TarLayer extends LayerRecord {
  readonly format: { readonly kind: 'tar'; readonly compression: TarCompression };
}

export function isTar(layer: LayerRecord): layer is TarLayer {
  return layer.format.kind === 'tar';
}

/** An image as a value: its layers from the bottom to the top, and what is said about it. */
export interface BuiltImage {
  readonly name: string;
  readonly layers: readonly LayerRecord[];
  readonly config: ImageConfig;
  readonly annotations: Readonly<Record<string, string>>;
  /** Of the manifest and of the config, which are in the store. */
  readonly manifest: Descriptor;
  readonly configBlob: Descriptor;
  /** Whether every step was known from earlier builds. */
  readonly cached: boolean;
  /** Where layers of steps were put together: the image as those see it that use it. */
  readonly unsquashed?: Pick<BuiltImage, 'layers' | 'config'>;
  /** The files that were made of its tree, in the order of the plan; formats follow their disk. */
  readonly outputs: readonly MadeOutput[];
}

/** A file (of some containers a directory) that was made of the tree of an image. */
export interface MadeOutput {
  readonly kind: Output['kind'];
  /** What it is in lists of results. */
  readonly role: string;
  /** Relative to the directory of results. */
  readonly file: string;
  /** Absolute; there when the build has ended well. */
  readonly path: string;
  /** Of a directory: of all files in it. */
  readonly bytes: number;
  /** Hexadecimal; absent for directories. */
  readonly sha256?: string;
  /** What identifies the tree that it was made of: the chain ID of its layers (image-spec, config.md). */
  readonly tree: Digest;
  /** Whether an earlier build has left it. */
  readonly cached: boolean;
  /** Of disks. */
  readonly disk?: MadeDisk;
  /** Of file systems with a hash tree, hexadecimal. */
  readonly rootHash?: string;
}

/** An image with all its layers in one form, as it is handed out. */
export interface FormedImage {
  readonly type: LayerType;
  readonly layers: readonly LayerRecord[];
  /** Of the manifest and of the config, which are in the store. */
  readonly manifest: Descriptor;
  readonly configBlob: Descriptor;
  /** Whether nothing had to be converted. */
  readonly known: boolean;
}
