import { readFileSync } from 'node:fs';

/**
 * What a build script may do, by the kernel's numbers (capabilities(7)): everything that acts inside the tree and its
 * namespaces, among it what package managers and nested tools (chroot, mount, mknod) need; nothing that acts on the
 * kernel of the host, such as loading modules, raw I/O, setting the clock or rebooting.
 */
const WANTED: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
};

/** The wanted ones that this process itself has: a runtime refuses to give what it lacks. */
export function availableCapabilities(): string[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const ours = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return Object.entries(WANTED)
    .filter(([, bit]) => ours & (1n << BigInt(bit)))
    .map(([name]) => name);
}
