import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../support/errors.ts';

/** What stacker says of a cache that it cannot use; the same goes for one of ours. */
export const OLD_CACHE = 'old cache version found, clearing cache and rebuilding from scratch...';

/** Removes the cache file that stacker left in its directory: it tells of trees and layouts that are no longer so. */
export function clearForeignCache(directory: string, tell: (text: string) => void): void {
  try {
    rmSync(join(directory, 'build.cache'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  tell(OLD_CACHE);
}
