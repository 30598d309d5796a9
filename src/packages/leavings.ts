/** What managers and the scripts of packages leave in a tree that says only when and where they were run. */
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Absolute paths; One `*` in the last name stands for any characters. */
export const LEFT_OUT: readonly string[] = [
  // times and words of the run
  ...[
    'alternatives.log',
    'apk.log',
    'bootstrap.log',
    'dpkg.log',
    'fontconfig.log',
    'hawkey.log',
    'pacman.log',
  ].map(name => `/var/log/${name}`),
  ...['apt/*', 'dnf*', 'zypp/*', 'zypper.log'].map(name => `/var/log/${name}`),
  '/var/lib/dnf/history.sqlite*',
  '/usr/lib/sysimage/libdnf5/transaction_history.sqlite*',
  // caches, lists of repositories
  ...['apk/*', 'apt/*.bin', 'dnf/*', 'libdnf5/*', 'yum/*', 'zypp/*', 'pacman/pkg/*'].map(
    name => `/var/cache/${name}`,
  ),
  ...['*.deb', 'lock', 'partial/*'].map(name => `/var/cache/apt/archives/${name}`),
  ...['*_*', 'lock', 'partial/*'].map(name => `/var/lib/apt/lists/${name}`),
  '/var/lib/pacman/sync',
  '/var/lib/dnf/repos/*',
  // caches of what was installed, with times or numbers of inodes; they are made again when they are missed
  '/var/cache/ldconfig/aux-cache',
  '/var/cache/man/*',
  // copies of what was before
  ...['group-', 'gshadow-', 'passwd-', 'shadow-', 'subgid-', 'subuid-'].map(name => `/etc/${name}`),
  '/var/cache/debconf/*-old',
  '/var/lib/dpkg/*-old',
  // locks, and what only a running system needs
  '/var/lib/rpm/.rpm.lock',
  '/usr/lib/sysimage/rpm/.rpm.lock',
  '/var/lib/rpm/__db.*',
  '/var/lib/pacman/db.lck',
  '/run/*',
  '/tmp/*',
  '/var/tmp/*',
  // one of its kind for each run
  '/var/lib/systemd/random-seed',
  '/var/lib/urandom/random-seed',
  '/var/lib/zypp/AnonymousUniqueId',
  // packages that were not to be installed
  '/etc/zypp/locks',
];

/** What mmdebstrap leaves besides: its own settings, and the names that this machine has and knows. */
export const LEFT_OUT_OF_BOOTSTRAP: readonly string[] = [
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d/*',
  '/etc/apt/apt.conf.d/99mmdebstrap',
  '/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
];

/**
 * Removes what matches from a directory that holds the changes to a tree, so that the tree is there as it was before.
 * Symbolic links on the way are not followed. Nothing may change the directory meanwhile.
 */
export function removeLeavings(directory: string, patterns: readonly string[]): void {
  for (const pattern of patterns) removeMatching(directory, pattern.split('/').filter(Boolean));
}

function removeMatching(directory: string, [first = '', ...rest]: readonly string[]): void {
  if (rest.length > 0) {
    const path = join(directory, first);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) removeMatching(path, rest);
    return;
  }
  const [start = '', end] = first.split('*');
  const matches = (name: string) =>
    end === undefined
      ? name === start
      : name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end);
  for (const name of readdirSync(Buffer.from(directory), { encoding: 'buffer' }))
    if (matches(name.toString('latin1')))
      rmSync(Buffer.concat([Buffer.from(`${directory}/`), name]), { recursive: true, force: true });
}
