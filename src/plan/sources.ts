/** Where files of a plan come from, as plain data. */
import type { SourceSpan } from '../support/errors.ts';
import type { ChecksumAlgorithm } from './checksums.ts';

export type Source = FileSource | HttpSource | ImageSource | KeptSource;

/** What the content of a file must hash to: lower-case hexadecimal digits. */
export type Checksums = { readonly [algorithm in ChecksumAlgorithm]?: string };

interface SourceBase {
  readonly checksums?: Checksums;
  /** The front end's words for a source that is not there (or not a directory, or not what its checksums say). */
  readonly messages?: {
    readonly missing?: string;
    readonly notDirectory?: string;
    /** The checksum that differs becomes its cause. */
    readonly mismatch?: string;
    /** Said in the log before `missing`. */
    readonly warning?: string;
    /** What may help who misses it. */
    readonly hint?: string;
  };
  readonly at: SourceSpan;
}

/** A file or directory of the host. */
export interface FileSource extends SourceBase {
  readonly kind: 'file';
  /** Absolute. A trailing slash has no meaning here. */
  readonly path: string;
  /** Present when only a directory will do. */
  readonly directory?: true;
  /** A symbolic link as last component is a name for what it leads to, not itself the source. */
  readonly follow?: true;
  /** Symbolic links that lead out of the directory are an error. */
  readonly confined?: true;
  /** Asked where nothing is at the path, after the store has been asked for a file of these checksums. */
  readonly mirrors?: readonly string[];
}

export interface HttpSource extends SourceBase {
  readonly kind: 'http';
  readonly url: string;
  /** Asked one after the other before the URL itself. */
  readonly mirrors?: readonly string[];
  /** Without checksums, a file of before will do only where the server says so, or cannot be reached. */
  readonly revalidate?: true;
}

/** A file that was put into the store by hand, known by its checksums. */
export interface KeptSource extends SourceBase {
  readonly kind: 'kept';
  readonly name: string;
  readonly checksums: Checksums;
  /** Asked one after the other where the store does not have it. */
  readonly mirrors?: readonly string[];
}

/** A file or directory out of the tree of another image of the plan. */
export interface ImageSource extends SourceBase {
  readonly kind: 'image';
  readonly image: string;
  /** Absolute in that image. */
  readonly path: string;
  /** A symbolic link as last component is a name for what it leads to in that image, not itself the source. */
  readonly follow?: true;
}
