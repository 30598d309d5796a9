/** Which partitions a disk has, in which order, and where they are: decided before anything is written. */
import { AshlarError } from '../support/errors.ts';
import { hasBios } from './boot/architecture.ts';
import { eightDigits, type Ids, idsOf, shortIdOf, uuidOf, volumeIdText } from './ids.ts';
import { alignDown, alignUp, MIB, mebibytes } from './pieces.ts';
import type {
  DiskPartition,
  MadePartition,
  NeededRoom,
  PartitionFileSystem,
  PartitionRole,
} from './request.ts';
import { guidTableSize } from './tables/gpt.ts';
import { CHAIN_ROOM } from './tables/mbr.ts';
import type { DiskSpec, FileSystemSpec, PartitionSpec } from './types.ts';

/** The core image of GRUB takes a quarter of it. */
export const LEGACY_SIZE = 2 * MIB;
export const ESP_LABEL = 'EFI';

/** The disk, and its partitions in the order in which they lie on it. */
export interface PlannedDisk {
  /** GUID, or eight hexadecimal digits of msdos tables. */
  readonly id: string;
  /** Of the MBR. */
  readonly signature: number;
  readonly partitions: readonly DiskPartition[];
}

/** A BIOS finds GRUB in a partition of its own on a GPT disk, and before the first partition on others. */
function hasLegacy({ architecture, firmware, legacyBoot, table, sectorSize }: DiskSpec): boolean {
  if (firmware === 'bios' && sectorSize !== 512)
    throw new AshlarError('no BIOS starts from a disk with sectors of 4096 bytes');
  const starts = firmware === 'bios' || (legacyBoot && sectorSize === 512 && hasBios(architecture));
  return starts && table === 'gpt';
}

export function planDisk(spec: DiskSpec, ids: Ids): PlannedDisk {
  const signature = shortIdOf(ids, 'disk signature');
  const wanted = wantedPartitions(spec, ids);
  const numbers = numbersOf(spec, wanted);
  const partitions = wanted.map(({ fixed: _, ...partition }, i): DiskPartition => {
    const number = numbers[i] ?? 0;
    const uuid =
      spec.table === 'gpt'
        ? uuidOf(ids, `partition ${partition.name}`)
        : `${eightDigits(signature)}-${number.toString(16).padStart(2, '0')}`;
    return { ...partition, number, uuid };
  });
  checkNames(partitions);
  return { id: spec.table === 'gpt' ? uuidOf(ids, 'disk') : eightDigits(signature), signature, partitions };
}

/** The number of the partition that holds /boot: of its own, else of the root. @throws AshlarError where no disk is possible */
export function bootPartitionNumber(spec: DiskSpec): number {
  // Numbers do not depend on ids.
  const { partitions } = planDisk(spec, idsOf(''));
  const numberOf = (role: PartitionRole) => partitions.find(partition => partition.role === role)?.number;
  return numberOf('boot') ?? numberOf('root') ?? 0;
}

interface WantedPartition extends Omit<DiskPartition, 'number' | 'uuid'> {
  /** The number that the description wants. */
  readonly fixed: number | undefined;
}

function wantedPartitions(spec: DiskSpec, ids: Ids): WantedPartition[] {
  const { numbers, root, boot, swap } = spec;
  const wanted: WantedPartition[] = [];
  if (hasLegacy(spec))
    wanted.push({ role: 'legacy', name: 'legacy', partitionName: 'p.legacy', fixed: numbers.legacy });
  if (spec.firmware !== 'bios') {
    const fileSystem = { type: 'vfat', uuid: volumeIdText(espId(ids)), label: ESP_LABEL } as const;
    const names = { role: 'efi', name: 'efi', partitionName: 'p.UEFI' } as const;
    wanted.push({ ...names, mountPoint: '/boot/efi', fileSystem, fixed: numbers.efi });
  }
  if (boot) {
    const names = { role: 'boot', name: 'boot', partitionName: 'p.lxboot' } as const;
    const fileSystem = fileSystemOf(boot, ids, 'boot');
    wanted.push({ ...names, mountPoint: '/boot', fileSystem, fixed: numbers.boot });
  }
  if (swap) {
    const fileSystem = { type: 'swap', uuid: uuidOf(ids, 'swap'), label: swap.label } as const;
    wanted.push({ role: 'swap', name: 'swap', partitionName: 'p.swap', fileSystem, fixed: undefined });
  }
  const data = (partition: PartitionSpec): WantedPartition => ({
    role: 'data',
    name: partition.name,
    partitionName: partition.partitionName,
    ...(partition.mountPoint !== undefined && { mountPoint: partition.mountPoint }),
    ...(partition.fileSystem && { fileSystem: fileSystemOf(partition.fileSystem, ids, partition.name) }),
    fixed: partition.number,
  });
  wanted.push(...spec.partitions.filter(partition => !partition.last).map(data));
  if (root.verity)
    wanted.push({ role: 'verity', name: 'verity', partitionName: 'p.lxverity', fixed: undefined });
  // Last, so that the running system can make it larger.
  const fileSystem = fileSystemOf(root, ids, 'root');
  const partitionName = root.overlay ? 'p.lxreadonly' : 'p.lxroot';
  const names = { role: 'root', name: 'root', partitionName } as const;
  wanted.push({ ...names, mountPoint: '/', fileSystem, fixed: numbers.root });
  wanted.push(...spec.partitions.filter(partition => partition.last).map(data));
  return wanted;
}

