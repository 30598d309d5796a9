/** Hands jobs to worker threads, so that the main thread stays free and layers are worked on side by side. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AshlarError } from '../support/errors.ts';
import type { ByteString } from './bytes.ts';
import type { CompareJob, DifferingFile } from './compare-files.ts';
import type { ConvertJob } from './convert.ts';
import type { CheckedFileSystem, FileSystemBlob } from './file-system.ts';
import type { Limits } from './limits.ts';
import type { PackedLayer, PackJob, PackOptions } from './pack.ts';
import type { LayerTar } from './read-contents.ts';
import type { WantedFile } from './read-files.ts';
import type { SealedFile, SealJob } from './seal.ts';
import { isSmall } from './small-job.ts';
import type { FileSystemLayer } from './squashfs-layer.ts';
import type { UnpackedLayer, UnpackJob } from './unpack.ts';
import type { Answer, Assignment, EncodedContents, Jobs, Ready, Task } from './worker.ts';

interface Cancellable {
  /** Stops the job soon; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

interface Watchable {
  /** Hears now and then how many bytes of tar have been written so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** Milliseconds between two such calls. */
const PROGRESS_INTERVAL = 200;

/**
 * Unpacks one tar layer into a new directory in the form that overlayfs mounts, independent of the layers below.
 * Throws an AshlarError, which names the entry, when the layer is hostile, damaged, not what its label says, or not
 * the one with this diff ID; the directory is then for the caller to remove.
 */
export function unpackLayer(job: UnpackJob & Cancellable): Promise<UnpackedLayer> {
  const { signal, ...input } = job;
  return inWorker({ kind: 'unpack', input }, signal) as Promise<Jobs['unpack']['output']>;
}

/**
 * Writes one layer as a blob file; `undefined`, and no file, when nothing is in it.
 * Throws an AshlarError when a source cannot be part of a layer or changes while it is read.
 */
export function packLayer(
  job: PackJob,
  options: PackOptions & Cancellable & Watchable,
): Promise<PackedLayer | undefined> {
  const { signal, onProgress, ...rest } = options;
  if (workers.length === 0 && isSmall(job)) return packInThisThread(job, rest, signal);
  return inWorker({ kind: 'pack', input: { job, options: rest } }, signal, onProgress) as Promise<
    Jobs['pack']['output']
  >;
}

/** A thread takes longer to start than such a layer to pack. */
async function packInThisThread(
  job: PackJob,
  options: PackOptions,
  signal: AbortSignal | undefined,
): Promise<PackedLayer | undefined> {
  const { pack } = await import('./pack.ts');
  return pack(job, options, () => signal?.throwIfAborted());
}

/**
 * Reads what a layer says, from its blob to the last byte; `decodeContents` makes contents of the bytes. Whether it is
 * the right layer, the diff ID tells.
 * Throws an AshlarError, which names the entry, when the layer is hostile, damaged or not what its label says.
 */
export function readLayerContents(
  job: LayerTar & { readonly limits?: Partial<Limits> } & Cancellable,
): Promise<EncodedContents> {
  const { signal, ...input } = job;
  return inWorker({ kind: 'contents', input }, signal) as Promise<EncodedContents>;
}

/**
 * Writes a tar layer as a squashfs image, with a hash area if it is wanted, without unpacking it.
 * Throws an AshlarError when the layer is hostile or damaged, or mksquashfs fails.
 */
export function convertLayer(job: ConvertJob & Cancellable): Promise<FileSystemLayer> {
  const { signal, ...input } = job;
  return inWorker({ kind: 'convert', input }, signal) as Promise<FileSystemLayer>;
}

/** Adds a hash area to a file system image, if it is wanted, and tells what the file is then. */
export function sealImage(
  path: string,
  verity: boolean,
  { signal, growth }: Cancellable & Pick<SealJob, 'growth'>,
): Promise<SealedFile> {
  const input = { path, verity, ...(growth && { growth }) };
  return inWorker({ kind: 'seal', input }, signal) as Promise<SealedFile>;
}

/** Checks a layer that is a file system against its label and its root hash. Throws an AshlarError. */
export function checkFileSystemLayer(layer: FileSystemBlob & Cancellable): Promise<CheckedFileSystem> {
  const { signal, ...input } = layer;
  return inWorker({ kind: 'check', input }, signal) as Promise<CheckedFileSystem>;
}

/**
 * The content of files of a layer by path, read in one pass; sizes and hashes are those that its contents tell.
 * Throws an AshlarError when the layer does not hold one of them, or when they are more than 256 MiB together:
 * those `extractLayerFiles` takes.
 */
