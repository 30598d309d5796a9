/** Hands jobs to worker threads, so that the main thread stays free and layers are worked on side by side. */
import { Worker } from 'node:worker_threads';
import { AshlarError } from '../support/errors.ts';
import type { PackedLayer, PackJob, PackOptions } from './pack.ts';
import type { UnpackedLayer, UnpackJob } from './unpack.ts';
import type { Answer, Assignment, Jobs, Task } from './worker.ts';

interface Cancellable {
  /** Stops the job soon; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

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
  options: PackOptions & Cancellable,
): Promise<PackedLayer | undefined> {
  const { signal, ...rest } = options;
  return inWorker({ kind: 'pack', input: { job, options: rest } }, signal) as Promise<Jobs['pack']['output']>;
}

/** Run from source the entry is `worker.ts`; in the bundle every entry is a file of its own beside the others. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './layer-worker.mjs',
  import.meta.url,
);

async function inWorker(task: Task, signal: AbortSignal | undefined): Promise<unknown> {
  signal?.throwIfAborted();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const assignment: Assignment = { task, stop };
  // Descriptors come from system calls that Node does not see, so it must not keep books on them.
  const worker = new Worker(ENTRY, { workerData: assignment, trackUnmanagedFds: false });
  // A thread that is killed would leave descriptors open, so it is asked to stop.
  const onAbort = () => Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', onAbort);
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
      worker.on('exit', status => reject(new Error(`the layer worker ended with status ${status}`)));
    });
    if ('output' in answer) return answer.output;
    signal?.throwIfAborted();
    if ('error' in answer) throw answer.error;
    const { message, hint, cause } = answer.failure;
    throw new AshlarError(message, { hint, cause });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
