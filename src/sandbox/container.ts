/** A process in a tree, and others beside it for as long as it runs. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bundle, Streams } from './bundle.ts';
import { reapOrphans } from './processes.ts';
import { inReadyTree, type RunOptions, settle } from './run.ts';
import { isRunning, runBeside, runBundle } from './runtime.ts';

export interface ContainerOptions extends Omit<RunOptions, 'streams' | 'needs'> {
  readonly streams: Extract<Streams, { kind: 'collected' }>;
}

export interface Container {
  /** Where its tree is mounted. */
  readonly root: string;
  /** The exit status of its process, once it has ended. */
  readonly status: number | undefined;
  /** Resolves when the process runs or has ended. @throws AshlarError when it could not be started. */
  readonly started: Promise<void>;
  /** Runs a command as the process was started, to its end; returns its exit status. */
  run(args: readonly string[], output: (bytes: Uint8Array) => void): Promise<number>;
}

/** Milliseconds between two looks at a process that is about to start. */
const LOOK_AGAIN = 15;

/**
 * Starts a process in a tree, and does something meanwhile; in the end all that runs in the container is killed. Must
 * be called inside our own namespaces.
 */
export function inContainer<T>(
  options: ContainerOptions,
  use: (container: Container) => Promise<T>,
): Promise<T> {
  const { scratch, streams, runtime } = options;
  return inReadyTree(options, async ({ root, binds }) => {
    const end = new AbortController();
    const signal = AbortSignal.any([options.signal, end.signal]);
    const process = settle(options.process, root);
    const bundle: Bundle = {
      process,
      rootfs: root,
      binds,
      directory: join(scratch, 'bundle'),
      streams,
      signal,
    };
    let status: number | undefined;
    let ended = false;
    const running = runBundle(runtime, bundle)
      .then(result => {
        status = result;
      })
      .finally(() => {
        ended = true;
      });
    const beside: Promise<unknown>[] = [];
    try {
      return await use({
        root,
        get status() {
          return status;
        },
        started: Promise.race([running, untilRunning()]),
        run: (args, output) => {
          const other = {
            ...bundle,
            process: { ...process, args },
            streams: { kind: 'collected', output } as const,
          };
          const result = runBeside(runtime, other, `process-${beside.length}`);
          beside.push(result);
          return result;
        },
      });
    } finally {
      end.abort();
      // A namespace does not end before all its processes are reaped, orphans that fell to us among them.
      while (!ended) {
        reapOrphans();
        await sleep(LOOK_AGAIN);
      }
      await Promise.allSettled([running, ...beside]);
    }

    async function untilRunning(): Promise<void> {
      while (!ended && !isRunning(runtime, bundle)) await sleep(LOOK_AGAIN);
    }
  });
}
