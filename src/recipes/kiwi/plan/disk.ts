/** The disk of an `oem` type, as data: section for section what the description says, defaults filled in. */
import type {
  BootMenu,
  DiskSpec,
  FileSystemSpec,
  FileSystemType,
  PartitionSpec,
} from '../../../plan/outputs.ts';
import { AshlarError } from '../../../support/errors.ts';
import type { KiwiAttribute, KiwiDescription, KiwiPartition, KiwiType } from '../model.ts';
import { mebibytesOf } from '../resolve/values.ts';
import { flagOf, numberOf, textOf, wordsOf } from './attributes.ts';
import { FILE_SYSTEM_TYPES, firmwareOf, initrdSystemOf } from './type.ts';

const MEGABYTE = 1 << 20;

export function diskSpec(description: KiwiDescription): DiskSpec {
  const { type, architecture } = description;
  const { attributes, oemconfig, size } = type;
  const firmware = bootFirmware(description);
  const isMsdos =
    textOf(attributes, 'efiparttable') === 'msdos' || (flagOf(attributes, 'force_mbr') ?? false);
  const table = firmware === 'bios' || isMsdos ? 'msdos' : 'gpt';
  const grows = flagOf(oemconfig, 'oem-resize') ?? true;
  const rootSize = grows ? undefined : numberOf(oemconfig, 'oem-systemsize');
  const espSize = numberOf(attributes, 'efipartsize');
  const unpartitioned = size?.unpartitioned ?? 0;
  const overlay = hasOverlay(type);
  const keeper = changesPartition(type, rootSize);
  const readOnlySize = overlay ? numberOf(attributes, 'overlayroot_readonly_partsize') : undefined;
  const subvolumes = subvolumesOf(type);
  // A BIOS reads sectors of 512 bytes.
  const sectorSize = numberOf(attributes, 'target_blocksize') === 4096 ? 4096 : 512;
  return {
    architecture,
    table,
    firmware,
    legacyBoot:
      firmware !== 'bios' &&
      table === 'gpt' &&
      /^(?:x86_64|i[3-6]86|ix86)$/.test(architecture) &&
      sectorSize === 512 &&
      (flagOf(attributes, 'eficsm') ?? true),
    loader: loaderOf(type),
    root: {
      ...rootFileSystem(type),
      ...sizeOf(overlay ? readOnlySize : rootSize),
      ...(hasVerity(type) && { verity: true as const }),
      ...(overlay && { overlay: true as const }),
      ...(keeper && { changesIn: keeper.name }),
      ...(subvolumes.length > 0 && { subvolumes }),
    },
    ...(espSize !== undefined && { espSize: espSize * MEGABYTE }),
    ...(hasBootPartition(type) && { boot: bootPartition(type) }),
    ...(flagOf(oemconfig, 'oem-swap') && {
      swap: { size: (numberOf(oemconfig, 'oem-swapsize') ?? 128) * MEGABYTE, label: 'SWAP' },
    }),
    partitions: [...type.partitions.map(partitionSpec), ...(keeper ? [keeper] : []), ...sparePartition(type)],
    size:
      size && !size.additive
        ? { kind: 'fixed', bytes: size.megabytes * MEGABYTE }
        : { kind: 'content', additional: Math.max(0, (size?.megabytes ?? 0) - unpartitioned) * MEGABYTE },
    unpartitioned: unpartitioned * MEGABYTE,
    kernelCommandLine: textOf(attributes, 'kernelcmdline') ?? '',
    identifiedBy: identification(type),
    initrd: { kind: initrdKind(type), options: dracutOptions(type) },
    menu: bootMenu(description),
    grows,
    firstSector: numberOf(attributes, 'disk_start_sector') ?? 2048,
    sectorSize,
    numbers: fixedNumbers(type),
    hybridMbr: flagOf(attributes, 'gpt_hybrid_mbr') ?? false,
    tellsNumbers: true,
  };
}

/** What makes its file systems, each by itself: throws for one that there is not. */
export function diskFileSystems(type: KiwiType): readonly (() => unknown)[] {
  return [
    () => rootFileSystem(type),
    ...(hasBootPartition(type) ? [() => bootPartition(type)] : []),
    ...type.partitions.map(partition => () => partitionSpec(partition)),
    () => sparePartition(type),
  ];
}

function hasOverlay({ attributes }: KiwiType): boolean {
  return flagOf(attributes, 'overlayroot') ?? false;
}

