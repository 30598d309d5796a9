/** What is asked about containers that run, and about what is in them. */
import type { NetworkQuestion } from '../../sandbox/index.ts';
import type { Room, TreeLayer } from './request-parts.ts';

/** A container that runs until its call is cancelled; its output is the output of the call. */
export interface ContainerRequest extends Room {
  /** What other requests call it. */
  readonly container: string;
  readonly command: readonly string[];
  /** Whether its process has an input, which nobody writes to and which does not end. */
  readonly waits: boolean;
}

/** A command in a container. */
export interface BesideRequest {
  readonly container: string;
  readonly command: readonly string[];
  /** Milliseconds until it is not waited for any more. */
  readonly patience: number;
}

export type BesideResult =
  | { readonly kind: 'ended'; readonly status: number; readonly text: string }
  | { readonly kind: 'going-on'; readonly text: string }
  /** The container's own process has ended, with this status. */
  | { readonly kind: 'none'; readonly status: number };

/** What listens in the network of a container. */
export interface AskRequest {
  readonly container: string;
  readonly question: NetworkQuestion;
}

/** What is at a path. */
export interface LookRequest {
  readonly place:
    | { readonly kind: 'container'; readonly container: string }
    | { readonly kind: 'tree'; readonly layers: readonly TreeLayer[] };
  readonly path: string;
  /** Whether the text of a file is wanted. */
  readonly withText: boolean;
}

export type Looked =
  | { readonly kind: 'nothing' }
  /** `link`: the path itself is a symbolic link, and what is described is what it leads to. */
  | ({ readonly link: boolean } & (
      | { readonly kind: 'file'; readonly text?: string }
      | { readonly kind: 'directory'; readonly names: readonly string[] }
      | { readonly kind: 'other' }
    ));
