import { type PackedLayer, packLayer } from '../../layers/index.ts';
import { type Call, followed, passWarnings } from './call.ts';
import { atLocation } from './places.ts';
import type { PackRequest } from './requests.ts';

/** Makes a layer of a file, directory or tar file that only uid 0 of our namespaces can read. */
export async function pack(request: PackRequest, call: Call): Promise<PackedLayer | undefined> {
  const { location, pack: how, ...what } = request;
  const layer = await atLocation(location, call, ({ path }) => {
    const options = { ...how, ...followed(call) };
    if (what.kind === 'tar') return packLayer({ kind: 'tar', path }, options);
    const { kind: _, parents, ...entry } = what;
    return packLayer({ kind: 'files', entries: [{ source: path, ...entry }], parents }, options);
  });
  if (layer) passWarnings(layer, call);
  return layer;
}
