/**
 * Tar layers: unpacked into directories that overlayfs mounts, and packed from directories, files and tar archives.
 * The same as squashfs and erofs images with dm-verity. Everything that is read here is hostile until checked, and
 * every byte is hashed as it passes. Knows tar, whiteouts (OCI image specification, layer.md), compressions and the
 * outlines of file systems; knows neither registries nor plans.
 *
 *     unpack   blob ─► inflate ─► sha256 (diff ID) ─► tar reader ─► tree of names ─► directory
 *     pack     upper, files, tar ─► tar writer ─► sha256 (diff ID) ─► deflate ─► sha256 (digest) ─► blob
 *                              │        │ 1 MiB blocks │  in a worker thread, on the thread pool
 *                              └► tar reader ─► overlay form ─► mksquashfs, if squashfs is wanted
 *     squash   blobs ─► inflate ─► tar readers, by what the contents say ─► tar writer, as above
 *     convert  blob ─► inflate ─► tar reader ─► overlay form ─► mksquashfs ─► hash tree, sha256 ─► blob
 */
export { type ByteString, fromText, isText, toText } from './bytes.ts';
export type { DifferingFile, ListedFile } from './compare-files.ts';
export type { Compression } from './compression.ts';
export type { ContentsEntry, LayerContents } from './contents.ts';
export { decodeContents } from './contents-bytes.ts';
export type { ConvertJob } from './convert.ts';
export { differenceOf } from './difference.ts';
export {
  canWriteErofs,
  type ErofsCompression,
  type ErofsCompressor,
  makeErofs,
} from './erofs.ts';
export { disguiseDevices, finishErofs } from './erofs-reader.ts';
export type { FileStamp, StatCache } from './file-records.ts';
export type { CheckedFileSystem, FileSystemBlob, FileSystemKind } from './file-system.ts';
export { GrowingSeal } from './growing-seal.ts';
export {
  type DigestOptions,
  digestOfContent,
  digestOfFiles,
  type ListedEntry,
} from './identity.ts';
export {
  checkFileSystemLayer,
  compareFiles,
  convertLayer,
  extractLayerFiles,
  packLayer,
  prepareLayerWorker,
  readLayerContents,
  readLayerFiles,
  sealImage,
  unpackLayer,
} from './jobs.ts';
export type { Limits } from './limits.ts';
export {
  type LayerBlob,
  type LookedUp,
  lookupPaths,
  MergedTree,
  type ResolvedPath,
  resolveTarget,
} from './lookup.ts';
export { IMPLIED_DIRECTORY, type MergedEntry, mergeContents } from './merge-contents.ts';
export { splitLast } from './names.ts';
export type { PackedLayer, PackJob, PackOptions } from './pack.ts';
export type { EntriesJob, NewEntry } from './pack-entries.ts';
export type { FilesJob, HostFiles, ParentDirectory } from './pack-files.ts';
export type { SquashJob } from './pack-squash.ts';
export type { ExtractInto, TarJob } from './pack-tar.ts';
export type { UpperJob } from './pack-upper.ts';
export { glance, list as listDirectory } from './scan.ts';
export type { SealedFile } from './seal.ts';
export { type ArchivedFile, readSmallArchive, writeSmallArchive } from './small-archive.ts';
export { type Squashed, type SquashOptions, squashLayers } from './squash.ts';
export {
  canWriteSquashfs,
  FALLBACK_SQUASHFS,
  QUICK_SQUASHFS,
  SMALLEST_SQUASHFS,
  type SquashfsCompression,
  type SquashfsCompressor,
} from './squashfs.ts';
export type { FileSystemLayer, SquashfsTarget } from './squashfs-layer.ts';
export { SquashfsListing } from './squashfs-listing.ts';
export { type StreamedFile, streamArchive } from './stream-archive.ts';
export { recordsOfPacked, type Survey, surveyTree } from './survey.ts';
export type { Xattr } from './tar-entry.ts';
export { type DirectoryMetadata, type TreeDirectories, treeDirectories } from './tree-directories.ts';
export type { UnpackedLayer, UnpackJob } from './unpack.ts';
export { hashAreaSize, VERITY_BLOCK, writeHashArea } from './verity.ts';
export { isLocalXattr, isOverlayXattr } from './whiteouts.ts';
