/** Ranges of ids that a new user may use in namespaces of its own: subuid(5), subgid(5). */
import type { AccountDefaults } from './defaults.ts';
import { numberOf } from './defaults.ts';
import type { SetupTree } from './tree.ts';

/** Only where the tree has such a file, and knows nothing of the user in it. */
export function addSubordinateIds(
  tree: SetupTree,
  user: string,
  { least, most, count }: AccountDefaults['subordinateIds'],
): void {
  if (count === 0) return;
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    if (!tree.status(path)) continue;
    tree.edit(path, { mode: 0o644, uid: 0, gid: 0 }, before => {
      const ranges = before.split('\n').map(line => line.split(':'));
      if (ranges.some(([name]) => name === user)) return before;
      const ends = ranges.map(([, first, size]) => (numberOf(first) ?? 0) + (numberOf(size) ?? 0));
      const first = Math.max(least, ...ends);
      if (first + count - 1 > most) return before;
      const lines = before === '' || before.endsWith('\n') ? before : `${before}\n`;
      return `${lines}${user}:${first}:${count}\n`;
    });
  }
}
