/** The cache in which programs look up shared libraries: ldconfig(8). */
import type { Merger } from '../merger.ts';
import { dropped, joined, NOTHING } from './texts.ts';

const CACHE = '/etc/ld.so.cache';
/** What ldconfig remembers of files by their inodes: of no use in another tree. */
const MEMORY = '/var/cache/ldconfig/aux-cache';

export const libraryCache: Merger = {
  name: 'library cache',
  answersFor: path => path === CACHE || path === MEMORY,
  async merge(input) {
    // Links to libraries are those that the packages' own runs of it have left in the layers.
    const regenerate = [{ command: ['/sbin/ldconfig', '-X'], makes: [CACHE] }];
    return joined([
      dropped(input, MEMORY),
      input.paths.includes(CACHE) ? { ...NOTHING, regenerate } : NOTHING,
    ]);
  },
};
