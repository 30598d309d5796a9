/** `/.profile`: what scripts know of the description, as variables of a shell. */
import type { KiwiAttribute, KiwiDescription, KiwiSystemDisk } from '../model.ts';
import { flagOf, numberOf, textOf } from './attributes.ts';
import { firmwareOf, initrdSystemOf } from './type.ts';

/**
 * The variables by their names, sorted. Those that every description has are empty where nothing is said, because
 * scripts may run with `set -u`.
 */
export function profileVariables(description: KiwiDescription): Readonly<Record<string, string>> {
  const { type, preferences, packages, strip, systemdisk } = {
    ...description,
    ...description.type,
    type: description.type,
  };
  const { attributes, bootloader } = type;
  const isDisk = type.image === 'oem';
  const variables: Readonly<Record<string, string | undefined>> = {
    kiwi_align: '1048576',
    kiwi_boot_timeout: (bootloader && textOf(bootloader.attributes, 'timeout')) ?? '',
    kiwi_bootloader: isDisk || bootloader ? (bootloader?.name ?? 'grub2') : undefined,
    kiwi_bootloader_console: consoles(bootloader?.attributes ?? {}),
    kiwi_btrfs_root_is_snapper_snapshot: flagOf(attributes, 'btrfs_root_is_snapper_snapshot') ? 'true' : '',
    kiwi_btrfs_root_is_snapshot: flagOf(attributes, 'btrfs_root_is_snapper_snapshot') ? 'true' : '',
    kiwi_cmdline: textOf(attributes, 'kernelcmdline') ?? '',
    kiwi_delete: packages.delete.map(({ name }) => name).join(' '),
    kiwi_devicepersistency: textOf(attributes, 'devicepersistency') ?? '',
    kiwi_displayname: description.displayName ?? description.name,
    kiwi_drivers: description.drivers.join(','),
    kiwi_firmware: firmwareOf(description),
    kiwi_fsmountoptions: textOf(attributes, 'fsmountoptions') ?? '',
    kiwi_iname: description.name,
    kiwi_initrd_system: initrdSystemOf(type),
    kiwi_install_volid: isDisk ? (textOf(attributes, 'volid') ?? 'INSTALL') : undefined,
    kiwi_installboot: textOf(attributes, 'installboot') ?? '',
    kiwi_iversion: preferences.version,
    kiwi_keytable: preferences.keytable?.value,
    kiwi_language: preferences.locales?.value.join(','),
    kiwi_live_volid: type.image === 'iso' ? (textOf(attributes, 'volid') ?? 'CDROM') : undefined,
    kiwi_loader_theme: preferences.bootloaderTheme,
    kiwi_profiles: description.profiles.join(','),
    kiwi_sectorsize: '512',
    kiwi_shasum_suffix: '.sha256',
    kiwi_showlicense: preferences.showLicense.join(' '),
    kiwi_splash_theme: preferences.bootsplashTheme,
    kiwi_startsector: String(numberOf(attributes, 'disk_start_sector') ?? 2048),
    kiwi_strip_delete: strip.delete.join(' '),
    kiwi_strip_libs: strip.libs.join(' '),
    kiwi_strip_tools: strip.tools.join(' '),
    kiwi_target_blocksize: String(numberOf(attributes, 'target_blocksize') ?? 512),
    kiwi_timezone: preferences.timezone?.value,
    kiwi_type: type.image,
    ...(type.machine && { kiwi_xendomain: textOf(type.machine.attributes, 'domain') }),
    ...oemVariables(type.oemconfig),
    ...(systemdisk && volumeVariables(systemdisk, textOf(attributes, 'filesystem') !== 'btrfs')),
  };
  const given = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(given.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function profileText(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${shellQuoted(value)}\n`)
    .join('');
}

/** One word of a shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function consoles(attributes: Readonly<Record<string, KiwiAttribute>>): string {
  const output = textOf(attributes, 'output_console');
  const input = textOf(attributes, 'input_console');
  if (output === undefined && input === undefined) return 'default';
  return `${output ?? input}:${input ?? output}`;
}

/** The names that are not `kiwi_oem` and the element's without `oem-` and dashes. */
const OEM_NAMES: Readonly<Record<string, string>> = {
  'oem-systemsize': 'kiwi_oemrootMB',
  'oem-swapsize': 'kiwi_oemswapMB',
  'oem-boot-title': 'kiwi_oemtitle',
  'oem-multipath-scan': 'kiwi_oemmultipath_scan',
  'oem-partition-install': 'kiwi_oempartition_install',
  'oem-unattended-id': 'kiwi_oemunattended_id',
  'oem-recoveryID': 'kiwi_oemrecoveryID',
  'oem-recovery-part-size': 'kiwi_oemrecoveryPartSize',
  'oem-recovery-in-place': 'kiwi_oemrecoveryInPlace',
};

function oemVariables(oemconfig: Readonly<Record<string, KiwiAttribute>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(oemconfig).map(([element, { value }]) => [
      OEM_NAMES[element] ?? `kiwi_oem${element.replace(/^oem-/, '').replaceAll('-', '')}`,
      String(value),
    ]),
  );
}

/** `name|size|mountpoint` of each volume, numbered. */
function volumeVariables(
  { name, preferLvm, volumes }: KiwiSystemDisk,
  cannotHaveSubvolumes: boolean,
): Readonly<Record<string, string>> {
  const lvm = preferLvm || cannotHaveSubvolumes;
  const root = volumes.find(volume => /^@root(?:=|$)/.test(volume.name));
  const others = volumes.filter(volume => volume !== root);
  const line = (volume: string, size: string | undefined, mountpoint: string) =>
    `${volume}|${size ?? ''}|${mountpoint}`;
  return {
    ...(lvm && { kiwi_lvm: 'true', kiwi_lvmgroup: name ?? 'systemVG' }),
    kiwi_Volume_Root: line(root?.name.replace(/^@root=?/, '') || 'LVRoot', root?.size ?? 'all', ''),
    ...Object.fromEntries(
      others.map((volume, i) => [
        `kiwi_Volume_${i + 1}`,
        line(volume.name, volume.size ?? volume.freespace, volume.mountpoint ?? volume.name),
      ]),
    ),
  };
}
