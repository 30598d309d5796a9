import type { Descriptor } from '../oci/index.ts';
import type { SourceSpan } from '../support/errors.ts';

/** What happens during a build, as it happens. Reporters turn it into text; nothing here is meant for people as it is. */
export type BuildEvent =
  | { readonly kind: 'image-started'; readonly image: string }
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
      readonly text: string;
    }
  | {
      readonly kind: 'step-finished';
      readonly image: string;
      readonly step: number;
      readonly cached: boolean;
      readonly layer: Descriptor | undefined;
    }
  | { readonly kind: 'output'; readonly image: string; readonly bytes: Uint8Array }
  /** All its steps are done; nothing more comes from it but `image-finished`. */
  | { readonly kind: 'image-built'; readonly image: string }
  /** It is in the output, or was not meant to be. Comes in the order of the plan for emitted images. */
  | {
      readonly kind: 'image-finished';
      readonly image: string;
      readonly emitted: boolean;
      readonly cached: boolean;
    };

export type MessageLevel = 'debug' | 'info' | 'warning';

export type EventSink = (event: BuildEvent) => void;
