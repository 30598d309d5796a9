/** The command line of the kernel. */
import { nameOfPartition, partitionOf } from './partitions.ts';
import type { BootRequest } from './types.ts';

/** What dm-verity checks the root against. */
export interface VerityRoot {
  /** Hexadecimal. */
  readonly rootHash: string;
  /** Hexadecimal. */
  readonly salt: string;
  /** Bytes of the root that the hash tree covers. */
  readonly dataSize: number;
}

export function namesRoot(commandLine: string): boolean {
  return /(?:^|\s)root=/.test(commandLine);
}

/** With `root=`, unless the description has given that. */
export function kernelCommandLine(
  { spec, partitions }: Pick<BootRequest, 'spec' | 'partitions'>,
  verity?: VerityRoot,
): string {
  const given = spec.kernelCommandLine.trim();
  if (namesRoot(given)) return given;
  const by = spec.root.overlay ? 'partuuid' : spec.identifiedBy;
  const root = verity ? '/dev/dm-0' : nameOfPartition(partitionOf(partitions, 'root'), by);
  return [
    ...(given === '' ? [] : [given]),
    ...(verity ? ['ro', `dm-mod.create="${verityTable(partitions, verity)}"`] : []),
    ...changesWord({ spec, partitions }),
    `root=${spec.root.overlay ? 'overlay:' : ''}${root}`,
  ].join(' ');
}

/** In the words of KIWI's module for dracut. */
function changesWord({ spec, partitions }: Pick<BootRequest, 'spec' | 'partitions'>): readonly string[] {
  const keeper = partitions.find(({ name }) => name === spec.root.changesIn);
  return keeper ? [`rd.root.overlay.write=PARTUUID=${keeper.uuid}`] : [];
}

const BLOCK = 4096;
const SECTOR = 512;

/** A device `root`, read-only, in the words of the kernel's dm-init; the hash tree follows a superblock of one block. */
function verityTable(
  partitions: BootRequest['partitions'],
  { rootHash, salt, dataSize }: VerityRoot,
): string {
  const [data, hashes] = (['root', 'verity'] as const).map(
    role => `PARTUUID=${partitionOf(partitions, role).uuid}`,
  );
  return [
    `root,,,ro,0 ${dataSize / SECTOR} verity 1 ${data} ${hashes} ${BLOCK} ${BLOCK}`,
    `${dataSize / BLOCK} 1 sha256 ${rootHash} ${salt}`,
  ].join(' ');
}
