/** How the root grows to the size of its disk when the machine first starts. */
import { firstFile, textContent } from './tree.ts';
import type { BootRequest, TreeFile } from './types.ts';

/** What tells systemd to grow the partition; fstab asks for the file system. Warns where nothing in the tree can. */
export function growFiles({ tree, spec, say, warn }: BootRequest): readonly TreeFile[] {
  if (!spec.grows || spec.root.verity || spec.root.overlay) return [];
  const has = (...paths: readonly string[]) => firstFile(tree, paths) !== undefined;
  const growsFileSystem = has('/usr/lib/systemd/systemd-growfs', '/lib/systemd/systemd-growfs');
  if (spec.table === 'gpt' && growsFileSystem && has('/usr/bin/systemd-repart', '/bin/systemd-repart')) {
    say('the root grows at its first start by systemd-repart and systemd-growfs');
    return [
      { path: '/etc/repart.d/50-root.conf', mode: 0o644, content: textContent('[Partition]\nType=root\n') },
    ];
  }
  const others = ['/usr/bin/growpart', '/usr/lib/dracut/modules.d/99kiwi-repart/kiwi-repart-disk.sh'];
  if (!has(...others)) warn('nothing in the image makes the root grow at its first start: it keeps its size');
  return [];
}
