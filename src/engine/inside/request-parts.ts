/** What several requests are about: trees, places in them, and what surrounds a process there. */
import type { PackOptions } from '../../layers/index.ts';
import type { Digest, TarCompression } from '../../oci/index.ts';
import type { Identity } from '../../sandbox/index.ts';

/** A tar layer of a tree; its blob is in the store. */
export interface TreeLayer {
  readonly diffId: Digest;
  readonly blob: string;
  readonly compression: TarCompression;
}

/** Where a file or directory is: on the host, or in the tree of an image. */
export type Location =
  | {
      readonly kind: 'host';
      readonly path: string;
      /** Symbolic links that lead out of the directory are an error. */
      readonly confined?: boolean;
    }
  | {
      readonly kind: 'tree';
      readonly layers: readonly TreeLayer[];
      readonly path: string;
      /** A symbolic link as last component is followed inside the tree. */
      readonly follow?: boolean;
    };

/** An import as the process sees it: owner, and mode of files, where they are not the source's own. */
export interface StagedImport {
  readonly name: string;
  readonly location: Location;
  readonly mode?: number;
  readonly uid: number;
  readonly gid: number;
}

/** A tree, and what a process in it finds besides. */
export interface Room {
  readonly layers: readonly TreeLayer[];
  readonly environment: Readonly<Record<string, string>>;
  readonly network: 'host' | 'none';
  /** A runtime's name; the first that works when absent. */
  readonly runtime?: string;
  /** The directory of the image's imports; the script is written there, too. */
  readonly imports: string;
  readonly importDirectories: readonly string[];
  readonly binds: readonly { readonly source: string; readonly target: string; readonly readOnly?: true }[];
  /** As whom and where a process runs: as uid 0 in `/` when absent. */
  readonly identity?: Identity;
}

/** Which time files get that are written here, whatever the clock says. */
export interface Written {
  /** Seconds since 1970. */
  readonly time: number;
  /** Milliseconds since 1970: what is older was written elsewhere. */
  readonly since: number;
}

/** How what is done in a tree becomes a layer. */
export interface ChangesPack extends PackOptions {
  readonly written?: Written;
}
