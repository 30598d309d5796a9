/**
 * What a disk needs to start, as data: which files come onto the ESP and into the tree, and which bytes before the
 * first partition. Nothing here knows partition tables or writes file systems.
 *
 *     prepareBoot(request)          before the file systems are made: kernel, initrd, texts for the tree
 *     loaderFiles(prepared, hash)   the ESP; of a root with verity once its hash is known (any 64 digits give its size)
 *     bootCode(bios, place)         the sectors that a BIOS reads
 */
import type { DiskSpec } from '../types.ts';

/** How a partition and its file system are recognized. */
export interface Identity {
  /** Of the file system; `ABCD-1234` of FAT. */
  readonly uuid: string;
  readonly label: string;
  readonly partitionUuid: string;
}

export interface Identities {
  readonly root: Identity;
  readonly esp?: Identity;
  readonly boot?: Identity;
  readonly swap?: Identity;
  /** The partition with the hash tree of the root. */
  readonly verity?: Identity;
  /** Of further partitions, by their names. */
  readonly partitions: Readonly<Record<string, Identity>>;
}

export interface BootRequest {
  /** The directory that the tree is mounted at; nothing is written there but by programs of the tree. */
  readonly tree: string;
  readonly disk: DiskSpec;
  readonly identities: Identities;
  /** An empty directory of ours. */
  readonly scratch: string;
  /** Seconds since 1970, of what is made. */
  readonly time: number;
  /** Runs a program of the tree, as root and without network; what it changes stays in the tree. */
  readonly run: RunInTree;
  /** What was chosen, and why. */
  readonly say: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

export type RunInTree = (
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly output: string }>;

/** The content of a file that is to be written somewhere. */
export type FileContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A file of this machine, of the tree or of `scratch`. */
  | { readonly kind: 'file'; readonly path: string; readonly size: number };

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
  readonly kernel: Kernel;
  /** The initrd that the kernel starts with, if any. */
  readonly initrd: Initrd | undefined;
  /** To be written into the tree before the file systems are made. */
  readonly files: readonly TreeFile[];
  /** To be made in the tree where they are not there: mount points. */
  readonly directories: readonly string[];
  /** To be removed from the tree, absolute. */
  readonly removals: readonly string[];
  readonly bios: BiosBoot | undefined;
  readonly request: BootRequest;
}

export interface Kernel {
  readonly version: string;
  /** Absolute in the tree, without links. */
  readonly path: string;
  /** Where its modules are: `/usr/lib/modules/6.1.0-1-amd64`. */
  readonly modules: string;
}

export interface Initrd {
  readonly kind: 'own' | 'tree' | 'found';
  readonly content: FileContent;
  /** Where it is, or will be, in the tree; absolute. */
  readonly path: string;
}

/** GRUB for a BIOS: where it is on the disk is put in by `bootCode`. */
export interface BiosBoot {
  /** boot.img of GRUB. */
  readonly sector: Uint8Array;
  /** core.img of GRUB. */
  readonly core: Uint8Array;
}

/** What `bootCode` returns. */
export interface BootCode {
  /** The first 440 bytes of the disk; what follows them stays. */
  readonly first: Uint8Array;
  /** From the sector on that `bootCode` was given. */
  readonly core: Uint8Array;
}
