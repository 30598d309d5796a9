import { rm } from 'node:fs/promises';
import { codeOf } from '../../support/errors.ts';
import { Store } from '../store/store.ts';
import { Workshop } from '../workshop.ts';

/**
 * Removes a directory of a project, also files of owners that only uid 0 of our namespaces may touch.
 * @param store Directory of the store, used only if it takes namespaces.
 */
export async function removeDirectory(path: string, store: string, signal: AbortSignal): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error;
    using opened = new Store(store);
    await using workshop = new Workshop(opened, () => {});
    await workshop.call('remove', [path], { signal });
  }
}
