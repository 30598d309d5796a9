/** The words that several rows of the table share. */

export const imageTypes = [
  'oem',
  'iso',
  'docker',
  'oci',
  'appx',
  'wsl',
  'tbz',
  'cpio',
  'kis',
  'pxe',
  'enclave',
  'btrfs',
  'ext2',
  'ext3',
  'ext4',
  'squashfs',
  'xfs',
  'erofs',
] as const;

export const fileSystems = ['btrfs', 'ext2', 'ext3', 'ext4', 'squashfs', 'erofs', 'xfs'] as const;

export const packageManagers = ['apk', 'apt', 'zypper', 'dnf4', 'dnf5', 'microdnf', 'pacman'] as const;

/** `armv*` stands for all of that name. */
export const machines = [
  'x86_64',
  'i586',
  'i686',
  'ix86',
  'aarch64',
  'arm64',
  'amd64',
  'ppc',
  'ppc64',
  'ppc64le',
  's390',
  's390x',
  'riscv64',
] as const;

export function isMachine(name: string): boolean {
  return machines.some(machine => machine === name) || /^armv\w+$/.test(name);
}

/** The names of the partitions that disks have anyway. */
export const reservedPartitions = [
  'root',
  'readonly',
  'boot',
  'prep',
  'spare',
  'swap',
  'efi_csm',
  'efi',
] as const;
