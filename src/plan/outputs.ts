/** Files that are made of the finished tree of an image, besides the image itself. */
import type { DiskFormat, DiskSpec, FileSystemSpec } from '../disk/index.ts';
import type { SourceSpan } from '../support/errors.ts';
import type { SetupChange } from './system-steps.ts';

export type {
  BootMenu,
  DiskFormat,
  DiskSize,
  DiskSpec,
  FileSystemSpec,
  FileSystemType,
  InitrdSpec,
  PartitionSpec,
  Subvolume,
} from '../disk/index.ts';
export { bootPartitionNumber } from '../disk/index.ts';

/** `file` is the name of the result, relative to the directory of results. */
export type Output = DiskOutput | FileSystemOutput | ArchiveOutput | ContainerOutput | PackageListOutput;

interface OutputBase {
  readonly file: string;
  /** What it is in lists of results: `disk_image`, `root_archive`. */
  readonly role: string;
  readonly at: SourceSpan;
}

/** A raw disk, and other formats of it. */
export interface DiskOutput extends OutputBase {
  readonly kind: 'disk';
  readonly disk: DiskSpec;
  /** What a container has not and a machine needs: changes of the tree for this disk alone. */
  readonly setup?: readonly SetupChange[];
  readonly formats: readonly (DiskFormat & { readonly file: string; readonly role: string })[];
  /** Containers that hold it. */
  readonly containers?: readonly DiskContainer[];
}

/** An image of no more than the file of a disk, in /disk, as an archive of these tools. */
export interface DiskContainer {
  readonly format: 'docker' | 'oci';
  /** The file: of the raw disk, or of one of its formats. */
  readonly disk: string;
  /** `name:tag`, in the archive. */
  readonly names: readonly [string, ...string[]];
  readonly labels: Readonly<Record<string, string>>;
  readonly createdBy: string;
  readonly file: string;
  readonly role: string;
}

/** A file system alone. */
export interface FileSystemOutput extends OutputBase {
  readonly kind: 'file-system';
  readonly fileSystem: FileSystemSpec;
  /** A hash tree follows the file system. */
  readonly verity?: true;
}

export interface ArchiveOutput extends OutputBase {
  readonly kind: 'archive';
  readonly format: 'tar' | 'tar.gz' | 'tar.xz' | 'tar.zst' | 'cpio';
}

/** The image in a file (`docker`, `oci`: archives of these tools) or in a directory (`layout`). */
export interface ContainerOutput extends OutputBase {
  readonly kind: 'container';
  readonly format: 'docker' | 'oci' | 'layout';
  readonly compression: 'none' | 'xz';
  /** `name:tag`, in the archive. */
  readonly names: readonly string[];
}

/** What is installed, in the form of KIWI's `.packages`, `.changes` and `.verified`. */
export interface PackageListOutput extends OutputBase {
  readonly kind: 'package-list';
  readonly form: 'packages' | 'changes' | 'verified';
}
