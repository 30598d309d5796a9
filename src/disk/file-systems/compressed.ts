/** squashfs and erofs: made as files of their own, since only then it is known how long they are. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ByteString,
  FALLBACK_SQUASHFS,
  finishErofs,
  packLayer,
  QUICK_SQUASHFS,
  type SquashfsCompression,
  type SquashfsCompressor,
} from '../../layers/index.ts';
import { AshlarError } from '../../support/errors.ts';
import { namesInTree } from '../boot/tree.ts';
import type { FileSystemRequest } from '../request.ts';
import type { FileSystemSpec } from '../types.ts';
import { readOptions } from './options.ts';
import { runTool, toolPath } from './program.ts';
import { nameOf, readTree, warnOfLabels } from './source-tree.ts';

export interface CompressedRequest
  extends Pick<
    FileSystemRequest,
    'fileSystem' | 'tree' | 'devices' | 'scratch' | 'uuid' | 'epoch' | 'signal' | 'say' | 'warn'
  > {
  /** Paths relative to the tree of directories whose content is left out. */
  readonly without: readonly string[];
}

/** Writes the image to a new file in `scratch`, and gives its path. */
export async function makeCompressed(request: CompressedRequest): Promise<string> {
  const image = join(request.scratch, `${request.uuid}.img`);
  rmSync(image, { force: true });
  return request.fileSystem.type === 'squashfs' ? makeSquashfs(request, image) : makeErofs(request, image);
}

/** What is in the directories that are to be empty; relative to the tree, as names of files here. */
function leftOut({ tree, without, fileSystem }: CompressedRequest): string[] {
  const paths = without.flatMap(path => namesInTree(tree, path).map(name => `${path}/${name}`));
  const unknown = paths.find(path => path.includes('\uFFFD'));
  if (unknown === undefined) return paths;
  throw new AshlarError(`${JSON.stringify(`/${unknown}`)} cannot be left out of a ${fileSystem.type}`, {
    hint: 'its name is no text: rename it, or choose another file system',
  });
}

/** By way of a tar, in which everything is in order that mksquashfs would take as it finds it on this machine. */
async function makeSquashfs(request: CompressedRequest, image: string): Promise<string> {
  const { fileSystem, tree, devices, scratch, signal, say, warn } = request;
  toolPath('mksquashfs');
  const into = squashfsCompression(fileSystem);
  const tar = join(scratch, 'tree.tar');
  const squashfs = { into, verity: false, output: image, lowest: true };
  const packed = await packLayer(
    { kind: 'upper', directory: tree, devices, exclude: leftOut(request).map(path => `/${path}`) },
    { compression: 'none', output: tar, squashfs, signal },
  );
  rmSync(tar, { force: true });
  for (const warning of [...(packed?.warnings ?? []), ...(packed?.squashfs?.warnings ?? [])]) warn(warning);
  if (packed?.squashfs === undefined) {
    // Of nothing but a root there is no tar.
    await runTool('mksquashfs', [tree, image, '-noappend', '-quiet', '-no-progress', '-mkfs-time', '0'], {
      signal,
    });
  }
  say(`squashfs by mksquashfs from a tar, ${into.stored ? 'not compressed' : into.compressor}`);
  return image;
}

const COMPRESSORS: readonly SquashfsCompressor[] = ['gzip', 'lz4', 'lzo', 'xz', 'zstd'];

/** What a squashfs is compressed with: `xz`, `uncompressed`. @throws AshlarError for what it cannot be. */
export function squashfsCompressor(fileSystem: FileSystemSpec): string {
  const { compressor, stored } = squashfsCompression(fileSystem);
  return stored ? 'uncompressed' : compressor;
}

function squashfsCompression({ compression, createOptions }: FileSystemSpec): SquashfsCompression {
  if (compression === 'uncompressed') return { ...FALLBACK_SQUASHFS, stored: true };
  let chosen = compression;
  let { blockSize } = QUICK_SQUASHFS;
  for (const [option, value] of readOptions('mksquashfs', shortened(createOptions), {
    withValue: 'bc',
    alone: '',
  })) {
    if (option === '-c') chosen = value;
    else blockSize = kibibytes(value ?? '');
  }
  if (chosen === undefined || chosen === QUICK_SQUASHFS.compressor) return { ...QUICK_SQUASHFS, blockSize };
  const compressor = COMPRESSORS.find(known => known === chosen);
  if (compressor === undefined) {
    throw new AshlarError(`squashfs cannot be compressed with ${chosen}`, { hint: COMPRESSORS.join(', ') });
  }
  return { compressor, blockSize };
}

/** Options of mksquashfs are whole words. */
function shortened(words: readonly string[]): readonly string[] {
  return words.map(word => (word === '-comp' ? '-c' : word));
}

function kibibytes(text: string): number {
  const [, number, unit] = /^(\d+)([KM]?)$/i.exec(text) ?? [];
  const bytes = Number(number) * (unit === '' ? 1 : /k/i.test(unit ?? '') ? 1 << 10 : 1 << 20);
  const kibi = bytes / 1024;
  if (![4, 8, 16, 32, 64, 128, 256, 512, 1024].includes(kibi)) {
    throw new AshlarError(`${JSON.stringify(text)} is no block size of squashfs`);
  }
  return kibi;
}

/** mkfs.erofs sets later times back to this one, which is the latest it can write (32 bits of seconds). */
const LATEST = String(0xffff_ffff);
const USUAL_EROFS = 'lz4hc';

async function makeErofs(request: CompressedRequest, image: string): Promise<string> {
  const { fileSystem, tree, devices, uuid, signal, say } = request;
  const compression = fileSystem.compression ?? USUAL_EROFS;
  if (!/^[a-z0-9]+(?:,(?:[a-z]+=)?\d+[kKmM]?)*$/.test(compression)) {
    throw new AshlarError(`${JSON.stringify(compression)} is no compression of erofs`);
  }
  const options = readOptions('mkfs.erofs', fileSystem.createOptions, { withValue: 'CE', alone: '' });
  const args = ['--quiet', '-U', uuid, ...options.map(([option, value]) => `${option}${value}`)];
  if (compression !== 'uncompressed') args.push(`-z${compression}`);
  args.push(...leftOut(request).map(path => `--exclude-path=${path}`));
  warnOfLabels(request);
  const part = `${image}.part`;
  try {
    await runTool('mkfs.erofs', [...args, part, tree], { env: { SOURCE_DATE_EPOCH: LATEST }, signal });
  } catch (error) {
    const long = await longestName(tree, signal);
    if (!(error instanceof AshlarError) || long === undefined) throw error;
    throw new AshlarError(`mkfs.erofs fails, as older ones do with a name of 255 bytes: ${nameOf(long)}`, {
      cause: error,
    });
  }
  finishErofs(part, fileSystem.label, devices);
  renameSync(part, image);
  say(`erofs by mkfs.erofs, ${compression}`);
  return image;
}

/** A name as long as names can be: mkfs.erofs 1.5 takes one byte less. */
async function longestName(tree: string, signal: AbortSignal): Promise<ByteString | undefined> {
  const { directories } = await readTree(tree, signal);
  for (const entries of directories.values()) {
    const found = entries.find(({ name }) => name.length === 255);
    if (found) return found.path;
  }
  return undefined;
}
