/** /config.partids: numbers of partitions for programs of KIWI that run when a machine starts. */
import type { DiskPartition } from './request.ts';
import type { DiskSpec } from './types.ts';

/** One line for each partition: `kiwi_RootPart="3"`. */
export function partitionNumbers(spec: DiskSpec, partitions: readonly DiskPartition[]): string {
  const root = partitions.find(({ role }) => role === 'root');
  const keeper = partitions.find(({ name }) => name === spec.root.changesIn);
  // KIWI calls root what is written to.
  const readOnly = keeper && root;
  const names = partitions
    .filter(partition => partition.role !== 'verity' && partition !== readOnly)
    .map(({ name, number }) => [shown(name === keeper?.name ? 'root' : name), number] as const);
  // Whoever looks for what the boot loader reads finds it on the root where /boot is no partition.
  if (root && !partitions.some(({ role }) => role === 'boot')) names.push(['BootPart', root.number]);
  if (root && spec.root.overlay) names.push(['ROPart', root.number]);
  if (keeper) names.push(['RWPart', keeper.number]);
  const lines = names.map(([name, number]) => `kiwi_${name}="${number}"\n`);
  return lines.sort().join('');
}

function shown(name: string): string {
  if (name === 'legacy') return 'BiosGrub';
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}Part`;
}
