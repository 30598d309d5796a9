/** What stands in the way of namespaces of our own, and what helps; as far as the kernel's own files tell. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';

export interface Obstacle {
  readonly what: string;
  /** What to do about it, as one sentence. */
  readonly cure: string;
  /** No way around it; otherwise it is an obstacle as a rule. */
  readonly certain: boolean;
}

/** The machine as far as it matters here; tests have others. */
export interface Host {
  readonly uid: number;
  readonly kernel: string;
  /** The text of a file, or undefined where there is none or it cannot be read. */
  readonly read: (path: string) => string | undefined;
}

const thisHost: Host = {
  uid: process.getuid?.() ?? 0,
  kernel: release(),
  read: path => {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch {
      // Each of these files is missing on some kernel or in some container.
      return undefined;
    }
  },
};

/** The capability that mounting takes, as a bit (capabilities(7)). */
const CAP_SYS_ADMIN = 1n << 21n;

const IN_CONTAINER =
  'in a container: run it with --privileged, or with --security-opt seccomp=unconfined,apparmor=unconfined and a user that is not root';

/** The first thing that stands in the way of this user's namespaces. Takes some tens of microseconds. */
export function namespaceObstacle(host: Host = thisHost): Obstacle | undefined {
  const limit = ['mnt', 'pid', ...(host.uid === 0 ? [] : ['user'])].find(
    kind => host.read(`/proc/sys/user/max_${kind}_namespaces`) === '0',
  );
  if (limit !== undefined) {
    return {
      what: `this machine allows no ${limit} namespaces: user.max_${limit}_namespaces is 0`,
      cure: `as root: sysctl user.max_${limit}_namespaces=15000`,
      certain: true,
    };
  }
  return host.uid === 0 ? obstacleOfRoot(host) : obstacleOfUser(host);
}

function obstacleOfRoot({ read }: Host): Obstacle | undefined {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  if (capabilities === undefined || (BigInt(`0x${capabilities}`) & CAP_SYS_ADMIN) !== 0n) return undefined;
  return {
    what: 'this is root, but without the right to mount (CAP_SYS_ADMIN)',
    cure: IN_CONTAINER,
    certain: true,
  };
}

function obstacleOfUser({ kernel, read }: Host): Obstacle | undefined {
  if (read('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return {
      what: 'this machine allows user namespaces only to root: kernel.unprivileged_userns_clone is 0',
      cure: 'as root: sysctl kernel.unprivileged_userns_clone=1',
      certain: true,
    };
  }
  if (olderThan(kernel, 5, 11)) {
    return {
      what: `Linux ${kernel} lets only root mount overlays`,
      cure: 'use Linux 5.11 or newer, or build as root',
      certain: true,
    };
  }
  const restricted = read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1';
  if (restricted && read('/proc/self/attr/current') === 'unconfined') {
    return {
      what: 'AppArmor takes all rights from user namespaces: kernel.apparmor_restrict_unprivileged_userns is 1',
      cure: 'as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0, and the same line in a file in /etc/sysctl.d to keep it',
      certain: false,
    };
  }
  return undefined;
}

/** What usually helps when namespaces are refused and no file tells why. */
export function namespaceCure(): string {
  return namespaceObstacle()?.cure ?? `as root: sysctl user.max_user_namespaces=15000; ${IN_CONTAINER}`;
}

function olderThan(kernel: string, major: number, minor: number): boolean {
  const [, ownMajor, ownMinor] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  if (ownMajor === undefined || ownMinor === undefined) return false;
  return Number(ownMajor) < major || (Number(ownMajor) === major && Number(ownMinor) < minor);
}
