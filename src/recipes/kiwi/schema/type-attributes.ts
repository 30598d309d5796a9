/** The attributes of `<type>`. */
import { type AttributeRule, type Attributes, ignored, refused, type ValueForm } from './forms.ts';
import { fileSystems, imageTypes } from './words.ts';

const oem = ['oem'];
const oemIso = ['oem', 'iso'];
const oemIsoPxe = ['oem', 'iso', 'pxe'];
const oemIsoPxeKis = ['oem', 'iso', 'pxe', 'kis'];
const containers = ['docker', 'oci'];

const words = (...all: readonly string[]): ValueForm => ({ words: all });
const fileSystem: ValueForm = { words: fileSystems };
const size: ValueForm = { pattern: /^\d+[MG]?$/, like: 'a size like 512M or 4G' };

function attribute(
  form: ValueForm,
  text: string,
  more: Omit<AttributeRule, 'form' | 'text'> = {},
): AttributeRule {
  return { form, text, ...more };
}

const encrypted = refused('encrypted roots need the device mapper, which ashlar does without');
const raid = refused('RAID needs kernel devices, which ashlar does without');
const integrity = refused('dm-integrity needs the device mapper, which ashlar does without');
const installer = ignored('the disk is made, but no medium that installs it');
const snapper = refused(
  'snapshots are not made: leave it out, and set snapper up when the machine first starts',
);
const live = ignored('live media are not made');
const legacy = ignored('it belongs to image types of old KIWI versions');

