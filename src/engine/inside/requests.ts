/**
 * What the engine asks of its inner half, the process in our own namespaces, where uid 0 and mounts are ours. Plain
 * data: it travels over an IPC channel.
 */
import type { DeviceEntry, DiskSpec, FileSystemSpec, MadeDisk } from '../../disk/index.ts';
import type {
  ByteString,
  DifferingFile,
  ErofsCompression,
  ExtractInto,
  FileSystemBlob,
  FileSystemLayer,
  HostFiles,
  ListedFile,
  PackedLayer,
  PackOptions,
  ParentDirectory,
  TreeDirectories,
} from '../../layers/index.ts';
import type { ChecksumAlgorithm } from '../../plan/checksums.ts';
import type { ArchiveOutput } from '../../plan/outputs.ts';
import type { Account, PageAnswer } from '../../sandbox/index.ts';
import type { SetupChange } from '../../setup/index.ts';
import type { KnownChecksums } from '../sources/checksums.ts';
import type { FileIdentity } from '../sources/identity.ts';
import type {
  AskRequest,
  BesideRequest,
  BesideResult,
  ContainerRequest,
  Looked,
  LookRequest,
} from './container-requests.ts';
import type { PlainError } from './errors-as-data.ts';
import type { ChangesPack, Location, Room, StagedImport, TreeLayer } from './request-parts.ts';

export interface RunRequest extends Room {
  readonly work:
    | { readonly kind: 'script'; readonly script: string }
    | { readonly kind: 'command'; readonly command: readonly string[] }
    | PackageRun;
  /** What it has changed is kept for a shell when it fails. */
  readonly keepFailed: boolean;
  readonly pack: ChangesPack;
}

/** A script of a package manager. */
export interface PackageRun {
  readonly kind: 'packages';
  readonly script: string;
  /** Whether it runs among programs of the host. */
  readonly byHost: boolean;
  /** What is left out of the layer: absolute paths, with a `*` in the last name. */
  readonly leavings: readonly string[];
}

export type RunResult =
  /** `changes`: a directory for the shell in which the tree is as it was left. */
  | { readonly kind: 'failed'; readonly status: number; readonly changes?: string }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'layer'; readonly layer: PackedLayer };

/** Programs of a tree that derive files from it. */
export interface RegenerateRequest extends Room {
  readonly programs: readonly {
    readonly command: readonly string[];
    /** Absolute paths. */
    readonly makes: readonly string[];
    /** Whether it is run; what it makes is removed otherwise. */
    readonly wanted: boolean;
  }[];
  readonly pack: PackOptions;
}

export interface RegenerateResult {
  /** Undefined when all is there as it should be. */
  readonly layer: PackedLayer | undefined;
  /** What could not be made, and why; it is removed. */
  readonly problems: readonly string[];
}

/** Changes of a tree for which nothing of it runs. */
export interface SetUpRequest {
  readonly layers: readonly TreeLayer[];
  readonly changes: readonly SetupChange[];
  readonly pack: ChangesPack;
}

/** The difference between layers and a tree of this machine. */
export interface TreeDifferenceRequest {
  readonly directory: string;
  /** What the layers say, bottom to top, in the form of `encodeContents`. */
  readonly below: readonly Uint8Array[];
  /** Absolute paths in the tree of directories whose content is left out. */
  readonly withoutContentOf: readonly string[];
  /** The index of the store, which remembers what files are. */
  readonly index: string;
  readonly pack: PackOptions;
}

export interface TreeDifferenceResult {
  /** Undefined where there is none. */
  readonly layer: PackedLayer | undefined;
  readonly doubtful: DoubtfulOwners;
}

/** Owners and groups that are shown as nobody: paths, and which id of the outside that is, if there is one. */
export type DoubtfulOwners = Readonly<
  Record<'uid' | 'gid', { readonly paths: readonly string[]; readonly id: number | undefined }>
>;

