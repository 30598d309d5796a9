/** What a disk is to be, as plain data. Sizes are bytes. */

export type FileSystemType = 'ext2' | 'ext3' | 'ext4' | 'btrfs' | 'xfs' | 'squashfs' | 'erofs';

export interface FileSystemSpec {
  readonly type: FileSystemType;
  readonly label: string;
  /** As in fstab; `defaults` when absent. */
  readonly mountOptions?: string;
  /** Words for the program that makes it. */
  readonly createOptions: readonly string[];
  /** Compression of squashfs and erofs; the usual one when absent. */
  readonly compression?: string;
}

/** A disk from which a machine starts. */
export interface DiskSpec {
  /** As `uname -m` says it. */
  readonly architecture: string;
  readonly table: 'gpt' | 'msdos';
  /** `uefi` is the chain of signed loaders, where the tree has them. */
  readonly firmware: 'bios' | 'efi' | 'uefi';
  /** Whether a machine with a BIOS starts from it too (GPT and UEFI only). */
  readonly legacyBoot: boolean;
  readonly loader: 'grub' | 'systemd-boot' | 'uki' | 'none';
  readonly root: FileSystemSpec & {
    /** The rest of the disk when absent. */
    readonly size?: number;
    /** Its contents are checked by dm-verity, with a hash tree in a partition of its own; read-only. */
    readonly verity?: true;
    /** It stays as it is: what changes is elsewhere. The initrd must know `root=overlay:` (ours, KIWI's module). */
    readonly overlay?: true;
    /** Of an overlay: the name of the partition, one of those below, that keeps what changes; memory when absent. */
    readonly changesIn?: string;
    /** Of btrfs: directories that become subvolumes, absolute. */
    readonly subvolumes?: readonly Subvolume[];
  };
  /** Big enough for its content, and for that of an update, when absent. */
  readonly espSize?: number;
  /** A partition of its own for /boot. */
  readonly boot?: FileSystemSpec & { readonly size: number };
  readonly swap?: { readonly size: number; readonly label: string };
  /** Further partitions, in their order. */
  readonly partitions: readonly PartitionSpec[];
  readonly size: DiskSize;
  /** Left free behind the last partition. */
  readonly unpartitioned: number;
  /** Without `root=`, unless the user has given that. */
  readonly kernelCommandLine: string;
  readonly identifiedBy: 'uuid' | 'label' | 'partuuid';
  /**
   * `own`: a small one of ours; `tree`: what the tree's own program makes (dracut, mkinitramfs); `found`: the one that
   * the tree has for its kernel, else ours.
   */
  readonly initrd: InitrdSpec;
  readonly menu: BootMenu;
  /** Whether the root file system grows to the size of the disk when the machine first starts. */
  readonly grows: boolean;
  /** First sector of the first partition. */
  readonly firstSector: number;
  /** Bytes of a sector. */
  readonly sectorSize: 512 | 4096;
  /** Fixed numbers of partitions, by what they are for. */
  readonly numbers: Readonly<Partial<Record<'efi' | 'legacy' | 'root' | 'boot', number>>>;
  /** A protective MBR that names the partitions, too. */
  readonly hybridMbr: boolean;
  /** /config.partids tells programs of KIWI the numbers of the partitions. */
  readonly tellsNumbers?: true;
}

export interface Subvolume {
  readonly path: string;
  readonly copyOnWrite: boolean;
}

export interface PartitionSpec {
  readonly name: string;
  /** In the partition table. */
  readonly partitionName: string;
  readonly partitionType: 'linux' | 'raid' | 'swap';
  readonly size: number;
  readonly mountPoint?: string;
  readonly fileSystem?: FileSystemSpec;
  readonly number?: number;
  /** Last of all partitions, with the rest of the disk where the root has a size. */
  readonly last?: true;
}

export type DiskSize =
  /** What the content needs, and `additional` bytes; what is left free behind the partitions comes on top. */
  | { readonly kind: 'content'; readonly additional: number }
  /** The whole disk, with what is left free. */
  | { readonly kind: 'fixed'; readonly bytes: number };

export interface InitrdSpec {
  readonly kind: 'own' | 'tree' | 'found';
  /** For dracut. */
  readonly options: readonly string[];
}

export interface BootMenu {
  readonly title: string;
  /** Seconds. */
  readonly timeout: number;
  readonly timeoutStyle?: 'countdown' | 'hidden' | 'menu';
  /** Words of GRUB: `serial console`, `gfxterm`; its own choice when empty. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The arguments of GRUB's `serial`. */
  readonly serialLine?: string;
  /** Shell commands that further options of a description stand for, as `KEY=value` of /etc/default/grub. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What a disk is also handed out as; `vmx` is the description of a machine for a vmdk. `options` are `key=value` words of
 * qemu-img, and `compressed=on` of qcow2; of vmx and ova those of the machine: memory (MiB), cpus, guest, name, firmware.
 */
export interface DiskFormat {
  readonly format: 'qcow2' | 'vmdk' | 'vmx' | 'vdi' | 'vhd' | 'vhd-fixed' | 'vhdx' | 'ova' | 'gce';
  readonly options: readonly string[];
}
