/** Runs a pack job in one pass: entries, tar, diff ID, compression, digest, file. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { BlobWriter, compressor, syncFile } from './compress.ts';
import { type Compression, layerMediaType } from './compression.ts';
import { encodeContents } from './contents-bytes.ts';
import { type Chunks, type Flow, run } from './flow.ts';
import { NeedsMore } from './overlay-form.ts';
import { type EntriesJob, packEntries } from './pack-entries.ts';
import { type ErofsJob, packErofs } from './pack-erofs.ts';
import { type FilesJob, packFiles } from './pack-files.ts';
import { packSquash, type SquashJob, squashInput } from './pack-squash.ts';
import { openTar, type TarJob } from './pack-tar.ts';
import { packUpper, type UpperJob } from './pack-upper.ts';
import { ContentsRecorder } from './read-contents.ts';
import { type FileSystemLayer, SquashfsAlongside, type SquashfsTarget } from './squashfs-layer.ts';
import { explain } from './system-errors.ts';
import { BlockPool, TarWriter } from './tar-writer.ts';
import { Warnings } from './warnings.ts';

export type PackJob = UpperJob | FilesJob | EntriesJob | SquashJob | TarJob | ErofsJob;

export interface PackOptions {
  readonly compression: Compression;
  /** The file to write; a file that is there is overwritten. */
  readonly output: string;
  /** Seconds since 1970: later times are set back to it. */
  readonly sourceDateEpoch?: number;
  /** A squashfs image that is wanted of the layer, too. */
  readonly squashfs?: AlsoSquashfs;
}

export interface AlsoSquashfs extends SquashfsTarget {
  /** Whether the layer has no layers below. */
  readonly lowest: boolean;
}

export interface PackedLayer {
  /** SHA-256 of the tar, `sha256:...`. */
  readonly diffId: string;
  readonly uncompressedSize: number;
  /** SHA-256 of the blob. */
  readonly digest: string;
  /** Bytes of the blob. */
  readonly size: number;
  readonly mediaType: string;
  readonly entries: number;
  /**
   * What it says (see `decodeContents`), recorded as it was written; not for tar bases, which nobody compares
   * for the most part.
   */
  readonly contents?: Uint8Array;
  readonly warnings: readonly string[];
  /**
   * The image that `convertLayer` would make of it. Absent when none was asked for, and when it takes more than the
   * entries as they come: how the layer ends, or what is below it.
   */
  readonly squashfs?: FileSystemLayer;
}

/** Far beyond what any time stamp says. */
const NEVER = 2n ** 70n;

/**
 * Writes a layer; `undefined` when there is nothing in it, and then there is no file either.
 * `checkpoint` is called now and then with the bytes of tar so far, and may throw to stop the job.
 */
export async function pack(
  job: PackJob,
  options: PackOptions,
  checkpoint: (bytes: number) => void,
): Promise<PackedLayer | undefined> {
  try {
    const packed = await writeSurveyed(job, options, checkpoint);
    if (packed === undefined) rmSync(options.output);
    else await syncFile(options.output);
    return packed;
  } catch (error) {
    rmSync(options.output, { force: true });
    throw explain(error);
  }
}

/** Layers whose entries replace each other are read twice. */
async function writeSurveyed(
  job: PackJob,
  options: PackOptions,
  checkpoint: (bytes: number) => void,
): Promise<PackedLayer | undefined> {
  try {
    return await write(job, options, checkpoint);
  } catch (error) {
    if (job.kind !== 'squash' || !(error instanceof NeedsMore)) throw error;
    return write({ ...job, surveyed: true }, options, checkpoint);
  }
}

async function write(
  job: PackJob,
  { compression, output, sourceDateEpoch, squashfs }: PackOptions,
  checkpoint: (bytes: number) => void,
): Promise<PackedLayer | undefined> {
  const pool = new BlockPool();
  const writer = new TarWriter(pool);
  const warnings = new Warnings();
  // A blob that is the tar itself is hashed as it is written.
  const hash = compression === 'none' ? undefined : createHash('sha256');
  const recorder = job.kind === 'tar' && !job.into && !job.recorded ? undefined : new ContentsRecorder();
  let uncompressedSize = 0;
  const latest = sourceDateEpoch === undefined ? undefined : BigInt(sourceDateEpoch) * 1_000_000_000n;
  using blob = new BlobWriter(output);
  await using compress = compressor(compression, blob, pool);
  await using image = squashfs && new SquashfsAlongside(squashfs, squashfs.lowest);
  using source = open(job, writer, warnings, latest);
  await run(archive(source.entries, writer), source.input, async block => {
    checkpoint(uncompressedSize);
    hash?.update(block);
    recorder?.add(block);
    uncompressedSize += block.length;
    await image?.add(block);
    await compress.write(block);
  });
  if (writer.entries === 0) return undefined;
  await compress.finish();
  const made = await image?.finish(() => checkpoint(uncompressedSize));
  const digest = blob.digest();
  return {
    diffId: hash === undefined ? digest : `sha256:${hash.digest('hex')}`,
    uncompressedSize,
    digest,
    size: blob.size,
    mediaType: layerMediaType(compression),
    entries: writer.entries,
    ...(recorder && { contents: encodeContents(recorder.finish()) }),
    warnings: warnings.lines(),
    ...(made && { squashfs: made }),
  };
}

/** The entries of a layer, and the bytes that they are made from where they come as a stream. */
interface Source extends Disposable {
  readonly input: Chunks;
  readonly entries: Flow<void>;
}

function open(job: PackJob, writer: TarWriter, warnings: Warnings, latest: bigint | undefined): Source {
  const nothing = { input: [], [Symbol.dispose]() {} };
  switch (job.kind) {
    case 'upper':
      return { entries: packUpper(job, writer, warnings, latest ?? NEVER), ...nothing };
    case 'files':
      return { entries: packFiles(job, writer, warnings, latest), ...nothing };
    case 'entries':
      return { entries: packEntries(job, writer, latest ?? NEVER), ...nothing };
    case 'squash':
      return { ...nothing, entries: packSquash(job, writer, latest ?? NEVER), input: squashInput(job) };
    case 'tar':
      return openTar(job, writer, warnings, latest ?? NEVER);
    case 'erofs':
      return { entries: packErofs(job, writer, warnings), ...nothing };
  }
}

function* archive(entries: Flow<void>, writer: TarWriter): Flow<void> {
  yield* entries;
  if (writer.entries > 0) yield* writer.end();
}