/** The description of an image, out of a tree. */
export interface DescriptionFile {
  /** Absolute in the tree. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** A command that has the input and output of the user. */
export interface ShellRequest extends Room {
  readonly command: readonly string[];
  /** A directory that keeps what is changed in the tree, and may have changes from before; they are lost without it. */
  readonly changes?: string;
}

/** A script whose files in one directory, shown under several absolute paths, are labels. */
export interface LabelsRequest extends Room {
  readonly script: string;
  readonly directories: readonly string[];
}

export type LabelsResult =
  | { readonly kind: 'failed'; readonly status: number }
  | { readonly kind: 'labels'; readonly labels: Readonly<Record<string, string>> };

/** A file or directory of a tree is copied into a directory of the host. */
export interface GrabRequest {
  readonly layers: readonly TreeLayer[];
  readonly path: string;
  readonly directory: string;
}

/** Imports are copied into a directory, where nothing stays but them and those whose names are in `keep`. */
export interface StageRequest {
  readonly directory: string;
  readonly keep: readonly string[];
  readonly imports: readonly StagedImport[];
}

/** A file or directory that becomes part of a layer. */
export interface PackedItem extends Omit<HostFiles, 'source'> {
  readonly location: Location;
}

/** Copied files and directories, or a tar file, that become a layer. */
export type PackRequest =
  | {
      readonly kind: 'copy';
      readonly items: readonly PackedItem[];
      readonly parents: readonly ParentDirectory[];
      readonly below?: TreeDirectories;
      readonly pack: PackOptions;
    }
  | {
      readonly kind: 'tar';
      readonly location: Location;
      readonly into?: ExtractInto;
      readonly recorded?: boolean;
      readonly pack: PackOptions;
    };

/** A layer that is a file system is packed as a tar layer. */
export interface ReadFileSystemRequest extends Pick<FileSystemBlob, 'blob' | 'kind'> {
  readonly pack: PackOptions;
}

/** A layer is written as an erofs image. */
export interface MakeErofsRequest {
  readonly layer: TreeLayer;
  /** What lower layers say of directories that it implies. */
  readonly below: readonly ParentDirectory[];
  readonly compression: ErofsCompression;
  readonly verity: boolean;
  /** The file to write. */
  readonly output: string;
}

/** Files are read where the tree has them; no links are followed. */
export interface ReadTreeRequest {
  readonly layers: readonly TreeLayer[];
  readonly paths: readonly ByteString[];
}

/** Files of a tree are compared with what a list says of them. */
export interface CompareRequest {
  readonly layers: readonly TreeLayer[];
  readonly files: readonly ListedFile[];
}

/** What unpacked layers do not show to everybody alike. */
export interface TreeDetails {
  readonly devices: readonly DeviceEntry[];
  /** Directories that no layer describes: they have the time at which they were unpacked. */
  readonly undescribed: readonly ByteString[];
  /** Whether anything in it is not root's. */
  readonly foreignOwners: boolean;
}

/** A file is made of a tree, which nobody else sees change. */
export interface OutputRequest extends Pick<Room, 'layers' | 'runtime'>, TreeDetails {
  readonly work:
    | { readonly kind: 'disk'; readonly spec: DiskSpec; readonly setup?: readonly SetupChange[] }
    | { readonly kind: 'file-system'; readonly fileSystem: FileSystemSpec; readonly verity: boolean }
    | { readonly kind: 'archive'; readonly format: ArchiveOutput['format'] };
  /** What ids are derived from. */
  readonly identity: string;
  /** Seconds since 1970: the latest time. */
  readonly epoch: number;
  /** The file to write. */
  readonly output: string;
}

/** What is known of it. */
export interface TreeFacts {
  readonly disk?: MadeDisk;
  /** Of a file system with a hash tree, hexadecimal. */
  readonly rootHash?: string;
}

export interface MadeOfTree extends TreeFacts {
  /** Of the file, hexadecimal, where it was taken while the file was written. */
  readonly sha256?: string;
}

/** What works inside the namespaces, on the file system of the store. */
export interface Abilities {
  /** Why trees cannot be mounted and changed; undefined when they can. */
  readonly overlayProblem: string | undefined;
  readonly runtime: string;
  /** Why other installed runtimes do not work. */
  readonly refusals: readonly string[];
}

/** What the inner half can be asked: parameters and result of each request. */
export interface Requests {
  readonly run: { readonly params: RunRequest; readonly result: RunResult };
  readonly labels: { readonly params: LabelsRequest; readonly result: LabelsResult };
  /** Makes derived files anew; what else changes in the tree is lost. */
  readonly regenerate: { readonly params: RegenerateRequest; readonly result: RegenerateResult };
  /** Of a directory of this machine; undefined where it has none. */
  readonly readDescription: { readonly params: string; readonly result: DescriptionFile | undefined };
  readonly treeDifference: { readonly params: TreeDifferenceRequest; readonly result: TreeDifferenceResult };
  /** Undefined when nothing changed. */
  readonly setUp: { readonly params: SetUpRequest; readonly result: PackedLayer | undefined };
  /** The command's exit status. */
  readonly shell: { readonly params: ShellRequest; readonly result: number };
  readonly container: { readonly params: ContainerRequest; readonly result: null };
  /** The exit status of a container's process by its name; undefined while it runs. */
  readonly ended: { readonly params: string; readonly result: number | undefined };
  readonly beside: { readonly params: BesideRequest; readonly result: BesideResult };
  readonly ask: { readonly params: AskRequest; readonly result: PageAnswer };
  readonly look: { readonly params: LookRequest; readonly result: Looked };
  /** The identity of what is at a place; undefined when nothing is there. */
  readonly identify: { readonly params: Location; readonly result: FileIdentity | undefined };
  /** Who a user is by the account files of a tree. */
  readonly account: {
    readonly params: { readonly layers: readonly TreeLayer[]; readonly user: string };
    readonly result: Pick<Account, 'uid' | 'gid'>;
  };
  /** Of a file's bytes alone. */
  readonly hash: {
    readonly params: { readonly location: Location; readonly algorithms: readonly ChecksumAlgorithm[] };
    readonly result: KnownChecksums;
  };
  /** Bytes on disk of directories. */
  readonly measure: { readonly params: readonly string[]; readonly result: readonly number[] };
  /** Removes files and directories, whoever owns what is in them. */
  readonly remove: { readonly params: readonly string[]; readonly result: null };
  /** Makes sure that the trees of layers are there. */
  readonly unpack: { readonly params: readonly TreeLayer[]; readonly result: null };
  readonly stage: { readonly params: StageRequest; readonly result: null };
  readonly grab: { readonly params: GrabRequest; readonly result: null };
  readonly pack: { readonly params: PackRequest; readonly result: PackedLayer | undefined };
  /** Undefined when the file system says nothing. */
  readonly readFileSystem: {
    readonly params: ReadFileSystemRequest;
    readonly result: PackedLayer | undefined;
  };
  readonly makeErofs: { readonly params: MakeErofsRequest; readonly result: FileSystemLayer };
  readonly readTree: {
    readonly params: ReadTreeRequest;
    readonly result: ReadonlyMap<ByteString, Uint8Array>;
  };
  readonly compare: { readonly params: CompareRequest; readonly result: readonly DifferingFile[] };
  readonly output: { readonly params: OutputRequest; readonly result: MadeOfTree };
  /** Tries what a build needs of the kernel. */
  readonly probe: { readonly params: null; readonly result: Abilities };
  /** Removes temporary files of builds that were killed. */
  readonly close: { readonly params: null; readonly result: null };
}

export type Method = keyof Requests;

export type ToInside =
  | { readonly kind: 'request'; readonly id: number; readonly method: Method; readonly params: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

export type FromInside =
  | { readonly kind: 'output'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'warning'; readonly id: number; readonly text: string }
  /** What was chosen, and why. */
  | { readonly kind: 'note'; readonly id: number; readonly text: string }
  /** Bytes of the tar of a layer so far. */
  | { readonly kind: 'packing'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PlainError };

/** How the inner half is started: its one argument, as JSON. */
export interface InsideOptions {
  readonly snapshots: string;
  /** The directory of all builds' temporary directories, and ours in it. */
  readonly temporaries: string;
  readonly temporary: string;
  /** A file that remembers which runtime works here. */
  readonly runtimeMemory: string;
  /** Only one user id exists: owners cannot be kept. */
  readonly singleId: boolean;
}
