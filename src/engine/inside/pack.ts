import { type PackedLayer, type PackJob, packLayer } from '../../layers/index.ts';
import { type Call, followed, passWarnings } from './call.ts';
import { atLocations } from './places.ts';
import type { PackRequest } from './requests.ts';

/** Makes a layer of a file, directory or tar file that only uid 0 of our namespaces can read. */
export async function pack(request: PackRequest, call: Call): Promise<PackedLayer | undefined> {
  const options = { ...request.pack, ...followed(call) };
  const locations = request.kind === 'tar' ? [request.location] : request.items.map(item => item.location);
  const layer = await atLocations(locations, call, paths => packLayer(jobOf(request, paths), options));
  if (layer) passWarnings(layer, call);
  return layer;
}

/** `paths` are those at which the request's locations can be read now. */
function jobOf(request: PackRequest, paths: readonly string[]): PackJob {
  const at = (i: number) => {
    const path = paths[i];
    if (path === undefined) throw new Error('a location without a path');
    return path;
  };
  if (request.kind === 'tar') {
    const { into, recorded = false } = request;
    return { kind: 'tar', path: at(0), recorded, ...(into && { into }) };
  }
  const { items, parents, below } = request;
  const entries = items.map((item, i) => ({ ...item, source: at(i) }));
  return { kind: 'files', entries, parents, ...(below && { below }) };
}
