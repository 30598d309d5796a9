/** What a disk is made of, and what is known of it once it is made. Sizes and places are bytes. */
import type { TreeDevice } from './file-systems/devices.ts';
import type { SourceTree } from './file-systems/source-tree.ts';
import type { DiskFormat, DiskSpec, FileSystemSpec, FileSystemType, InitrdSpec, Subvolume } from './types.ts';

export interface DiskRequest {
  readonly spec: DiskSpec;
  /** Absolute path of the root tree. It is ours to change: changes are thrown away afterwards. */
  readonly tree: string;
  /** What FIFOs in the tree stand for (`standInForDevices`). */
  readonly devices: readonly TreeDevice[];
  /** Absolute path of the raw disk; nothing is there before, and nothing after a failure. */
  readonly output: string;
  /** An empty directory of ours, removed by the caller. */
  readonly scratch: string;
  /** What ids are derived from: equal trees with equal specs have equal ones, others differ. */
  readonly identity: string;
  /** Seconds since 1970; no time in the result is later. */
  readonly epoch: number;
  readonly run: RunInTree;
  readonly signal: AbortSignal;
  /** What was chosen, and why. */
  readonly say: (message: string) => void;
  readonly warn: (message: string) => void;
}

/** Runs a program of the tree, as root and without network; what it changes stays in the tree. */
export type RunInTree = (
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly output: string }>;

/** `data` is a partition of the spec's `partitions`; `verity` the hash tree of the root. */
export type PartitionRole = 'legacy' | 'efi' | 'boot' | 'swap' | 'data' | 'root' | 'verity';

/** A partition as files of the system may name it; known before anything is written. */
export interface DiskPartition {
  readonly role: PartitionRole;
  /** Unique on the disk: the role, or the name that the spec gives. */
  readonly name: string;
  /** From 1 on. */
  readonly number: number;
  /** What the partition table calls it: `p.lxroot`. */
  readonly partitionName: string;
  /** As `PARTUUID=` in fstab and on the command line of the kernel: a GUID, or `1a2b3c4d-01` of msdos tables. */
  readonly uuid: string;
  /** Absolute path in the tree, whose content it holds. */
  readonly mountPoint?: string;
  readonly fileSystem?: PartitionFileSystem;
}

export interface PartitionFileSystem {
  readonly type: FileSystemType | 'vfat' | 'swap';
  /** As `UUID=` in fstab: `ABCD-1234` of vfat. */
  readonly uuid: string;
  readonly label: string;
  /** As in fstab; `defaults` when absent. */
  readonly mountOptions?: string;
}

/** A partition on its disk. */
export interface MadePartition extends DiskPartition {
  readonly start: number;
  readonly size: number;
}

export interface MadeDisk {
  readonly bytes: number;
  /** GUID of the disk, or eight hexadecimal digits of msdos tables. */
  readonly id: string;
  /** In the order in which they lie on the disk. */
  readonly partitions: readonly MadePartition[];
  /** The version of the kernel, where one starts from the disk. */
  readonly kernel: string | undefined;
  readonly initrd: InitrdSpec['kind'] | undefined;
  /** Of a root that dm-verity checks, hexadecimal. */
  readonly rootHash: string | undefined;
}

// What src/disk/file-systems gives.

export interface FileSystemRequest
  extends Pick<DiskRequest, 'scratch' | 'epoch' | 'signal' | 'say' | 'warn'> {
  readonly fileSystem: FileSystemSpec;
  readonly uuid: string;
  /** The directory whose content, attributes included, becomes the root of the file system. */
  readonly tree: string;
  /** What FIFOs in the tree stand for; of a part of the tree: `devicesBelow`. */
  readonly devices: readonly TreeDevice[];
  /** Directories of the tree that become subvolumes of btrfs. */
  readonly subvolumes?: readonly Subvolume[];
  /** Written into this file, from `offset` on; it is there and reads as zeros. Not a byte outside is changed. */
  readonly file: string;
  readonly offset: number;
  readonly size: number;
  /** Told now and then up to which offset of the file everything stays as it is. */
  readonly settled?: (offset: number) => void;
  /** What measuring the same tree has found; a finished file is used up. */
  readonly measured: Measured;
}

/** Throws AshlarError when the content has no room. */
export type MakeFileSystem = (request: FileSystemRequest) => Promise<void>;

export type NeededSize = (request: SizeRequest) => Promise<NeededRoom>;

/** What a file system of this kind takes for a tree. */
export interface NeededRoom {
  /** Without a byte to spare. */
  readonly least: number;
  /** With room for what changes when a system starts. */
  readonly usual: number;
  readonly measured: Measured;
}

/** The tree or, of kinds whose size is known only when they are made, the finished file in `scratch`. */
export type Measured =
  | { readonly kind: 'tree'; readonly tree: SourceTree }
  | { readonly kind: 'image'; readonly path: string };

export interface SizeRequest
  extends Omit<FileSystemRequest, 'file' | 'offset' | 'size' | 'settled' | 'measured'> {
  /** Paths relative to the tree of directories whose content does not count. */
  readonly without: readonly string[];
}

export type MakeSwap = (request: {
  readonly file: string;
  readonly offset: number;
  readonly size: number;
  readonly uuid: string;
  readonly label: string;
}) => Promise<void>;

/** Hash tree of the first `dataSize` bytes from `dataOffset` on, written at `hashOffset`. */
export interface HashTreeRequest {
  readonly file: string;
  readonly dataOffset: number;
  readonly dataSize: number;
  readonly hashOffset: number;
  readonly uuid: string;
  /** Hexadecimal. */
  readonly salt: string;
  readonly signal: AbortSignal;
}

/** The root hash, hexadecimal. */
export type MakeHashTree = (request: HashTreeRequest) => Promise<string>;
/** Bytes that the hash tree of so many bytes takes, superblock included. */
export type HashTreeSize = (dataSize: number) => number;

/** What becomes a file without being started. */
type TreeRequest = Omit<DiskRequest, 'spec' | 'run'>;

/** A file system alone in a file, as long as it needs to be. */
export interface FileSystemFileRequest extends TreeRequest {
  readonly fileSystem: FileSystemSpec;
  /** A hash tree follows the file system in the file. */
  readonly verity: boolean;
}

/** The root hash, hexadecimal, of one with a hash tree. */
export type MakeFileSystemFile = (request: FileSystemFileRequest) => Promise<{ readonly rootHash?: string }>;

// What src/disk/archives gives.

export interface ArchiveRequest extends TreeRequest {
  readonly format: 'tar' | 'tar.gz' | 'tar.xz' | 'tar.zst' | 'cpio';
}

export type MakeArchive = (request: ArchiveRequest) => Promise<void>;

// What src/disk/formats gives.

export interface FormatRequest
  extends Pick<DiskRequest, 'output' | 'scratch' | 'identity' | 'epoch' | 'signal'> {
  readonly format: DiskFormat;
  /** A raw disk. */
  readonly source: string;
}

export type MakeFormat = (request: FormatRequest) => Promise<void>;