export const typeAttributes: Attributes = {
  image: attribute({ words: imageTypes }, 'What is made of the tree.', { required: true }),
  primary: attribute('boolean', 'Whether this is the type when none is asked for; the first is otherwise.'),
  filesystem: attribute(fileSystem, 'The file system of the root.', { images: oemIsoPxeKis }),
  firmware: attribute(
    words('bios', 'ec2', 'efi', 'uefi', 'ofw', 'opal', 'custom'),
    'How the machine starts: `bios` on x86, `efi` on ARM and RISC-V, `ofw` on POWER when not given.',
    { images: oemIsoPxe },
  ),
  eficsm: attribute('boolean', 'Whether a UEFI disk starts with a BIOS too; `true` when not given.', {
    images: oemIso,
  }),
  efiparttable: attribute(words('gpt', 'msdos'), 'The partition table with EFI; `gpt` when not given.', {
    images: oemIso,
  }),
  efipartsize: attribute('integer', 'The size of the EFI partition in MiB; what is needed when not given.', {
    images: oem,
  }),
  efifatimagesize: attribute('integer', 'The size of the FAT image of live media in MiB.', {
    images: oemIso,
    outcome: live,
  }),
  bootpartition: attribute('boolean', 'Whether /boot is a partition; as needed when not given.', {
    images: oem,
  }),
  bootpartsize: attribute('integer', 'The size of /boot in MiB; 300 when not given.', { images: oem }),
  bootfilesystem: attribute(
    words('ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'fat16', 'fat32'),
    'The file system of /boot; that of the root when not given. `fat16` and `fat32` are refused.',
    { images: oem },
  ),
  format: attribute(
    {
      pattern:
        /^(gce|ova|qcow2|vagrant|vmdk|vdi|vhd|vhdx|vhd-fixed|(oci|docker):(raw|gce|ova|qcow2|vagrant|vmdk|vdi|vhd|vhdx|vhd-fixed))$/,
      like: 'gce, ova, qcow2, vagrant, vmdk, vdi, vhd, vhdx, vhd-fixed, or one of them or raw behind oci: or docker:',
    },
    'The format that the disk comes in, besides raw.',
    { images: oem },
  ),
  formatoptions: attribute('text', 'Options of the format, with commas between.', { images: oem }),
  kernelcmdline: attribute('text', 'What the kernel is told when it starts.', {
    images: [...oemIsoPxeKis, 'enclave'],
  }),
  devicepersistency: attribute(
    words('by-uuid', 'by-label', 'by-partuuid'),
    'How file systems are named in fstab and boot menu; `by-uuid` when not given.',
  ),
  rootfs_label: attribute('text', 'The label of the root; `ROOT` when not given.', {
    images: ['oem', 'pxe', 'kis', 'docker'],
  }),
  fsmountoptions: attribute('text', 'Mount options of the root.'),
  fscreateoptions: attribute('text', 'Options of the program that makes the root, with blanks between.'),
  initrd_system: attribute(
    words('dracut', 'kiwi', 'none'),
    'What makes the initrd: `dracut` for oem, iso and kis, `kiwi` for pxe, `none` otherwise.',
    { images: ['oem', 'pxe', 'kis'] },
  ),
  disk_start_sector: attribute('integer', 'The first sector of the first partition; 2048 when not given.', {
    images: oem,
  }),
  target_blocksize: attribute(
    'integer',
    'The size of the sectors of the disk in bytes; 512 when not given.',
    {
      images: ['oem', 'kis'],
    },
  ),
  target_removable: attribute('boolean', 'Whether the disk is a removable one.', {
    images: oem,
    outcome: ignored('loaders are always where firmware looks on removable disks'),
  }),
  gpt_hybrid_mbr: attribute('boolean', 'Whether partitions are in an msdos table as well.', {
    images: oemIso,
  }),
  force_mbr: attribute('boolean', 'Whether the table is msdos whatever the firmware.', { images: oem }),
  dosparttable_extended_layout: attribute('boolean', 'Whether an msdos table has an extended partition.', {
    images: oem,
    outcome: ignored('it has one where there are more than four partitions, and none otherwise'),
  }),
  efipart_id: attribute('integer', 'The number of the EFI partition.', { images: oem }),
  eficsmpart_id: attribute('integer', 'The number of the partition for a BIOS.', { images: oem }),
  rootpart_id: attribute('integer', 'The number of the root partition.', { images: oem }),
  bootpart_id: attribute('integer', 'The number of the boot partition.', { images: oem }),
  spare_part: attribute(size, 'The size of an empty partition.', { images: oem }),
  spare_part_fs: attribute(fileSystem, 'Its file system.', { images: oem }),
  spare_part_mountpoint: attribute('text', 'Where it is mounted.', { images: oem }),
  spare_part_fs_attributes: attribute('text', 'Attributes of its root, as chattr has them.', {
    images: oem,
    outcome: ignored('attributes of that kind are not set'),
  }),
  spare_part_is_last: attribute('boolean', 'Whether it comes last instead of the root.', { images: oem }),
  overlayroot: attribute('boolean', 'Whether the root is read-only, with an overlay above.', { images: oem }),
  overlayroot_write_partition: attribute('boolean', 'Whether the overlay is on a partition.', {
    images: oem,
  }),
  overlayroot_readonly_filesystem: attribute(words('squashfs', 'erofs'), 'The read-only file system.', {
    images: oem,
  }),
  overlayroot_readonly_partsize: attribute('integer', 'The size of its partition in MiB.', {
    images: oem,
  }),
  squashfscompression: attribute(
    words('uncompressed', 'gzip', 'lzo', 'lz4', 'xz', 'zstd'),
    'The compression of squashfs.',
  ),
  erofscompression: attribute('text', 'The compression of erofs, as mkfs.erofs has it.'),
  btrfs_root_is_subvolume: attribute('boolean', 'Whether the root of btrfs is the subvolume @.', {
    images: oem,
    outcome: ignored('the root is the top of the file system'),
  }),
  btrfs_set_default_volume: attribute('boolean', 'Whether that subvolume is the default one.', {
    images: oem,
    outcome: ignored('the root is the top of the file system'),
  }),
  btrfs_quota_groups: attribute('boolean', 'Whether btrfs keeps quota groups.', {
    images: oem,
    outcome: ignored('quota are for the running system to switch on'),
  }),
  btrfs_root_is_snapper_snapshot: attribute('boolean', 'Whether the root is the first snapshot of snapper.', {
    images: oem,
    outcome: snapper,
  }),
  btrfs_root_is_readonly_snapshot: attribute('boolean', 'Whether that snapshot is read-only.', {
    images: oem,
    outcome: snapper,
  }),
  luks: attribute('text', 'The passphrase of an encrypted root.', {
    images: oemIsoPxeKis,
    outcome: encrypted,
  }),
  luks_version: attribute('text', 'The version of LUKS.', { images: oemIsoPxeKis, outcome: encrypted }),
  luks_pbkdf: attribute('text', 'The key derivation of LUKS.', { images: oemIsoPxeKis, outcome: encrypted }),
  luks_randomize: attribute('boolean', 'Whether the encrypted device is filled at random.', {
    images: oemIsoPxeKis,
    outcome: encrypted,
  }),
  luksOS: attribute('text', 'Options of LUKS for a distribution.', {
    images: oemIsoPxeKis,
    outcome: encrypted,
  }),
  mdraid: attribute(words('mirroring', 'striping'), 'The RAID that the root is on.', {
    images: oem,
    outcome: raid,
  }),
  verity_blocks: attribute(
    { pattern: /^(\d+|all)$/, like: 'a number or all' },
    'How many blocks dm-verity covers.',
    {
      images: oemIso,
    },
  ),
  embed_verity_metadata: attribute('boolean', 'Whether the root hash is on the disk.', {
    images: oemIso,
    outcome: ignored('the root hash is on the EFI partition in any case'),
  }),
  standalone_integrity: attribute('boolean', 'Whether the root is on dm-integrity.', {
    images: oem,
    outcome: integrity,
  }),
  integrity_legacy_hmac: attribute('boolean', 'An old form of dm-integrity.', {
    images: oem,
    outcome: integrity,
  }),
  integrity_keyfile: attribute('text', 'The key of dm-integrity.', { images: oem, outcome: integrity }),
  integrity_metadata_key_description: attribute('text', 'The name of that key.', {
    images: oem,
    outcome: integrity,
  }),
  embed_integrity_metadata: attribute('boolean', 'Whether facts of dm-integrity are on the disk.', {
    images: oem,
    outcome: integrity,
  }),
  installiso: attribute('boolean', 'Whether an ISO that installs the disk is made.', {
    images: oem,
    outcome: installer,
  }),
  installstick: attribute('boolean', 'Whether a stick that installs the disk is made.', {
    images: oem,
    outcome: installer,
  }),
  installpxe: attribute('boolean', 'Whether an archive that installs the disk over the network is made.', {
    images: oem,
    outcome: installer,
  }),
  installboot: attribute(
    words('failsafe-install', 'harddisk', 'install'),
    'What install media start first.',
    {
      images: oem,
      outcome: installer,
    },
  ),
  install_continue_on_timeout: attribute('boolean', 'Whether install media start by themselves.', {
    images: oem,
    outcome: installer,
  }),
  installprovidefailsafe: attribute('boolean', 'Whether install media offer a safe mode.', {
    images: oem,
    outcome: installer,
  }),
  mediacheck: attribute('boolean', 'Whether live media can check themselves.', {
    images: ['iso'],
    outcome: live,
  }),
  publisher: attribute('text', 'The publisher in live media.', { images: ['iso'], outcome: live }),
  flags: attribute(words('overlay', 'dmsquash'), 'How live media are put together.', {
    images: ['iso'],
    outcome: live,
  }),
  volid: attribute('text', 'The name of live and install media.', { images: oemIso }),
  application_id: attribute('text', 'The application of live and install media.', {
    images: oemIso,
    outcome: live,
  }),
  hybridpersistent: attribute('boolean', 'Whether live media keep changes.', {
    images: ['iso', 'pxe'],
    outcome: live,
  }),
  hybridpersistent_filesystem: attribute(words('ext4', 'xfs'), 'Where they keep them.', {
    images: ['iso', 'pxe'],
    outcome: live,
  }),
  editbootconfig: attribute('text', 'A script that is run before the boot loader is installed.', {
    images: oemIso,
  }),
  editbootinstall: attribute('text', 'A script that is run on the finished disk.', {
    images: oem,
    outcome: refused('the script expects a block device, which ashlar does without'),
  }),
  bundle_format: attribute('text', 'What the files of a bundle are called.'),
  derived_from: attribute('text', 'The container image that the image is built on.', {
    images: ['docker', 'oci', 'oem'],
  }),
  delta_root: attribute('boolean', 'Whether the image holds only what it adds to that.', {
    images: containers,
    outcome: refused('leave it out: layers of the base are shared anyway'),
  }),
  ensure_empty_tmpdirs: attribute('boolean', 'Whether /run and /tmp are empty in it.', {
    images: containers,
    outcome: ignored('they are emptied in any case', false),
  }),
  metadata_path: attribute('text', 'The directory with the facts of an appx file.', {
    images: ['appx'],
    outcome: ignored('appx files are not made'),
  }),
  root_clone: attribute('integer', 'How many copies of the root there are.', {
    images: oem,
    outcome: refused('copies of partitions are not made'),
  }),
  boot_clone: attribute('integer', 'How many copies of /boot there are.', {
    images: oem,
    outcome: refused('copies of partitions are not made'),
  }),
  enclave_format: attribute(words('aws-nitro'), 'The form of an enclave.', {
    images: ['enclave'],
    outcome: ignored('enclaves are not made'),
  }),
  vhdfixedtag: attribute('text', 'An identifier that vhd-fixed disks carry.', {
    images: oem,
    outcome: ignored('the disk carries an identifier of its content'),
  }),
  gcelicense: attribute('text', 'The licence that a disk for GCE names.', {
    images: oem,
    outcome: ignored('the archive holds the disk alone'),
  }),
  xen_server: attribute('boolean', 'Whether it runs Xen.', {
    outcome: refused('disks that start a Xen hypervisor are not made'),
  }),
  selinux_policy: attribute('text', 'The SELinux policy that labels the files.'),
  provide_system_files: attribute('boolean', 'Whether the tree comes as system files too.', {
    outcome: ignored('the tree comes as build/image-root'),
  }),
  wwid_wait_timeout: attribute('integer', 'How long to wait for a disk on s390, in seconds.', {
    outcome: legacy,
  }),
  ramonly: attribute('boolean', 'Whether an overlay is kept in memory.', { outcome: legacy }),
  archive: attribute('text', 'What is in the archive of the image.', { outcome: legacy }),
  compressed: attribute('boolean', 'Whether the result is compressed.'),
  boot: attribute('text', 'The boot image of old KIWI versions.', { outcome: legacy }),
  bootprofile: attribute('text', 'A profile of that.', { outcome: legacy }),
  bootkernel: attribute('text', 'The kernel of that.', { outcome: legacy }),
};
