/** Programs that ashlar starts, and the packages that have them. */
import { AshlarError } from './errors.ts';
import { findProgram } from './process.ts';

/** By distribution: one name where all three have the same, none where one does not have it. */
type Packages = string | readonly [debian: string | null, fedora: string | null, opensuse: string | null];

const PACKAGES: Readonly<Record<string, Packages>> = {
  unshare: 'util-linux',
  newuidmap: ['uidmap', 'shadow-utils', 'shadow'],
  crun: 'crun',
  runc: 'runc',
  zstd: 'zstd',
  xz: ['xz-utils', 'xz', 'xz'],
  bzip2: 'bzip2',
  skopeo: 'skopeo',
  mksquashfs: ['squashfs-tools', 'squashfs-tools', 'squashfs'],
  unsquashfs: ['squashfs-tools', 'squashfs-tools', 'squashfs'],
  'mkfs.erofs': 'erofs-utils',
  'fsck.erofs': 'erofs-utils',
  mke2fs: 'e2fsprogs',
  'mkfs.btrfs': ['btrfs-progs', 'btrfs-progs', 'btrfsprogs'],
  'mkfs.xfs': 'xfsprogs',
  busybox: ['busybox-static', 'busybox', 'busybox-static'],
  'grub-mkimage': ['grub-common', 'grub2-tools', 'grub2'],
  'qemu-img': ['qemu-utils', 'qemu-img', 'qemu-tools'],
  'qemu-system-x86_64': ['qemu-system-x86', 'qemu-system-x86-core', 'qemu-x86'],
  'qemu-system-aarch64': ['qemu-system-arm', 'qemu-system-aarch64-core', 'qemu-arm'],
  dnf: 'dnf',
  dnf5: [null, 'dnf5', 'dnf5'],
  microdnf: [null, 'microdnf', 'microdnf'],
  zypper: 'zypper',
  'apt-get': 'apt',
  mmdebstrap: ['mmdebstrap', 'mmdebstrap', null],
  apk: [null, null, 'apk-tools'],
  pacman: ['pacman-package-manager', 'pacman', null],
};

/** What to type to get a program; undefined for one that is not known here. */
export function installationOf(program: string): string | undefined {
  const packages = PACKAGES[program];
  if (packages === undefined) return undefined;
  return ['apt', 'dnf', 'zypper']
    .map((installer, i) => [installer, typeof packages === 'string' ? packages : packages[i]] as const)
    .flatMap(([installer, name]) => (name ? [`${installer} install ${name}`] : []))
    .join(' | ');
}

/**
 * The absolute path of a program, the first of several names that is there.
 * @param purpose What needs it: `an ext4 file system`.
 * @throws AshlarError that names the packages when it is missing.
 */
export function requireProgram(names: string | readonly [string, ...string[]], purpose: string): string {
  const [first, ...others] = typeof names === 'string' ? [names] : names;
  const found = [first, ...others].map(name => findProgram(name)).find(path => path !== undefined);
  if (found !== undefined) return found;
  throw new AshlarError(`cannot find the program '${first}', which ${purpose} needs`, {
    hint: installationOf(first),
  });
}
