import type { Descriptor, Digest } from '../oci/index.ts';
import type { Output } from '../plan/outputs.ts';
import type { Base, Step } from '../plan/types.ts';
import type { SourceSpan } from '../support/errors.ts';
import type { MadeOutput } from './values.ts';

/** What happens during a build, as it happens. Reporters turn it into text; nothing here is meant for people as it is. */
export type BuildEvent =
  /** Comes first, once: all that will be built, in the order of the plan. */
  | { readonly kind: 'build-started'; readonly images: readonly PlannedImage[] }
  | { readonly kind: 'image-started'; readonly image: string }
  /** A program that decides about the bytes of results. */
  | { readonly kind: 'program-used'; readonly program: string; readonly version: string }
  /** What an image starts from is at hand (its layers may still have to be fetched). */
  | { readonly kind: 'base-known'; readonly image: string; readonly base: KnownBase }
  | {
      readonly kind: 'message';
      readonly image: string | undefined;
      readonly level: MessageLevel;
      readonly text: string;
      readonly at?: SourceSpan | undefined;
    }
  | {
      readonly kind: 'step-started';
      readonly image: string;
      readonly step: number;
      readonly of: number;
      readonly what: Step['kind'] | 'squash';
      readonly text: string;
    }
  /** Bytes of the tar of the layer that is being written for an image, so far. */
  | { readonly kind: 'packing'; readonly image: string; readonly bytes: number }
  | {
      readonly kind: 'step-finished';
      readonly image: string;
      readonly step: number;
      readonly key: string;
      readonly cached: boolean;
      /** Undefined when nothing changed. */
      readonly layer: BuiltLayer | undefined;
    }
  | { readonly kind: 'transfer-started'; readonly transfer: Transfer }
  /** Bytes so far; not told of every piece. */
  | { readonly kind: 'transfer-progress'; readonly transfer: Transfer; readonly bytes: number }
  /** `bytes` is all of it. Does not come when the transfer fails. */
  | { readonly kind: 'transfer-finished'; readonly transfer: Transfer; readonly bytes: number }
  | { readonly kind: 'output'; readonly image: string; readonly bytes: Uint8Array }
  /** A file is to be made of the tree of an image. */
  | {
      readonly kind: 'output-started';
      readonly image: string;
      readonly file: string;
      readonly what: Output['kind'];
    }
  | { readonly kind: 'output-finished'; readonly image: string; readonly output: MadeOutput }
  /** A process in the tree of an image reads and writes there itself: nobody else may, until it is released. */
  | { readonly kind: 'terminal-taken'; readonly image: string }
  | { readonly kind: 'terminal-released'; readonly image: string }
  /** The build goes on only to stop what is under way. Comes for the first image that fails, unless it was stopped. */
  | { readonly kind: 'image-failed'; readonly image: string }
  /** All its steps are done; nothing more comes from it but `image-finished`, and what is made of its tree. */
  | { readonly kind: 'image-built'; readonly image: string }
  /** It is in the output, or was not meant to be. Comes in the order of the plan for emitted images. */
  | {
      readonly kind: 'image-finished';
      readonly image: string;
      readonly emitted: boolean;
      readonly cached: boolean;
      /** The names under which it is in the output, with its manifests. */
      readonly tags: readonly { readonly tag: string; readonly manifest: Descriptor }[];
    };

export interface PlannedImage {
  readonly image: string;
  /** The images that must be built before it. */
  readonly needs: readonly string[];
  readonly steps: number;
  readonly emit: boolean;
}

export interface KnownBase {
  readonly kind: Base['kind'];
  /** The reference of an image, the name of a built image, the path or URL of a tar file. */
  readonly name: string | undefined;
  /** Of the manifest, where the base is an image. */
  readonly digest: Digest | undefined;
  readonly layers: readonly BuiltLayer[];
}

export type BuiltLayer = Pick<Descriptor, 'digest' | 'size' | 'mediaType'> & { readonly diffId: Digest };

/** Something on its way into the store. */
export interface Transfer {
  /** Unique in a process. */
  readonly id: number;
  /** The image that asked first; others may wait for the same. */
  readonly image: string;
  readonly what: 'blob' | 'file';
  /** A digest or a URL. */
  readonly name: string;
  readonly from: 'network' | 'disk';
  /** Bytes, where that is known before. */
  readonly size: number | undefined;
}

export type MessageLevel = 'debug' | 'info' | 'warning';

export type EventSink = (event: BuildEvent) => void;
