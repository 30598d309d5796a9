/** What descriptions may ask for and ashlar does not make: said before any work, with what to do instead. */
import { AshlarError } from '../../../support/errors.ts';
import type { KiwiDescription, KiwiType } from '../model.ts';
import { flagOf, textOf } from './attributes.ts';
import type { KiwiPlanOptions } from './options.ts';
import { namedScript } from './scripts.ts';
import { firmwareOf } from './type.ts';

const TYPES: Readonly<Record<string, string>> = {
  iso: 'image="oem" makes a disk that can be written to a stick',
  pxe: 'image="oem" makes a disk, image="tbz" an archive of the tree',
  kis: 'image="oem" makes a disk, image="tbz" an archive of the tree',
  wsl: 'image="tbz" makes an archive that WSL imports',
  appx: 'image="tbz" makes an archive that WSL imports',
  enclave: 'image="oem" makes a disk',
};

/** Attributes that need what no build without root rights has, or that are not built in. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  luks: 'the disk is not encrypted: leave it out, and encrypt the disk when the machine first starts',
  mdraid: 'the disk is in no RAID: leave it out',
  overlayroot:
    'the root file system is not overlaid: leave it out; verity_blocks makes one that cannot be changed',
  standalone_integrity: 'leave it out; verity_blocks protects a root that cannot be changed',
  btrfs_root_is_snapper_snapshot: 'leave it out, and set snapper up when the machine first starts',
  btrfs_root_is_readonly_snapshot: 'leave it out',
  root_clone: 'leave it out',
  boot_clone: 'leave it out',
  dosparttable_extended_layout: 'leave it out, or use a partition table of type gpt',
  delta_root: 'leave it out: layers of the base are shared anyway',
  xen_server: 'leave it out',
};

/** Attributes that are understood but whose additional results are left out. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  installiso: 'no medium for installing is made, only the disk: write it to its place as it is',
  installstick: 'no medium for installing is made, only the disk: write it to its place as it is',
  installpxe: 'no archive for installing over the network is made, only the disk',
  selinux_policy: 'files get no SELinux labels: let the machine do that when it first starts',
  force_mbr: 'the partition table is of the type that the firmware needs',
  embed_verity_metadata: 'the root hash is on the command line of the kernel',
};

/** @throws AshlarError for what cannot be built; warns of what is left out. */
export function refuseUnsupported(
  description: KiwiDescription,
  { warn }: Pick<KiwiPlanOptions, 'warn'>,
): void {
  const { type, architecture } = description;
  const { image, attributes } = type;
  const instead = Object.hasOwn(TYPES, image) ? TYPES[image] : undefined;
  if (instead !== undefined) {
    throw new AshlarError(`<type image="${image}">: ashlar does not build this type`, {
      at: type.at,
      hint: instead,
    });
  }
  for (const [name, hint] of Object.entries(ATTRIBUTES)) {
    const attribute = attributes[name];
    if (attribute === undefined || isOff(type, name)) continue;
    throw new AshlarError(`${name}="${attribute.value}": ashlar does not build this`, {
      at: attribute.at,
      hint,
    });
  }
  if (namedScript('editbootinstall', description) !== undefined) {
    throw new AshlarError('editbootinstall expects a block device, and ashlar uses none', {
      at: attributes.editbootinstall?.at,
      hint: 'change the tree in disk.sh, or change the disk after the build',
    });
  }
  if (image === 'oem') refuseForDisks(description);
  for (const [name, what] of Object.entries(LEFT_OUT)) {
    if (attributes[name] && !isOff(type, name)) warn(`${name}: ${what}`, attributes[name].at);
  }
  const firmware = firmwareOf(description);
  if (image === 'oem' && !['bios', 'ec2', 'efi', 'uefi'].includes(firmware)) {
    throw new AshlarError(`support for firmware ${firmware} for arch ${architecture} not implemented`, {
      at: attributes.firmware?.at ?? type.at,
    });
  }
}

function refuseForDisks({ type }: KiwiDescription): void {
  const { attributes, systemdisk, bootloader, partitions } = type;
  const filesystem = textOf(attributes, 'filesystem');
  if (systemdisk && (systemdisk.preferLvm || filesystem !== 'btrfs')) {
    throw new AshlarError('<systemdisk>: ashlar does not make volumes of LVM', {
      at: systemdisk.at,
      hint: 'use filesystem="btrfs" without preferlvm, whose volumes are subvolumes, or <partitions>',
    });
  }
  if (bootloader && ['zipl', 'grub2_s390x_emu'].includes(bootloader.name)) {
    throw new AshlarError(`<bootloader name="${bootloader.name}">: ashlar does not install it`, {
      at: bootloader.at,
      hint: 'there are grub2, systemd_boot and custom',
    });
  }
  const clone = partitions.find(partition => (partition.clone ?? 0) > 0);
  if (clone)
    throw new AshlarError('clone: ashlar does not build this', { at: clone.at, hint: 'leave it out' });
}

/** `luks` has a password, the others are booleans or names. */
function isOff({ attributes }: KiwiType, name: string): boolean {
  return ['false', '0'].includes(textOf(attributes, name) ?? '') || flagOf(attributes, name) === undefined;
}
