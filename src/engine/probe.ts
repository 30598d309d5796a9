import type { Abilities } from './inside/requests.ts';
import { Store } from './store/store.ts';
import { Workshop } from './workshop.ts';

export type { Abilities };

/** Tries what builds need: namespaces, overlay mounts on the file system of the store, an OCI runtime. */
export async function probeAbilities(storePath: string, warn: (text: string) => void): Promise<Abilities> {
  using store = new Store(storePath);
  await using workshop = new Workshop(store, warn);
  return await workshop.call('probe', null, { signal: AbortSignal.timeout(60_000) });
}
