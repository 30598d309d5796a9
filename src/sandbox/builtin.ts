/**
 * The built-in runner: util-linux's unshare with a chroot. The same view of the tree as with an OCI runtime, but
 * fewer walls: all capabilities of the namespace are kept and /proc is not masked.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MS, makeReadOnly, mount, unmount } from '../linux/index.ts';
import { AshlarError, codeOf } from '../support/errors.ts';
import { findProgram } from '../support/process.ts';
import { type Bundle, runChild, type SettledProcess } from './bundle.ts';
import { openMountPoint } from './mountpoints.ts';
import { parentOf, processes } from './processes.ts';

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

export async function runBuiltIn(bundle: Bundle): Promise<number> {
  using mounts = new MountStack(bundle.rootfs);
  mounts.add('/dev', target => mount({ source: 'tmpfs', target, type: 'tmpfs', data: 'mode=755,size=64m' }));
  fillDev(join(bundle.rootfs, 'dev'));
  mounts.add('/dev/pts', target =>
    mount({ source: 'devpts', target, type: 'devpts', data: 'newinstance,ptmxmode=0666' }),
  );
  mounts.add('/dev/shm', target => mount({ source: 'shm', target, type: 'tmpfs', data: 'mode=1777' }));
  mounts.add('/sys', target => mount({ source: '/sys', target, flags: MS.BIND | MS.REC }));
  makeReadOnly(join(bundle.rootfs, 'sys'));
  for (const { source, target } of bundle.binds) {
    mounts.add(target, point => mount({ source, target: point, flags: MS.BIND | MS.REC }));
  }
  const { environment, hostname, network } = bundle.process;
  const namespaces = ['--pid', '--ipc', '--uts', ...(network === 'none' ? ['--net'] : [])];
  const joined = typeof network === 'object' ? ['nsenter', `--net=${network.path}`, '--'] : [];
  const inTree = intoTree(bundle, FIRST);
  // The host name is set by the host's shell, before the tree's root is entered: the tree may have no programs at all.
  const script = 'hostname "$0" 2>/dev/null || echo "$0" > /proc/sys/kernel/hostname; exec "$@"';
  return await runChild(
    stdio =>
      start(
        [
          ...joined,
          'unshare',
          ...namespaces,
          '--fork',
          '--kill-child',
          'sh',
          '-c',
          script,
          hostname,
          ...withEnvironment(environment),
          ...inTree,
        ],
        stdio,
      ),
    bundle,
    child => killAll(child, inTreeOf(bundle)),
  );
}

/** Runs another process beside that of a bundle, which is running, to its end; returns its exit status. */
export async function runBesideBuiltIn(bundle: Bundle): Promise<number> {
  const first = findFirstProcess(bundle);
  if (first === undefined) throw new AshlarError('there is no running process to run another one beside');
  const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--net'];
  const words = [...withEnvironment(bundle.process.environment), ...intoTree(bundle, [])];
  return await runChild(
    stdio => start(['nsenter', `--target=${first}`, ...namespaces, '--', ...words], stdio),
    bundle,
    endsByItself,
  );
}

/**
 * For what runs beside the first process of a container, and ends with it. Were the runner killed, nobody would reap
 * the process that it has started; a namespace does not end before all its processes are reaped.
 */
export function endsByItself(): void {}

/** The process of a bundle that is being run, told by its pid here; undefined before its start and after its end. */
export function findFirstProcess(bundle: Bundle): number | undefined {
  const parent = processes().find(({ words }) => words[1] === FIRST[0] && words.includes(inTreeOf(bundle)));
  if (parent === undefined) return undefined;
  const child = processes().find(({ pid, words }) => parentOf(pid) === parent.pid && words[1] !== FIRST[0]);
  return child?.pid;
}

/** What the process of a bundle gets for itself; the first word is the one that those have by which it is started. */
const FIRST = ['--mount', '--fork', '--kill-child', '--mount-proc'] as const;

/** The words that start the process of a bundle in its tree. */
function intoTree(bundle: Bundle, own: readonly string[]): readonly string[] {
  const { account, directory, args } = bundle.process;
  return [
    ...withGroups(account),
    findProgram('unshare') ?? 'unshare',
    ...[...own, inTreeOf(bundle), `--wd=${directory}`],
    // After all that only uid 0 may do.
    ...(account.uid === 0 ? [] : [`--setuid=${account.uid}`]),
    ...['--', ...args],
  ];
}

function withEnvironment(environment: SettledProcess['environment']): readonly string[] {
  // Nothing that a name begins with is an option.
  return ['env', '-i', '--', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
}

function start([program = '', ...args]: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawn(program, args, { stdio });
}

/** What sets the groups of the program that follows; those of uid 0 are none already. */
function withGroups({ uid, gid, groups }: SettledProcess['account']): readonly string[] {
  if (uid === 0 && gid === 0 && groups.length === 0) return [];
  const supplementary = groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups';
  // By its path: PATH is the image's by then.
  return [findProgram('setpriv') ?? 'setpriv', `--regid=${gid}`, supplementary, '--'];
}

/** The argument by which the first process in the tree can be told. */
function inTreeOf({ rootfs }: Bundle): string {
  return `--root=${rootfs}`;
}

/**
 * Ends a runner and all that it has started. Its child ends with it, but not yet in the first moment after the fork:
 * therefore it is looked for, too. It is the first process of its namespace, which ends with it.
 */
function killAll(runner: ChildProcess, argument: string): void {
  runner.kill('SIGKILL');
  for (const { pid, words } of processes()) {
    if (words.includes(argument)) killIfThere(pid);
  }
}

/** Processes come and go while we look. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** /dev as a minimal system has it. Device nodes cannot be made in a user namespace, so the host's are bound. */
function fillDev(dev: string): void {
  for (const name of DEVICES.filter(device => existsSync(`/dev/${device}`))) {
    writeFileSync(join(dev, name), '');
    mount({ source: `/dev/${name}`, target: join(dev, name), flags: MS.BIND });
  }
  for (const name of ['pts', 'shm']) mkdirSync(join(dev, name));
  const links = {
    fd: '/proc/self/fd',
    stdin: '/proc/self/fd/0',
    stdout: '/proc/self/fd/1',
    stderr: '/proc/self/fd/2',
    ptmx: 'pts/ptmx',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(dev, name));
}

/** Mounts below one root, unmounted in reverse. */
class MountStack implements Disposable {
  readonly #root: string;
  readonly #targets: string[] = [];
  constructor(root: string) {
    this.#root = root;
  }

  /** Calls `mountOn` with a path that leads to `target` (which has no links in it) and cannot be redirected. */
  add(target: string, mountOn: (path: string) => void): void {
    const fd = openMountPoint(this.#root, target);
    try {
      mountOn(`/proc/self/fd/${fd}`);
      this.#targets.push(join(this.#root, target));
    } finally {
      closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    for (const target of this.#targets.toReversed()) unmount(target);
  }
}
