import type { SourceSpan } from '../../../support/errors.ts';
import type { RenderOptions } from '../dockerfile/render.ts';
import type { FileArtifact, UrlRepository } from '../dockerfile/statements.ts';

/** Paths are relative to the target directory, and below it. */
export type TargetFile = { readonly path: string; readonly at: SourceSpan } & (
  | { readonly kind: 'text'; readonly text: string }
  /** A directory of the host (absolute); what is in it, links as they are. */
  | { readonly kind: 'directory'; readonly directory: string; readonly optional: boolean }
  /**
   * A file or directory that has to be fetched and verified. Where `file` is there, `path` is a directory: it holds what
   * is a file under this name, and what is a directory becomes it.
   */
  | { readonly kind: 'artifact'; readonly artifact: FileArtifact; readonly file?: string }
  | { readonly kind: 'repository'; readonly repository: UrlRepository }
);

export type TargetOptions = RenderOptions & {
  readonly containerFile: 'Containerfile' | 'Dockerfile';
  /** MD5 sum of what a URL leads to; only OSBS needs it, of what has no checksum. */
  readonly md5Of: (url: string, at: SourceSpan) => Promise<string>;
};
