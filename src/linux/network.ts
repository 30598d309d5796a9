/** Networks of a thread's own. */
import { closeSync, readlinkSync } from 'node:fs';
import { declare } from './native.ts';

const unshare = declare('int unshare(int flags)');
const socket = declare('int socket(int domain, int type, int protocol)');
const ioctl = declare('int ioctl(int fd, ulong request, void *argument)');

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** `struct ifreq`: the name of an interface, and at this place its flags. */
const IFREQ = { size: 40, flags: 16 } as const;

/**
 * Moves the calling thread, and no other one, into a new network that has nothing but a loopback, which is up.
 * Returns a path that leads to the network while the thread lives. There is no way back.
 * @throws SystemCallError where the machine refuses it.
 */
export function enterNewNetwork(): string {
  unshare('a network', CLONE_NEWNET);
  const request = Buffer.alloc(IFREQ.size);
  request.write('lo');
  request.writeUInt16LE(IFF_UP, IFREQ.flags);
  const fd = socket('lo', AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  try {
    ioctl('lo', fd, SIOCSIFFLAGS, request);
  } finally {
    closeSync(fd);
  }
  return `/proc/${readlinkSync('/proc/thread-self')}/ns/net`;
}