export function espId(ids: Ids): number {
  return shortIdOf(ids, 'efi');
}

function fileSystemOf(spec: FileSystemSpec, ids: Ids, name: string): PartitionFileSystem {
  const { type, label, mountOptions } = spec;
  return { type, label, uuid: uuidOf(ids, `file system ${name}`), ...(mountOptions && { mountOptions }) };
}

/** Those that the description says; the others get what is left, in their order. */
function numbersOf(spec: DiskSpec, wanted: readonly WantedPartition[]): number[] {
  const most = spec.table === 'gpt' ? 128 : 4;
  const taken = new Map<number, string>();
  for (const { fixed, name } of wanted) {
    if (fixed === undefined) continue;
    const other = taken.get(fixed);
    if (other !== undefined)
      throw new AshlarError(`the partitions ${other} and ${name} both have the number ${fixed}`);
    if (!Number.isInteger(fixed) || fixed < 1 || fixed > most)
      throw new AshlarError(
        `the partition ${name} cannot have the number ${fixed} in a table of type ${spec.table}`,
        {
          hint: `Numbers are from 1 to ${most}.`,
        },
      );
    taken.set(fixed, name);
  }
  if (spec.table === 'msdos' && wanted.length > 4) {
    if (taken.size > 0)
      throw new AshlarError(
        'numbers of partitions cannot be chosen where a table of type msdos has more than four',
      );
    // The third is an extended one, which holds all but the first two and the last: that one can grow.
    return wanted.map((_, i) => (i < 2 ? i + 1 : i === wanted.length - 1 ? 4 : i + 3));
  }
  let next = 1;
  return wanted.map(({ fixed }) => {
    if (fixed !== undefined) return fixed;
    while (taken.has(next)) next++;
    return next++;
  });
}

function checkNames(partitions: readonly DiskPartition[]): void {
  const names = new Set<string>();
  const mountPoints = new Set<string>();
  for (const { name, mountPoint } of partitions) {
    if (names.has(name)) throw new AshlarError(`two partitions have the name ${name}`);
    names.add(name);
    if (mountPoint === undefined) continue;
    if (mountPoint !== '/' && !/^(\/(?!\.{1,2}(\/|$))[^/]+)+$/.test(mountPoint))
      throw new AshlarError(`the partition ${name} cannot be mounted at ${JSON.stringify(mountPoint)}`, {
        hint: 'Say where by an absolute path, as in "/var/lib".',
      });
    if (mountPoints.has(mountPoint))
      throw new AshlarError(`two partitions are to be mounted at ${mountPoint}`);
    mountPoints.add(mountPoint);
  }
}

/** What contents need, in bytes. */
export interface ContentSizes {
  /** By the names of partitions: what their file systems need. The root is among them. */
  readonly fileSystems: ReadonlyMap<string, Pick<NeededRoom, 'least' | 'usual'>>;
  /** What the files of the ESP need. */
  readonly esp: number;
  /** What the hash tree of a root of so many bytes needs. */
  readonly hashTree: (rootSize: number) => number;
}

export interface Layout {
  readonly bytes: number;
  readonly partitions: readonly MadePartition[];
}

/**
 * Places for all partitions: each begins where the one before ends, at the next whole MiB. What a disk of fixed size has
 * left belongs to the root, where that has no size of its own, else to a last partition. Throws when contents have no
 * room.
 */
