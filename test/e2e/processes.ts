/** Builds as processes: started, watched, ended from outside; and what they leave behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../src/support/errors.ts';
import { exitStatus } from '../../src/support/signals.ts';
import { ashlarProgram, type Ended, type Project, type Variables } from './support.ts';

export interface RunningBuild {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<Ended>;
}

/** Starts `ashlar build` as leader of a process group of its own, as a shell does. */
export function startBuild(
  project: Project,
  flags: readonly string[] = [],
  env: Variables = {},
): RunningBuild {
  return startCommand(project, ['build', ...flags], env);
}

/** `startBuild` for any command. */
export function startCommand(project: Project, args: readonly string[], env: Variables = {}): RunningBuild {
  const child = spawn(ashlarProgram, project.arguments(args), {
    cwd: project.path,
    env: { ...process.env, ...project.environment(env) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', bytes => {
    texts.stdout += bytes;
  });
  child.stderr.on('data', bytes => {
    texts.stderr += bytes;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ status: exitStatus(code, signal), ...texts }));
  });
  if (child.pid === undefined) throw new Error('ashlar did not start');
  return { child, pid: child.pid, ended };
}

/** Waits until something is so. The time limit of the test is the only one. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

interface Seen {
  readonly pid: number;
  readonly command: string;
}

/** Processes that have to do with a directory: it is in their command line, or mounted in their namespace. */
export function processesOf(directory: string): readonly Seen[] {
  // Most processes of the machine are where we are: what is mounted there is read once, since tests ask again and again.
  const here = namespaceOf('self');
  const mountedHere = mountedAt('self', directory);
  return processes().filter(({ pid, command }) => {
    if (command.includes(directory)) return true;
    return namespaceOf(pid) === here ? mountedHere : mountedAt(pid, directory);
  });
}

function processes(): readonly Seen[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids.map(pid => ({
    pid: Number(pid),
    command: readIfThere(`/proc/${pid}/cmdline`).replaceAll('\0', ' '),
  }));
}

function mountedAt(pid: number | 'self', directory: string): boolean {
  return readIfThere(`/proc/${pid}/mountinfo`).includes(directory);
}

/** Where a process sees its mounts; undefined for those of others, whom we cannot ask. */
function namespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

/** Kills a process, unless it has ended by itself in the meantime. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Processes come and go while we look. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The process of a build in its own namespaces: the first one there. */
export function innerProcessOf(store: string): number | undefined {
  const found = processes().filter(
    ({ command }) => command.includes(store) && /\/inside\.(mjs|ts) \{/.test(command),
  );
  return found.find(({ command }) => !command.startsWith('unshare') && !command.includes('/unshare '))?.pid;
}
