/** What package managers keep besides their databases: caches, and histories that cannot be merged. */
import { AshlarError } from '../../support/errors.ts';
import type { Merger } from '../merger.ts';
import { mergeDatabase } from './database.ts';
import { declined, dropped, joined } from './texts.ts';

const CACHES = ['apk', 'dnf', 'libdnf5', 'pacman', 'yum', 'zypp'].map(name => `/var/cache/${name}/`);

/** Where parts have different files of a cache, the result has none: it is filled again. */
export const packageCaches: Merger = {
  name: 'package caches',
  answersFor: path =>
    path.startsWith('/var/lib/pacman/sync/') || CACHES.some(cache => path.startsWith(cache)),
  merge: async input =>
    joined(
      input.paths.map(path => {
        const isDirectory = input.parts.some(part => part.entry(path)?.type === 'directory');
        return isDirectory ? declined(path) : dropped(input, path);
      }),
    ),
};

/** Of dnf 4 and 5: which transactions there were, and which packages were asked for. */
const HISTORIES = ['/var/lib/dnf/history.sqlite', '/usr/lib/sysimage/libdnf5/transaction_history.sqlite'];

/** Databases whose files belong together: all of them come from the part that prevails. */
export const dnfHistory: Merger = {
  name: 'dnf history',
  whole: true,
  answersFor: path =>
    path.startsWith('/var/lib/dnf/history.sqlite') || path.startsWith('/usr/lib/sysimage/libdnf5/'),
  async merge(input) {
    const results = HISTORIES.map(path =>
      mergeDatabase(path, input, async () => {
        throw new AshlarError(
          "dnf's history of one part is kept: packages that only others have count as installed by the user",
        );
      }),
    );
    return joined(await Promise.all(results));
  },
};