export function readLayerFiles(
  job: LayerTar & { readonly files: readonly WantedFile[] } & Cancellable,
): Promise<ReadonlyMap<ByteString, Uint8Array>> {
  const { signal, ...input } = job;
  return inWorker({ kind: 'files', input }, signal) as Promise<Jobs['files']['output']>;
}

/**
 * Writes the content of files of a layer, of any size, into a directory, each under its SHA-256; one pass. Empty ones
 * are left out. Throws an AshlarError when the layer does not hold one of them.
 */
export async function extractLayerFiles(
  job: LayerTar & { readonly files: readonly WantedFile[]; readonly directory: string } & Cancellable,
): Promise<void> {
  const { signal, ...input } = job;
  await inWorker({ kind: 'extract', input }, signal);
}

/** The files of a tree, which is a directory, that are missing or have other bytes than is told of them. */
export function compareFiles(job: CompareJob & Cancellable): Promise<readonly DifferingFile[]> {
  const { signal, ...input } = job;
  return inWorker({ kind: 'compare', input }, signal) as Promise<Jobs['compare']['output']>;
}

/** Starts a thread that a coming job will find ready; it takes some tens of milliseconds. */
export function prepareLayerWorker(): void {
  if (workers.length === 0) start();
}

/** Run from source the entry is `worker.ts`; in the bundle every entry is a file of its own beside the others. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './layer-worker.mjs',
  import.meta.url,
);

/** More threads than processors would only cost memory; the second one keeps a single long job from blocking all. */
const MOST_WORKERS = Math.max(2, availableParallelism());

interface PooledWorker {
  readonly thread: Worker;
  busy: boolean;
}

const workers: PooledWorker[] = [];
/** Jobs that wait for a thread. */
const waiting: (() => void)[] = [];

function start(): PooledWorker {
  // Descriptors come from system calls that Node does not see, so it must not keep books on them.
  const worker: PooledWorker = { thread: new Worker(ENTRY, { trackUnmanagedFds: false }), busy: false };
  // A thread without a job keeps nobody from leaving, but while it loads native code: Node.js aborts when it ends then.
  worker.thread.on('message', (message: Answer | Ready) => {
    if (message === 'ready' && !worker.busy) worker.thread.unref();
  });
  workers.push(worker);
  worker.thread.once('exit', () => {
    workers.splice(workers.indexOf(worker), 1);
    waiting.shift()?.();
  });
  return worker;
}

async function takeWorker(): Promise<PooledWorker> {
  for (;;) {
    const worker = workers.find(({ busy }) => !busy) ?? (workers.length < MOST_WORKERS ? start() : undefined);
    if (worker) {
      worker.busy = true;
      worker.thread.ref();
      return worker;
    }
    await new Promise<void>(resolve => waiting.push(resolve));
  }
}

function giveBack(worker: PooledWorker): void {
  worker.busy = false;
  worker.thread.unref();
  waiting.shift()?.();
}

async function inWorker(
  task: Task,
  signal: AbortSignal | undefined,
  onProgress?: (bytes: number) => void,
): Promise<unknown> {
  signal?.throwIfAborted();
  const worker = await takeWorker();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const written = new BigInt64Array(new SharedArrayBuffer(8));
  // A thread that is killed would leave descriptors open, so it is asked to stop.
  const onAbort = () => Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  const tell = onProgress && (() => onProgress(Number(Atomics.load(written, 0))));
  const telling = tell && setInterval(tell, PROGRESS_INTERVAL);
  try {
    const answer = await ask(worker.thread, { task, stop, written });
    if ('output' in answer) return answer.output;
    signal?.throwIfAborted();
    if ('error' in answer) throw answer.error;
    const { message, hint, cause, code } = answer.failure;
    throw Object.assign(new AshlarError(message, { hint, cause }), code === undefined ? {} : { code });
  } finally {
    clearInterval(telling);
    signal?.removeEventListener('abort', onAbort);
    giveBack(worker);
  }
}

function ask(thread: Worker, assignment: Assignment): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = (conclude: () => void) => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      conclude();
    };
    const onMessage = (message: Answer | Ready) => {
      if (message !== 'ready') settle(() => resolve(message));
    };
    const onError = (error: unknown) => settle(() => reject(error));
    const onExit = (status: number) =>
      settle(() => reject(new Error(`the layer worker ended with status ${status}`)));
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    thread.postMessage(assignment);
  });
}
