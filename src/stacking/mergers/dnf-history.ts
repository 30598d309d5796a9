/** The history of dnf 4 and 5: which transactions there were, and which packages were asked for. */
import { AshlarError } from '../../support/errors.ts';
import type { Merger } from '../merger.ts';
import { mergeDatabase } from './database.ts';
import { joined } from './texts.ts';

const HISTORIES = [
  ['/var/lib/dnf', 'history.sqlite'],
  ['/usr/lib/sysimage/libdnf5', 'transaction_history.sqlite'],
] as const;

/** Not merged, but its files belong together: all of them come from the part that prevails. */
export const dnfHistory: Merger = {
  name: 'dnf history',
  whole: true,
  answersFor: path =>
    path.startsWith('/var/lib/dnf/history.sqlite') || path.startsWith('/usr/lib/sysimage/libdnf5/'),
  async merge(input) {
    const results = HISTORIES.map(([directory, main]) =>
      mergeDatabase(directory, [main], input, async () => {
        throw new AshlarError(
          "only one part's history of dnf is kept: packages that others have count as installed by the user",
        );
      }),
    );
    return joined(await Promise.all(results));
  },
};
