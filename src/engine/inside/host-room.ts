/**
 * A room for programs of the host that work on a tree: they see the host's programs read-only and the tree at a path of
 * its own, and nothing else of the host, so that what a script of a package does there reaches no further.
 */
import { existsSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { TREE_AMONG_HOST } from '../../packages/index.ts';
import { type HostMount, mountTree } from '../../sandbox/index.ts';
import type { Call } from './call.ts';
import type { ReadyRoom } from './room.ts';

/** Where a distribution has its programs; links on systems whose /usr is merged. */
const PROGRAMS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** What managers and what they start read there; no secrets of the host. */
const SETTINGS = `
  alternatives apk apt/trusted.gpg.d ca-certificates crypto-policies debian_version dpkg group gss host.conf hosts
  ld.so.cache ld.so.conf ld.so.conf.d libnl localtime login.defs magic mime.types nsswitch.conf os-release
  pacman.d/gnupg/pubring.gpg pacman.d/gnupg/trustdb.gpg passwd perl pki/ca-trust pki/rpm-gpg pki/tls/cert.pem
  pki/tls/certs pki/trust popt protocols rpc rpm services ssl/certs ssl/openssl.cnf terminfo`
  .split(/\s+/)
  .filter(Boolean)
  .map(name => `/etc/${name}`);

/** Calls `use` with a room of the host's programs, in which the tree of `room` is. */
export async function amongHostPrograms<T>(
  { lowers, upper, mounts, runtime }: ReadyRoom,
  { scratch }: Pick<Call, 'scratch'>,
  use: (room: ReadyRoom) => Promise<T>,
): Promise<T> {
  const [skeleton, lost] = [join(scratch, 'host'), join(scratch, 'host-changes')];
  for (const directory of [skeleton, lost]) mkdirSync(directory, { mode: 0o755 });
  for (const name of [
    'etc/apt/apt.conf.d',
    'root',
    'run',
    'tmp',
    'var/lib',
    'var/tmp',
    'var/cache',
    'var/log',
  ])
    mkdirSync(join(skeleton, name), { recursive: true });
  const programs = PROGRAMS.flatMap(path => programsAt(path, skeleton));
  const settings = SETTINGS.filter(path => existsSync(path));
  using tree = mountTree({ lowers, upper, scratch: join(scratch, 'target') });
  return await use({
    lowers: [skeleton],
    upper: lost,
    runtime,
    mounts: [
      ...[...programs, ...settings].map(
        (path): HostMount => ({ source: path, target: path, readOnly: true }),
      ),
      { source: tree.root, target: TREE_AMONG_HOST, readOnly: false },
      ...mounts,
    ],
  });
}

/** Links are made anew; directories are to be mounted. */
function programsAt(path: string, skeleton: string): readonly string[] {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (!entry?.isSymbolicLink()) return entry ? [path] : [];
  symlinkSync(readlinkSync(path), join(skeleton, path));
  return [];
}
