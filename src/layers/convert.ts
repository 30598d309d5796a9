/**
 * A tar layer becomes a file system in one pass: tar, as overlayfs would have it, mksquashfs, verity and digest. A
 * layer whose later entries change earlier ones is read once more before.
 */
import { createHash } from 'node:crypto';
import { constants, fstatSync, openSync, rmSync } from 'node:fs';
import { FileDescriptor } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { fromText } from './bytes.ts';
import { syncFile } from './compress.ts';
import type { Compression } from './compression.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import { type Flow, run } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { canonicalPath } from './names.ts';
import { NeedsSurvey, OverlayForm, type RootDirectory, type Survey, Surveyor } from './overlay-form.ts';
import type { ParentDirectory } from './pack-files.ts';
import { type SquashfsCompression, SquashfsWriter, squashfsAttributes } from './squashfs.ts';
import { setSquashfsRoot } from './squashfs-root.ts';
import { explain } from './system-errors.ts';
import { readTar, type Visit } from './tar-reader.ts';
import { BlockPool, TarWriter } from './tar-writer.ts';
import { appendVerity, forEachChunk } from './verity.ts';
import { Warnings } from './warnings.ts';
import { isOpaqueMark } from './whiteouts.ts';

export interface ConvertJob {
  /** A tar layer: the blob's file. */
  readonly blob: string;
  readonly compression: Compression;
  /** Of the uncompressed tar, `sha256:...`; compared with what comes. Absent where the blob is known to have it. */
  readonly diffId?: string | undefined;
  /** What lower layers say of the directories that the layer implies; others get mode 0755 for root. */
  readonly below: readonly ParentDirectory[];
  readonly into: SquashfsCompression;
  readonly verity: boolean;
  /** The file to write; a file that is there is overwritten. */
  readonly output: string;
  readonly limits?: Partial<Limits>;
}

/** A file, complete. */
export interface SealedFile {
  /** SHA-256 of the blob, `sha256:...`, which is the diff ID, too. */
  readonly digest: string;
  /** Bytes of the blob. */
  readonly size: number;
  /** Of the hash area, 64 hexadecimal digits. */
  readonly rootHash?: string;
}

/** A layer as a file system, in a file. */
export interface FileSystemLayer extends SealedFile {
  readonly warnings: readonly string[];
}

/** Runs a conversion; `checkpoint` is called now and then and may throw to stop it. */
export async function convert(job: ConvertJob, checkpoint: () => void): Promise<FileSystemLayer> {
  try {
    const warnings = await write(job, checkpoint);
    const sealed = seal(job.output, job.verity, checkpoint);
    await syncFile(job.output);
    return { ...sealed, warnings };
  } catch (error) {
    rmSync(job.output, { force: true });
    throw explain(error);
  }
}

/** Adds the hash area, if it is wanted, and takes the digest of it all, in one pass over the file. */
export function seal(path: string, verity: boolean, checkpoint: () => void): SealedFile {
  using file = new FileDescriptor(openSync(path, constants.O_RDWR | constants.O_NOFOLLOW));
  const hash = createHash('sha256');
  const onBytes = (bytes: Buffer) => {
    checkpoint();
    hash.update(bytes);
  };
  const rootHash = verity ? appendVerity(file.fd, onBytes) : undefined;
  const { size } = fstatSync(file.fd);
  if (!verity) forEachChunk(file.fd, 0, size, onBytes);
  return { digest: `sha256:${hash.digest('hex')}`, size, ...(rootHash === undefined ? {} : { rootHash }) };
}

async function write(job: ConvertJob, checkpoint: () => void): Promise<readonly string[]> {
  try {
    return await writeImage(job, undefined, checkpoint);
  } catch (error) {
    if (!(error instanceof NeedsSurvey)) throw error;
  }
  const surveyor = new Surveyor({ ...DEFAULT_LIMITS, ...job.limits });
  await readLayer(
    job,
    entry => {
      surveyor.visit(entry);
      return undefined;
    },
    checkpoint,
  );
  return writeImage(job, surveyor.finish(), checkpoint);
}

async function writeImage(
  job: ConvertJob,
  survey: Survey | undefined,
  checkpoint: () => void,
): Promise<readonly string[]> {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  const pool = new BlockPool();
  const writer = new TarWriter(pool);
  const warnings = new Warnings();
  let root: RootDirectory | undefined;
  const output = {
    writer,
    adapt: squashfsAttributes(warnings),
    root: (metadata: RootDirectory) => {
      root = metadata;
    },
  };
  const below = new Map(job.below.map(directory => [canonicalPath(fromText(directory.path)), directory]));
  const form = new OverlayForm(output, below, limits, warnings, survey);
  await using image = new SquashfsWriter(job.output, job.into, pool);
  await readLayer(
    job,
    (entry, content) => form.visit(entry, content),
    checkpoint,
    function* () {
      yield* form.finish();
      yield* writer.end();
    },
    block => image.write(block),
  );
  await image.finish();
  if (root !== undefined) setRoot(job.output, root, warnings);
  return warnings.lines();
}

function setRoot(path: string, { mode, uid, gid, mtime, xattrs }: RootDirectory, warnings: Warnings): void {
  using file = new FileDescriptor(openSync(path, constants.O_RDWR | constants.O_NOFOLLOW));
  const known = setSquashfsRoot(file.fd, { mode, uid, gid, mtime: Number(mtime / 1_000_000_000n) });
  if (!known) warnings.add(`the owner ${uid}:${gid} of the root directory was left out`, '/');
  // A layer that hides everything below it can only be the lowest one here.
  const lost = xattrs.filter(({ name, value }) => !isOpaqueMark(name, value));
  if (lost.length > 0) warnings.add('attributes of the root directory were left out', '/');
}

/** Reads the layer to its end and checks it against its diff ID. */
async function readLayer(
  job: ConvertJob,
  visit: Visit,
  checkpoint: () => void,
  finish: () => Flow<void> = function* () {},
  output?: (block: Buffer) => Promise<void>,
): Promise<void> {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  using blob = new BlobFile(job.blob);
  const guard = new ExpansionGuard(limits, job.compression === 'none' ? undefined : blob.size);
  const hash = job.diffId === undefined ? undefined : createHash('sha256');
  async function* input(): AsyncGenerator<Buffer> {
    for await (const chunk of layerBytes(blob, job.compression, guard)) {
      checkpoint();
      hash?.update(chunk);
      yield chunk;
    }
  }
  function* entries(): Flow<void> {
    yield* readTar((entry, content) => {
      guard.addHoles(entry.size - content.left);
      return visit(entry, content);
    }, limits);
    yield* finish();
  }
  await run(entries(), input(), output);
  if (hash === undefined) return;
  const diffId = `sha256:${hash.digest('hex')}`;
  if (diffId === job.diffId) return;
  throw new AshlarError(`the layer ${job.blob} has the diff ID ${diffId} instead of ${job.diffId}`, {
    hint: 'the image is damaged or was tampered with',
  });
}
