/** The entry of the worker threads that unpack and pack layers: for each job one answer, one after the other. */
import { parentPort } from 'node:worker_threads';
import { AshlarError, codeOf } from '../support/errors.ts';
import type { ByteString } from './bytes.ts';
import { type CompareJob, compareFiles, type DifferingFile } from './compare-files.ts';
import { encodeContents } from './contents-bytes.ts';
import { type ConvertJob, convert } from './convert.ts';
import { type CheckedFileSystem, checkFileSystem, type FileSystemBlob } from './file-system.ts';
import type { Limits } from './limits.ts';
import { type PackedLayer, type PackJob, type PackOptions, pack } from './pack.ts';
import { type LayerTar, readContents } from './read-contents.ts';
import { extractFiles, readFiles, type WantedFile } from './read-files.ts';
import { type SealedFile, type SealJob, seal } from './seal.ts';
import type { FileSystemLayer } from './squashfs-layer.ts';
import { type UnpackedLayer, type UnpackJob, unpack } from './unpack.ts';

/** Contents as bytes: they are kept, and pass between threads more quickly. */
export interface EncodedContents {
  readonly contents: Uint8Array;
  /** SHA-256 of the tar, `sha256:...`. */
  readonly diffId: string;
}

export interface Jobs {
  readonly unpack: { readonly input: UnpackJob; readonly output: UnpackedLayer };
  readonly pack: {
    readonly input: { readonly job: PackJob; readonly options: PackOptions };
    readonly output: PackedLayer | undefined;
  };
  readonly convert: { readonly input: ConvertJob; readonly output: FileSystemLayer };
  readonly seal: { readonly input: SealJob; readonly output: SealedFile };
  readonly check: { readonly input: FileSystemBlob; readonly output: CheckedFileSystem };
  readonly contents: {
    readonly input: LayerTar & { readonly limits?: Partial<Limits> };
    readonly output: EncodedContents;
  };
  readonly files: {
    readonly input: LayerTar & { readonly files: readonly WantedFile[] };
    readonly output: Map<ByteString, Uint8Array>;
  };
  readonly compare: { readonly input: CompareJob; readonly output: readonly DifferingFile[] };
  readonly extract: {
    readonly input: LayerTar & { readonly files: readonly WantedFile[]; readonly directory: string };
    readonly output: undefined;
  };
}

export type Task = {
  [Kind in keyof Jobs]: { readonly kind: Kind; readonly input: Jobs[Kind]['input'] };
}[keyof Jobs];

export interface Assignment {
  readonly task: Task;
  /** The first element becomes 1 when the job is to stop. */
  readonly stop: Int32Array;
  /** The first element tells how many bytes of tar a pack job has written so far. */
  readonly written: BigInt64Array;
}

/** What a thread says first, when all its code is loaded. */
export type Ready = 'ready';

export type Answer =
  | { readonly output: unknown }
  /** Errors lose their class on the way between threads, so those for the user are sent as data. */
  | {
      readonly failure: {
        readonly message: string;
        readonly hint: string | undefined;
        readonly cause: unknown;
        /** Of the system call that failed, if one did: copies of errors have no code any more. */
        readonly code: string | undefined;
      };
    }
  | { readonly error: unknown };

async function answer({ task, stop, written }: Assignment): Promise<Answer> {
  const checkpoint = (bytes = 0) => {
    Atomics.store(written, 0, BigInt(bytes));
    if (Atomics.load(stop, 0) !== 0) throw new AshlarError('stopped');
  };
  try {
    switch (task.kind) {
      case 'unpack':
        return { output: await unpack(task.input, checkpoint) };
      case 'pack':
        return { output: await pack(task.input.job, task.input.options, checkpoint) };
      case 'convert':
        return { output: await convert(task.input, checkpoint) };
      case 'seal':
        return { output: seal(task.input, checkpoint) };
      case 'check':
        return { output: checkFileSystem(task.input, checkpoint) };
      case 'contents': {
        const { contents, diffId } = await readContents(task.input, task.input.limits ?? {}, checkpoint);
        return { output: { contents: encodeContents(contents), diffId } };
      }
      case 'files':
        return { output: await readFiles(task.input, task.input.files, checkpoint) };
      case 'compare':
        return { output: compareFiles(task.input, checkpoint) };
      case 'extract': {
        const { files, directory } = task.input;
        await extractFiles(task.input, files, directory, checkpoint);
        return { output: undefined };
      }
    }
  } catch (error) {
    if (!(error instanceof AshlarError)) return { error };
    const { message, hint, cause } = error;
    return { failure: { message, hint, cause, code: codeOf(cause) } };
  }
}

parentPort?.on('message', async (assignment: Assignment) =>
  parentPort?.postMessage(await answer(assignment)),
);
parentPort?.postMessage('ready' satisfies Ready);
