/**
 * A tar layer becomes a file system in one pass: tar, as overlayfs would have it, mksquashfs, verity and digest. A
 * layer whose later entries change earlier ones is read once more before.
 */
import { createHash } from 'node:crypto';
import { AshlarError } from '../support/errors.ts';
import { fromText } from './bytes.ts';
import type { Compression } from './compression.ts';
import { BlobFile, layerBytes } from './decompress.ts';
import { type Flow, run } from './flow.ts';
import { DEFAULT_LIMITS, ExpansionGuard, type Limits } from './limits.ts';
import { canonicalPath } from './names.ts';
import { NeedsMore, type Survey, Surveyor } from './overlay-form.ts';
import type { ParentDirectory } from './pack-files.ts';
import { type FileSystemLayer, SquashfsLayer, type SquashfsTarget } from './squashfs-layer.ts';
import { explain } from './system-errors.ts';
import { readTar, type Visit } from './tar-reader.ts';

export interface ConvertJob extends SquashfsTarget {
  /** A tar layer: the blob's file. */
  readonly blob: string;
  readonly compression: Compression;
  /** Of the uncompressed tar, `sha256:...`; compared with what comes. Absent where the blob is known to have it. */
  readonly diffId?: string | undefined;
  /** What lower layers say of the directories that the layer implies; others get mode 0755 for root. */
  readonly below: readonly ParentDirectory[];
  readonly limits?: Partial<Limits>;
}

/** Runs a conversion; `checkpoint` is called now and then and may throw to stop it. */
export async function convert(job: ConvertJob, checkpoint: () => void): Promise<FileSystemLayer> {
  try {
    return await write(job, checkpoint);
  } catch (error) {
    throw explain(error);
  }
}

async function write(job: ConvertJob, checkpoint: () => void): Promise<FileSystemLayer> {
  try {
    return await writeImage(job, undefined, checkpoint);
  } catch (error) {
    if (!(error instanceof NeedsMore)) throw error;
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
): Promise<FileSystemLayer> {
  const limits = { ...DEFAULT_LIMITS, ...job.limits };
  const below = new Map(job.below.map(directory => [canonicalPath(fromText(directory.path)), directory]));
  await using image = new SquashfsLayer(job, below, limits, survey);
  await readLayer(
    job,
    (entry, content) => image.visit(entry, content),
    checkpoint,
    () => image.end(),
    block => image.write(block),
  );
  return await image.finish(checkpoint);
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
