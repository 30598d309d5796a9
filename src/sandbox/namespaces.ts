import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { closeOthersOnExec, MS, mount } from '../linux/index.ts';
import { AshlarError } from '../support/errors.ts';
import { findProgram } from '../support/process.ts';
import type { IdMap } from './idmap.ts';

/** The descriptor at which `entry` finds our standard error; its own is a pipe to us. */
export const CALLERS_STDERR = 4;

/**
 * Starts `entry` (a module) in a new Node.js process inside namespaces of its own: mounts, process ids and, for a
 * plain user, user ids, where it is uid 0. It never is this process itself: a threaded process cannot enter a user
 * namespace, and only its main thread would enter a mount namespace. The IPC channel ties the lives together: when
 * this process dies, however it dies, the channel closes, the child (pid 1 of its namespace) exits, and the kernel
 * ends every process and mount in there. Standard input and output are ours, for processes that a user talks to.
 * @param held Open files that the child keeps open as long as it lives: locks, for example.
 */
export function startInNamespaces(
  entry: URL,
  idMap: IdMap,
  args: readonly string[] = [],
  held: readonly number[] = [],
): ChildProcess {
  const unshare = findProgram('unshare');
  if (!unshare) {
    throw new AshlarError("cannot find the program 'unshare'", { hint: 'install the package util-linux' });
  }
  const flags = [
    ...userFlags(idMap),
    '--mount',
    '--pid',
    '--fork',
    '--mount-proc',
    '--kill-child',
    '--propagation=private',
  ];
  const node = [
    process.execPath,
    ...process.execArgv,
    '--disable-warning=ExperimentalWarning',
    // Each of its threads would keep three times 16 MiB of garbage; it is as quick with half of that.
    '--max-semi-space-size=8',
    fileURLToPath(entry),
    ...args,
  ];
  return spawn(unshare, [...flags, ...node], {
    stdio: ['inherit', 'inherit', 'pipe', 'ipc', 2, ...held],
    serialization: 'advanced',
    env: { ...process.env, STACKER_REAL_UID: String(process.getuid?.() ?? 0) },
  });
}

function userFlags(idMap: IdMap): string[] {
  switch (idMap.kind) {
    case 'host':
      return [];
    case 'ranges':
      return ['--user', '--map-auto', '--map-root-user'];
    case 'single':
      return ['--user', '--map-root-user'];
  }
}

/**
 * To be called first inside the namespaces. No file that our caller left open may reach a build (a descriptor of a
 * directory outside is a way out of any tree), and on hosts with both cgroup versions mounted (hybrid) only the second
 * may be seen: crun refuses to start otherwise.
 */
export function settleInNamespaces(): void {
  closeOthersOnExec();
  const unified = '/sys/fs/cgroup/unified';
  if (existsSync(unified)) mount({ source: unified, target: '/sys/fs/cgroup', flags: MS.BIND | MS.REC });
}