export function layOut(spec: DiskSpec, planned: PlannedDisk, content: ContentSizes): Layout {
  const { sectorSize, table } = spec;
  if (spec.firstSector * sectorSize < (table === 'gpt' ? guidTableSize(sectorSize) : sectorSize))
    throw new AshlarError(
      `no partition can start at sector ${spec.firstSector}: the partition table is there`,
    );
  const sizes = leastSizes(spec, planned.partitions, content);
  const tail = (table === 'gpt' ? MIB : 0) + spec.unpartitioned;
  const needed = endOf(place(spec, planned.partitions, sizes)) + tail;
  const fixed = spec.size.kind === 'fixed' ? alignDown(spec.size.bytes, sectorSize) : undefined;
  if (fixed !== undefined && needed > fixed)
    throw new AshlarError(
      `the disk is to have ${mebibytes(fixed)}, but what belongs on it needs ${mebibytes(alignUp(needed, MIB))}`,
      { hint: 'Without a size it is as large as its content needs.' },
    );
  const grows = growingPartition(spec);
  if (grows !== undefined) {
    const more = spec.size.kind === 'content' ? spec.size.additional : 0;
    const left = fixed === undefined ? alignUp(more, MIB) : alignDown(fixed - needed, MIB);
    sizes.set(grows, (sizes.get(grows) ?? 0) + left);
  }
  const partitions = place(spec, planned.partitions, sizes);
  return { bytes: fixed ?? alignUp(endOf(partitions) + tail, sectorSize), partitions };
}

/** The name of the partition that takes what is left. */
function growingPartition({ root, partitions }: DiskSpec): string | undefined {
  if (root.size === undefined && !neverChanges(root)) return 'root';
  return partitions.findLast(({ last }) => last)?.name;
}

/** Room for changes would stay empty. */
function neverChanges({ type, verity, overlay }: DiskSpec['root']): boolean {
  return Boolean(verity ?? overlay) || type === 'squashfs' || type === 'erofs';
}

function leastSizes(
  spec: DiskSpec,
  partitions: readonly DiskPartition[],
  content: ContentSizes,
): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { name, role } of partitions) {
    const { least, usual } = content.fileSystems.get(name) ?? { least: 0, usual: 0 };
    const given = givenSize(spec, role, name);
    if (given !== undefined && given < least)
      throw new AshlarError(
        `the partition ${name} is to have ${mebibytes(given)}, but its content needs ${mebibytes(alignUp(least, MIB))}`,
      );
    if (role === 'efi') sizes.set(name, alignUp(given ?? espSizeFor(content.esp), MIB));
    else if (role !== 'verity')
      sizes.set(
        name,
        alignUp(given ?? (spec.size.kind === 'fixed' || neverChanges(spec.root) ? least : usual), MIB),
      );
  }
  if (spec.root.verity) sizes.set('verity', alignUp(content.hashTree(sizes.get('root') ?? 0), MIB));
  return sizes;
}

function givenSize(spec: DiskSpec, role: PartitionRole, name: string): number | undefined {
  switch (role) {
    case 'legacy':
      return LEGACY_SIZE;
    case 'efi':
      return spec.espSize;
    case 'boot':
      return spec.boot?.size;
    case 'swap':
      return spec.swap?.size;
    case 'root':
      return spec.root.size;
    case 'data':
      return spec.partitions.find(partition => partition.name === name)?.size;
    case 'verity':
      return undefined;
  }
}

/** FAT32 starts here; twice the content, for an update lies beside what it replaces. */
function espSizeFor(content: number): number {
  return Math.max(33 * MIB, 2 * content);
}

function place(
  spec: DiskSpec,
  partitions: readonly DiskPartition[],
  sizes: ReadonlyMap<string, number>,
): MadePartition[] {
  const first = spec.firstSector * spec.sectorSize;
  let end = first;
  return partitions.map(partition => {
    const aligned = end === first ? first : alignUp(end, MIB);
    const isLogical = spec.table === 'msdos' && partition.number > 4;
    const start = isLogical ? aligned + CHAIN_ROOM : aligned;
    const size = sizes.get(partition.name) ?? 0;
    end = start + size;
    return { ...partition, start, size };
  });
}

function endOf(partitions: readonly MadePartition[]): number {
  return partitions.reduce((end, { start, size }) => Math.max(end, alignUp(start + size, MIB)), 0);
}
