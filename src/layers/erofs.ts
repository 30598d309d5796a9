/** Makes erofs images with mkfs.erofs. Up to 1.5 it takes directories only, in the form that overlayfs mounts. */
import { createHash } from 'node:crypto';
import { constants, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AT_FDCWD, chmodFd, chownFd, FileDescriptor, openAt, setTimesFd, setXattr } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { findProgram, runProgram } from '../support/process.ts';
import { toText } from './bytes.ts';
import type { ParentDirectory } from './pack-files.ts';
import type { DirectoryMetadata } from './tree-directories.ts';
import { asUuid } from './verity.ts';

export type ErofsCompressor = 'lz4' | 'lz4hc' | 'zstd';

/** How an erofs image is compressed. */
export interface ErofsCompression {
  readonly compressor: ErofsCompressor;
  /** Where the compressor knows levels; its own default when absent. */
  readonly level?: number;
}

/** mkfs.erofs has no earlier time than this for an image whose files keep their times (2106, 32 bits of seconds). */
const LATEST = String(0xffff_ffff);

/** What becomes an image. */
export interface ErofsTree {
  /** A layer, unpacked. */
  readonly directory: string;
  /** What lower layers say of directories that the layer implies. */
  readonly below: readonly ParentDirectory[];
  /** What the image is made of: gives its UUID. */
  readonly diffId: string;
  readonly compression: ErofsCompression;
  /** The file to write. */
  readonly output: string;
}

/** Writes the image: the same for the same directory. Throws an AshlarError when mkfs.erofs fails. */
export async function makeErofs(
  { directory, below, diffId, compression, output }: ErofsTree,
  signal: AbortSignal,
): Promise<void> {
  const program = findProgram('mkfs.erofs');
  if (program === undefined) {
    throw new AshlarError('cannot find the program mkfs.erofs', { hint: 'install erofs-utils' });
  }
  const { compressor, level } = compression;
  for (const { path, ...metadata } of below) setDirectory(join(directory, path), metadata);
  const uuid = asUuid(createHash('sha256').update(`ashlar erofs ${diffId}`).digest());
  const algorithm = level === undefined ? compressor : `${compressor},${level}`;
  const { status, stderr, stdout } = await runProgram(
    program,
    ['--quiet', '-U', asText(uuid), `-z${algorithm}`, output, directory],
    // The time of making, which stands in the image, and the latest that files may have.
    { env: { ...process.env, SOURCE_DATE_EPOCH: LATEST }, signal },
  );
  if (status !== 0) throw new AshlarError(`mkfs.erofs failed: ${`${stdout}${stderr}`.trim().slice(-2000)}`);
}

function setDirectory(path: string, { mode, uid, gid, mtime, xattrs }: DirectoryMetadata): void {
  using file = new FileDescriptor(openAt(AT_FDCWD, path, constants.O_RDONLY | constants.O_DIRECTORY));
  for (const { name, value } of xattrs) setXattr(path, toText(name), value);
  chownFd(file.fd, uid, gid);
  chmodFd(file.fd, mode);
  setTimesFd(file.fd, { atime: mtime, mtime });
}

function asText(uuid: Buffer): string {
  return uuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Whether mkfs.erofs is there and has this compressor, found out by using it. `scratch`: a path for what that makes. */
export async function canWriteErofs(compressor: ErofsCompressor, scratch: string): Promise<boolean> {
  const program = findProgram('mkfs.erofs');
  if (program === undefined) return false;
  try {
    mkdirSync(join(scratch, 'nothing'), { recursive: true });
    const args = ['--quiet', `-z${compressor}`, join(scratch, 'image'), join(scratch, 'nothing')];
    return (await runProgram(program, args)).status === 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
