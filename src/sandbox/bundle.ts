/** What every way of running gets, and how the output of a child is read. */
import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { pipe } from '../linux/index.ts';
import { exitStatus } from '../support/signals.ts';

/** The process that runs in the tree. */
export interface Process {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** `host`: the host's network; `none`: only a loopback of its own. */
  readonly network: 'host' | 'none';
}

/** A mount of ours, ready to be bound to a path of the tree that exists and has no symbolic links in it. */
export interface StagedBind {
  readonly source: string;
  readonly target: string;
  /** The mount at `source` is read-only already; runtimes that set flags anew have to be told. */
  readonly readOnly: boolean;
}

export interface Bundle {
  readonly process: Process;
  readonly rootfs: string;
  readonly binds: readonly StagedBind[];
  /** A directory of ours for the runtime's files. */
  readonly directory: string;
  readonly output: (bytes: Uint8Array) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs a child whose standard output and error are one pipe, so that their order is kept, and hands on what it
 * writes. On abort `kill` is called; the child is expected to end then.
 */
export async function runCollecting(
  start: (outputFd: number) => ChildProcess,
  { output, signal }: Pick<Bundle, 'output' | 'signal'>,
  kill: (child: ChildProcess) => void,
): Promise<number> {
  signal.throwIfAborted();
  const { read, write } = pipe();
  const child = start(write);
  closeSync(write);
  const reader = new Socket({ fd: read, readable: true, writable: false });
  reader.on('data', output);
  const abort = () => kill(child);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const [status] = await Promise.all([
      new Promise<number>((resolve, reject) => {
        child.on('error', reject);
        child.on('exit', (code, killer) => resolve(exitStatus(code, killer)));
      }),
      new Promise(resolve => reader.on('close', resolve)),
    ]);
    signal.throwIfAborted();
    return status;
  } finally {
    signal.removeEventListener('abort', abort);
    reader.destroy();
  }
}
