/** What every way of running gets, and how the output of a child is read. */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { makeBlocking, pipe } from '../linux/index.ts';
import { exitStatus } from '../support/signals.ts';
import type { Account } from './users.ts';

/** How a process of a container starts, told as images tell it. */
export interface Identity {
  /** Name or number, with or without `:group`, as the tree's account files know them. */
  readonly user: string;
  /** Absolute; made where the tree does not have it. */
  readonly directory: string;
}

/** The process that runs in the tree. */
export interface Process {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** `host`: the host's network; `none`: only a loopback of its own; or the one that a path leads to. */
  readonly network: 'host' | 'none' | { readonly path: string };
  /** As whom and where it runs: as uid 0 in `/` when absent. */
  readonly identity?: Identity;
}

/** A mount of ours, ready to be bound to a path of the tree that exists and has no symbolic links in it. */
export interface StagedBind {
  readonly source: string;
  readonly target: string;
  /** The mount at `source` is read-only already; runtimes that set flags anew have to be told. */
  readonly readOnly: boolean;
}

/** Milliseconds. */
const KILL_AGAIN = 200;

/** Where a process reads from and writes to. */
export type Streams =
  /** Standard output and error are one pipe, so that their order is kept. */
  | {
      readonly kind: 'collected';
      readonly output: (bytes: Uint8Array) => void;
      /** Its input is a pipe that nobody writes to and that does not end; it has no input when absent. */
      readonly waits?: true;
    }
  /** Open files of this process. */
  | {
      readonly kind: 'attached';
      readonly stdin: number;
      readonly stdout: number;
      readonly stderr: number;
      /** Standard input and output are a terminal: the process gets one, too. */
      readonly terminal?: TerminalSize;
    };

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A process as it is started: as whom, and in which directory. */
export interface SettledProcess extends Omit<Process, 'identity'> {
  readonly account: Pick<Account, 'uid' | 'gid' | 'groups'>;
  /** Absolute; it exists in the tree. */
  readonly directory: string;
}

export interface Bundle {
  readonly process: SettledProcess;
  readonly rootfs: string;
  readonly binds: readonly StagedBind[];
  /** A directory of ours for the runtime's files. */
  readonly directory: string;
  readonly streams: Streams;
  readonly signal: AbortSignal;
}

/**
 * Runs a child to its end; returns its exit status. On abort `kill` is called until the child has ended: a runtime that
 * is still about to make its container goes on when there is none to remove yet.
 */
export async function runChild(
  start: (stdio: StdioOptions) => ChildProcess,
  { streams, signal }: Pick<Bundle, 'streams' | 'signal'>,
  kill: (child: ChildProcess) => void,
): Promise<number> {
  signal.throwIfAborted();
  const { child, drained } =
    streams.kind === 'collected' ? startCollecting(start, streams) : startAttached(start, streams);
  let again: NodeJS.Timeout | undefined;
  const abort = () => {
    kill(child);
    again = setInterval(() => kill(child), KILL_AGAIN);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const [status] = await Promise.all([
      new Promise<number>((resolve, reject) => {
        child.on('error', reject);
        child.on('exit', (code, killer) => resolve(exitStatus(code, killer)));
      }),
      drained,
    ]);
    signal.throwIfAborted();
    return status;
  } finally {
    signal.removeEventListener('abort', abort);
    clearInterval(again);
  }
}

interface Started {
  readonly child: ChildProcess;
  /** Resolves when nothing more will be read of what it wrote. */
  readonly drained: Promise<void>;
}

function startCollecting(
  start: (stdio: StdioOptions) => ChildProcess,
  { output, waits }: Extract<Streams, { kind: 'collected' }>,
): Started {
  const { read, write } = pipe();
  const child = start([waits ? 'pipe' : 'ignore', write, write]);
  closeSync(write);
  const reader = new Socket({ fd: read, readable: true, writable: false });
  reader.on('data', output);
  child.on('error', () => reader.destroy());
  return { child, drained: new Promise(resolve => reader.on('close', () => resolve())) };
}

function startAttached(
  start: (stdio: StdioOptions) => ChildProcess,
  { stdin, stdout, stderr }: Extract<Streams, { kind: 'attached' }>,
): Started {
  for (const fd of [stdout, stderr]) makeBlocking(fd);
  return { child: start([stdin, stdout, stderr]), drained: Promise.resolve() };
}
