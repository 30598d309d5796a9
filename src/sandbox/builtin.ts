/**
 * The built-in runner: util-linux's unshare with a chroot. The same view of the tree as with an OCI runtime, but
 * fewer walls: all capabilities of the namespace are kept and /proc is not masked.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { MS, makeReadOnly, mount, unmount } from '../linux/index.ts';
import { codeOf } from '../support/errors.ts';
import { findProgram } from '../support/process.ts';
import { type Bundle, runChild, type SettledProcess } from './bundle.ts';
import { openMountPoint } from './mountpoints.ts';

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
  const { args, environment, hostname, network, account, directory } = bundle.process;
  const namespaces = ['--pid', '--ipc', '--uts', ...(network === 'none' ? ['--net'] : [])];
  const inTree = [
    ...withGroups(account),
    findProgram('unshare') ?? 'unshare',
    ...['--mount', '--fork', '--kill-child', inTreeOf(bundle), `--wd=${directory}`, '--mount-proc'],
    // After all that only uid 0 may do.
    ...(account.uid === 0 ? [] : [`--setuid=${account.uid}`]),
    ...['--', ...args],
  ];
  // The host name is set by the host's shell, before the tree's root is entered: the tree may have no programs at all.
  const script = 'hostname "$0" 2>/dev/null || echo "$0" > /proc/sys/kernel/hostname; exec "$@"';
  return await runChild(
    stdio =>
      spawn(
        'unshare',
        [
          ...namespaces,
          '--fork',
          '--kill-child',
          'sh',
          '-c',
          script,
          hostname,
          'env',
          '-i',
          ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
          ...inTree,
        ],
        { stdio },
      ),
    bundle,
    child => killAll(child, inTreeOf(bundle)),
  );
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
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words.includes(argument)) process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      // Processes come and go while we look.
      if (!['ENOENT', 'ESRCH'].includes(codeOf(error) ?? '')) throw error;
    }
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
