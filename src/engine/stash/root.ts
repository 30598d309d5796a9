/** What a tree has to tell to become a stash. */
import type { PackedLayer, PackOptions } from '../../layers/index.ts';
import type { Platform } from '../../oci/index.ts';
import type { DescriptionFile } from '../inside/requests.ts';
import type { LayerRecord } from '../values.ts';

/** Directories whose content belongs to the machine that is running, and not to the tree. */
export const WITHOUT_CONTENT = ['/dev', '/proc', '/sys', '/run'];

export interface Root {
  /** What its programs run on, where that is known. */
  readonly platform?: Platform;
  /** The description that the tree was built from. */
  readonly description: () => Promise<DescriptionFile | undefined>;
  /** The one layer that makes the tree of these ones; undefined where they give it already. */
  readonly packDifference: (
    below: readonly LayerRecord[],
    pack: PackOptions,
    name: string,
  ) => Promise<PackedLayer | undefined>;
}
