import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Call } from './call.ts';
import type { Location } from './request-parts.ts';
import { mountSnapshots, openPlace, type Place } from './tree.ts';

/** Calls `use` with the place while its tree is mounted. */
export async function atLocation<T>(
  location: Location,
  { scratch, snapshots, signal }: Pick<Call, 'scratch' | 'snapshots' | 'signal'>,
  use: (place: Place) => T | Promise<T>,
): Promise<T> {
  if (location.kind === 'host') return use({ path: location.path, [Symbol.dispose]: () => {} });
  const directory = mkdtempSync(join(scratch, 'tree-'));
  using tree = mountSnapshots(await snapshots.ensure(location.layers, signal), directory);
  using place = openPlace(tree, location.path, location.follow);
  return await use(place);
}

/** Calls `use` with the paths of all places while their trees are mounted. */
export async function atLocations<T>(
  [first, ...rest]: readonly Location[],
  call: Pick<Call, 'scratch' | 'snapshots' | 'signal'>,
  use: (paths: readonly string[]) => T | Promise<T>,
): Promise<T> {
  if (!first) return use([]);
  return atLocation(first, call, ({ path }) => atLocations(rest, call, paths => use([path, ...paths])));
}
