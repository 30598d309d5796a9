/** /etc/fstab of a disk. */
import { AshlarError } from '../../support/errors.ts';
import type { DiskPartition } from '../request.ts';
import { nameOfPartition } from './partitions.ts';
import { findInTree, readTextInTree, removeInTree, textContent, writeInTree } from './tree.ts';
import type { BootRequest } from './types.ts';

/** Always written anew: what a tree brings names the partitions of another disk. */
export function fstabText({ spec, partitions }: Pick<BootRequest, 'spec' | 'partitions'>): string {
  const lines = mounted(partitions).flatMap(partition => {
    const { role, fileSystem, mountPoint } = partition;
    if (!fileSystem) return [];
    const name = nameOfPartition(partition, spec.identifiedBy);
    const given = fileSystem.mountOptions && escaped(fileSystem.mountOptions);
    if (fileSystem.type === 'swap') return [`${name} none swap ${given ?? 'defaults'} 0 0`];
    if (role !== 'root') {
      const options = given ?? (fileSystem.type === 'vfat' ? 'umask=0077' : 'defaults');
      return [`${name} ${escaped(mountPoint ?? '')} ${fileSystem.type} ${options} 0 0`];
    }
    // The initrd has put it together, and nothing is to be mounted again.
    if (spec.root.overlay) return [];
    if (spec.root.verity) return [`/dev/mapper/root / ${fileSystem.type} ro 0 0`];
    const options = [given ?? 'defaults', ...(growsWhenMounted(spec) ? ['x-systemd.growfs'] : [])];
    return [`${name} / ${fileSystem.type} ${options.join(',')} 0 1`];
  });
  return lines.map(line => `${line}\n`).join('');
}

/** Those that the system mounts or swaps to, each after what it is mounted in. */
function mounted(partitions: readonly DiskPartition[]): readonly DiskPartition[] {
  const depth = ({ role, mountPoint }: DiskPartition) =>
    role === 'root' ? 0 : (mountPoint ?? '').split('/').filter(Boolean).length;
  const swaps = partitions.filter(({ fileSystem }) => fileSystem?.type === 'swap');
  const places = partitions.filter(
    ({ role, mountPoint, fileSystem }) =>
      fileSystem !== undefined && fileSystem.type !== 'swap' && (role === 'root' || mountPoint !== undefined),
  );
  return [...places.sort((a, b) => depth(a) - depth(b)), ...swaps];
}

function growsWhenMounted({ grows, root }: BootRequest['spec']): boolean {
  return grows && !root.verity && ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs'].includes(root.type);
}

/** fstab separates its fields by blanks. */
function escaped(field: string): string {
  return field.replace(/[ \t\n\\]/g, char => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

const FSTAB = '/etc/fstab';

/**
 * The text as it is after what the description wants of it: /etc/fstab.append is put at its end, /etc/fstab.patch
 * applied, /etc/fstab.script run, and each removed from the tree.
 */
export async function finishedFstab(request: BootRequest): Promise<string> {
  const { tree, run, say } = request;
  const appended = readTextInTree(tree, `${FSTAB}.append`);
  let text =
    fstabText(request) +
    (appended === undefined || /\n$|^$/.test(appended) ? (appended ?? '') : `${appended}\n`);
  const steps = [
    { file: `${FSTAB}.patch`, args: ['patch', FSTAB, `${FSTAB}.patch`] },
    { file: `${FSTAB}.script`, args: ['/bin/bash', `${FSTAB}.script`] },
  ];
  for (const { file, args } of steps) {
    if (findInTree(tree, file)?.kind !== 'file') continue;
    say(`${file} changes the table of file systems`);
    writeInTree(tree, FSTAB, 0o644, textContent(text));
    const { status, output } = await run(args, {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C',
    });
    if (status !== 0) {
      throw new AshlarError(`${file} failed with: ${output.trim() || `exit status ${status}`}`);
    }
    text = readTextInTree(tree, FSTAB) ?? '';
  }
  for (const name of ['append', 'patch', 'script']) removeInTree(tree, `${FSTAB}.${name}`);
  return text;
}
