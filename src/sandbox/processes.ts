/** What runs in our process namespace and in those below it. */
import { readdirSync, readFileSync } from 'node:fs';
import { reap } from '../linux/index.ts';
import { codeOf } from '../support/errors.ts';

export interface RunningProcess {
  /** As we know it. */
  readonly pid: number;
  /** Of the command line. */
  readonly words: readonly string[];
}

export function processes(): readonly RunningProcess[] {
  return pids().flatMap(pid => {
    const line = readOf(pid, 'cmdline');
    return line === undefined ? [] : [{ pid, words: line.split('\0') }];
  });
}

/** Undefined when the process is no more. */
export function parentOf(pid: number): number | undefined {
  const parent = field(readOf(pid, 'status'), 'PPid');
  return parent === undefined ? undefined : Number(parent);
}

/**
 * Lets processes of namespaces below ours go that have ended and have lost those who started them: they fell to us. For
 * what Node.js has started it waits itself, and that is in our own namespace.
 */
export function reapOrphans(): void {
  const depth = depthOf(readOf('self', 'status'));
  for (const pid of pids()) {
    const status = readOf(pid, 'status');
    const isOurs = field(status, 'PPid') === String(process.pid);
    if (isOurs && field(status, 'State')?.startsWith('Z') && depthOf(status) > depth) reap(pid);
  }
}

/** How many process namespaces know it, from ours down: proc_pid_status(5). */
function depthOf(status: string | undefined): number {
  return field(status, 'NSpid')?.split('\t').length ?? 0;
}

function field(status: string | undefined, name: string): string | undefined {
  return status?.match(new RegExp(`^${name}:\\t(.*)$`, 'm'))?.[1];
}

function pids(): readonly number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** Processes come and go while we look. */
function readOf(pid: number | 'self', file: 'cmdline' | 'status'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}
