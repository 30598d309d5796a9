/** Layers that are file systems, as the tar layers that say the same: for those who read layers path by path. */
import type { TarCompression } from '../../oci/index.ts';
import { AshlarError } from '../../support/errors.ts';
import type { LookContext } from '../context.ts';
import type { LayerRecord } from '../values.ts';

export interface TarLayer extends LayerRecord {
  readonly format: { readonly kind: 'tar'; readonly compression: TarCompression };
}

export function isTar(layer: LayerRecord): layer is TarLayer {
  return layer.format.kind === 'tar';
}

/** The layer itself where it is a tar; else what it says as a tar layer, made once and remembered. */
export async function tarForm(layer: LayerRecord, _context: LookContext): Promise<TarLayer> {
  if (isTar(layer)) return layer;
  throw new AshlarError(`layers of type ${layer.descriptor.mediaType} are not supported yet`);
}
