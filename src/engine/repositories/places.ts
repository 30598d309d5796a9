import { join } from 'node:path';

/** Where in a store repositories are: bare clones by the hash of their address, files by their commit. */
export function repositoryPlaces(store: string): { readonly clones: string; readonly checkouts: string } {
  return { clones: join(store, 'repositories'), checkouts: join(store, 'checkouts') };
}
