/**
 * What a disk needs to start, as data: which files come onto the ESP and into the tree, and which bytes before the
 * first partition. Nothing here knows partition tables or writes file systems.
 *
 *     prepareBoot(request)          before the file systems are made: kernel, initrd, texts for the tree
 *     espFiles(prepared, hash)      the ESP; of a root with verity once its hash is known (any 64 digits give its size)
 *     bootCode(bios, place)         the sectors that a BIOS reads
 */
import type { DiskPartition, DiskRequest } from '../request.ts';
import type { InitrdSpec } from '../types.ts';

export interface BootRequest
  extends Pick<DiskRequest, 'spec' | 'tree' | 'scratch' | 'epoch' | 'run' | 'signal' | 'say' | 'warn'> {
  readonly partitions: readonly DiskPartition[];
}

/** The content of a file that is to be written somewhere. */
export type FileContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A file of `scratch`; bytes. */
  | { readonly kind: 'file'; readonly path: string; readonly size: number }
  /** Absolute in the tree, where links end: what is there when it is read. */
  | { readonly kind: 'tree'; readonly tree: string; readonly path: string; readonly size: number };

/** Replaces what is at `path`; directories on the way are made (0755). Owner is root. */
export interface TreeFile {
  /** Absolute in the tree, its parents without links. */
  readonly path: string;
  readonly mode: number;
  readonly content: FileContent;
}

export interface EspFile {
  /** `EFI/BOOT/BOOTX64.EFI`. */
  readonly path: string;
  readonly content: FileContent;
}

export interface PreparedBoot {
  /** Undefined only for disks without a loader. */
  readonly kernel: Kernel | undefined;
  /** The initrd that the kernel starts with, if any. */
  readonly initrd: Initrd | undefined;
  /** To be written into the tree before the file systems are made. */
  readonly files: readonly TreeFile[];
  /** Mount points that are to be made in the tree where they are not there. */
  readonly directories: readonly string[];
  readonly bios: BiosBoot | undefined;
  /** Files of the ESP that depend on no hash of the root. */
  readonly loaders: readonly EspFile[];
  /** What the tree has for the ESP, where nothing of ours has the name. */
  readonly ofTree: readonly EspFile[];
  readonly os: OsRelease;
  /** What a unified kernel image begins with, where there is to be one. */
  readonly stub: Uint8Array | undefined;
  readonly request: BootRequest;
}

export interface Kernel {
  readonly version: string;
  /** Absolute in the tree, without links. */
  readonly path: string;
  readonly content: FileContent;
  /** Where its modules are: `/usr/lib/modules/6.1.0-1-amd64`. */
  readonly modules: string;
}

export interface Initrd {
  readonly kind: InitrdSpec['kind'];
  readonly content: FileContent;
  /** Where it is, or will be, in the tree; absolute. */
  readonly path: string;
}

export interface OsRelease {
  /** `debian`: a word that may be a name of files. */
  readonly id: string;
  readonly content: FileContent;
}

/** GRUB for a BIOS: where it is on the disk is put in by `bootCode`. */
export interface BiosBoot {
  /** boot.img of GRUB. */
  readonly sector: Uint8Array;
  /** core.img of GRUB, which may still be in the making. */
  readonly core: Promise<Uint8Array>;
}

/** What a loader starts. */
export interface BootSystem {
  readonly kernel: Kernel;
  readonly initrd: Initrd;
}

/** What `bootCode` returns. */
export interface BootCode {
  /** The first 440 bytes of the disk; what follows them stays. */
  readonly first: Uint8Array;
  /** From the sector on that `bootCode` was given. */
  readonly core: Uint8Array;
}