function hasBootPartition(type: KiwiType): boolean {
  return flagOf(type.attributes, 'bootpartition') ?? hasOverlay(type);
}

function rootFileSystem(type: KiwiType): FileSystemSpec {
  if (!hasOverlay(type)) return fileSystemOf(type);
  return fileSystemOf(type, textOf(type.attributes, 'overlayroot_readonly_filesystem') ?? 'squashfs');
}

function sizeOf(megabytes: number | undefined): { readonly size?: number } {
  return megabytes === undefined ? {} : { size: megabytes * MEGABYTE };
}

/** Where nobody says how large the disk is: it takes no room as long as nothing is in it. */
const CHANGES = 1024;
const LEAST_CHANGES = 64;

/** What keeps the changes of a root that is read-only, and takes the rest of the disk. */
function changesPartition(type: KiwiType, megabytes: number | undefined): PartitionSpec | undefined {
  const { attributes, size } = type;
  if (!flagOf(attributes, 'overlayroot') || flagOf(attributes, 'overlayroot_write_partition') === false)
    return undefined;
  return {
    name: 'changes',
    partitionName: 'p.lxroot',
    partitionType: 'linux',
    size: (megabytes ?? (size ? LEAST_CHANGES : CHANGES)) * MEGABYTE,
    fileSystem: fileSystemOf(type),
    last: true,
  };
}

function bootFirmware(description: KiwiDescription): DiskSpec['firmware'] {
  const firmware = firmwareOf(description);
  return firmware === 'efi' || firmware === 'uefi' ? firmware : 'bios';
}

/** The file system that the type's attributes describe. @throws AshlarError without any. */
export function fileSystemOf(type: KiwiType, kind = textOf(type.attributes, 'filesystem')): FileSystemSpec {
  const { attributes, at } = type;
  const mountOptions = textOf(attributes, 'fsmountoptions');
  const name = fileSystemType(kind, at);
  const compression = textOf(attributes, name === 'squashfs' ? 'squashfscompression' : 'erofscompression');
  return {
    type: name,
    label: textOf(attributes, 'rootfs_label') ?? 'ROOT',
    ...(mountOptions !== undefined && { mountOptions }),
    createOptions: wordsOf(attributes, 'fscreateoptions'),
    ...(compression !== undefined && (name === 'squashfs' || name === 'erofs') && { compression }),
  };
}

function fileSystemType(
  name: string | undefined,
  at: KiwiType['at'],
  what = `unknown file system: ${name}`,
): FileSystemType {
  const type = FILE_SYSTEM_TYPES.find(known => known === name);
  if (type) return type;
  throw new AshlarError(name === undefined ? 'filesystem is missing' : what, {
    at,
    hint: `there are ${FILE_SYSTEM_TYPES.join(', ')}`,
  });
}

export function hasVerity({ attributes }: KiwiType): boolean {
  const blocks = textOf(attributes, 'verity_blocks');
  return blocks !== undefined && blocks !== '0';
}

function bootPartition(type: KiwiType): NonNullable<DiskSpec['boot']> {
  const { attributes, at } = type;
  const kind = textOf(attributes, 'bootfilesystem') ?? textOf(attributes, 'filesystem');
  return {
    type: fileSystemType(kind, attributes.bootfilesystem?.at ?? at, `/boot cannot be ${kind}`),
    label: 'BOOT',
    createOptions: [],
    size: (numberOf(attributes, 'bootpartsize') ?? 300) * MEGABYTE,
  };
}

function loaderOf({ bootloader, initrd }: KiwiType): DiskSpec['loader'] {
  switch (bootloader?.name) {
    case 'systemd_boot':
      return initrd.some(({ action, uefi }) => action === 'setup' && uefi) ? 'uki' : 'systemd-boot';
    case 'custom':
      return 'none';
    default:
      return 'grub';
  }
}

function partitionSpec(partition: KiwiPartition): PartitionSpec {
  const { name, megabytes, partitionName, partitionType, mountpoint, filesystem, label, id, at } = partition;
  return {
    name,
    partitionName: partitionName ?? `p.lx${name}`,
    partitionType: partitionType === 't.raid' ? 'raid' : partitionType === 't.swap' ? 'swap' : 'linux',
    size: megabytes * MEGABYTE,
    ...(mountpoint !== undefined && { mountPoint: mountpoint }),
    ...(filesystem !== undefined && {
      fileSystem: {
        type: fileSystemType(filesystem, at),
        label: label ?? name.toUpperCase(),
        createOptions: [],
      },
    }),
    ...(id !== undefined && { number: id }),
  };
}

function sparePartition(type: KiwiType): readonly PartitionSpec[] {
  const { attributes, at } = type;
  const size = textOf(attributes, 'spare_part');
  if (size === undefined) return [];
  const kind = textOf(attributes, 'spare_part_fs');
  const mountPoint = textOf(attributes, 'spare_part_mountpoint');
  return [
    {
      name: 'spare',
      partitionName: 'p.spare',
      partitionType: 'linux',
      size: mebibytesOf(size) * MEGABYTE,
      ...(mountPoint !== undefined && { mountPoint }),
      ...(kind !== undefined && {
        fileSystem: { type: fileSystemType(kind, at), label: 'SPARE', createOptions: [] },
      }),
      ...(flagOf(attributes, 'spare_part_is_last') && { last: true as const }),
    },
  ];
}

function subvolumesOf({ systemdisk }: KiwiType) {
  return (systemdisk?.volumes ?? [])
    .filter(({ name }) => !/^@(?:root)?(?:=|$)/.test(name))
    .map(({ name, mountpoint, copyOnWrite }) => ({
      path: `/${(mountpoint ?? name).replace(/^[@/]+/, '')}`,
      copyOnWrite,
    }));
}

function identification({ attributes }: KiwiType): DiskSpec['identifiedBy'] {
  switch (textOf(attributes, 'devicepersistency')) {
    case 'by-label':
      return 'label';
    case 'by-partuuid':
      return 'partuuid';
    default:
      return 'uuid';
  }
}

/** The tree's own program makes the initrd only where the description asks for it: it takes most of the time. */
function initrdKind({ attributes, initrd }: KiwiType): DiskSpec['initrd']['kind'] {
  return attributes.initrd_system?.value === 'dracut' || initrd.some(({ action }) => action !== 'setup')
    ? 'tree'
    : 'found';
}

function dracutOptions(type: KiwiType): readonly string[] {
  if (initrdSystemOf(type) !== 'dracut') return [];
  const words = (action: 'add' | 'omit' | 'set') => {
    const chosen = type.initrd.filter(initrd => initrd.action === action);
    return {
      modules: chosen.flatMap(({ modules }) => modules),
      drivers: chosen.flatMap(({ drivers }) => drivers),
    };
  };
  const [add, omit, set] = [words('add'), words('omit'), words('set')];
  const option = (name: string, list: readonly string[]) => (list.length > 0 ? [name, list.join(' ')] : []);
  const multipath = flagOf(type.oemconfig, 'oem-multipath-scan') ? [] : ['multipath'];
  return [
    ...option('--add', add.modules),
    ...option('--add-drivers', add.drivers),
    ...option('--omit', [...multipath, ...omit.modules]),
    ...option('--omit-drivers', omit.drivers),
    ...option('--modules', set.modules),
    ...option('--drivers', set.drivers),
  ];
}

function bootMenu({ name, displayName, type }: KiwiDescription): BootMenu {
  const attributes = type.bootloader?.attributes ?? {};
  const style = textOf(attributes, 'timeout_style');
  const serialLine = textOf(attributes, 'serial_line');
  const outputs = consoles(attributes, 'output_console');
  const mode = textOf(attributes, 'video_mode');
  return {
    title: textOf(type.oemconfig, 'oem-boot-title') ?? displayName ?? `${name} [ OEM ]`,
    timeout: numberOf(attributes, 'timeout') ?? 10,
    ...((style === 'countdown' || style === 'hidden' || style === 'menu') && { timeoutStyle: style }),
    inputs: attributes.input_console ? consoles(attributes, 'input_console') : outputs,
    outputs,
    ...(serialLine !== undefined && { serialLine: serialLine.replace(/^serial\s+/, '') }),
    settings: mode === undefined || mode === 'auto' ? {} : { GRUB_GFXMODE: mode },
  };
}

function consoles(attributes: Readonly<Record<string, KiwiAttribute>>, name: string): readonly string[] {
  return wordsOf(attributes, name).filter(word => word !== 'none');
}

function fixedNumbers({ attributes }: KiwiType): DiskSpec['numbers'] {
  const numbers = {
    efi: numberOf(attributes, 'efipart_id'),
    legacy: numberOf(attributes, 'eficsmpart_id'),
    root: numberOf(attributes, 'rootpart_id'),
    boot: numberOf(attributes, 'bootpart_id'),
  };
  return Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== undefined));
}
