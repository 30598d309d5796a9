/** What managers and the scripts of packages leave in a tree that says only when and where they were run. */
import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { getXattr } from '../linux/index.ts';

/** Absolute paths; A `*` in the last name stands for any characters. */
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
  '/var/lib/dpkg/lock*',
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
  '/dev/*',
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d/*',
  '/etc/apt/apt.conf.d/99mmdebstrap',
  '/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
];

/**
 * Removes what matches from a directory that holds the changes to a tree, so that the tree is there as it was before;
 * so are directories in which nothing else has changed. Symbolic links on the way are not followed. Nothing may change
 * the directory meanwhile.
 * @param lowers The directories below it in the overlay, bottom to top.
 */
export function removeLeavings(
  directory: string,
  patterns: readonly string[],
  lowers: readonly string[],
): void {
  for (const pattern of patterns) removeMatching(directory, pattern.split('/').filter(Boolean));
  const touched = new Set(patterns.flatMap(pattern => ancestors(pattern)));
  // The deepest first.
  for (const path of [...touched].sort().reverse()) removeUnchanged(directory, path, lowers);
}

function removeMatching(directory: string, [first = '', ...rest]: readonly string[]): void {
  if (rest.length > 0) {
    const path = join(directory, first);
    if (isDirectory(path)) removeMatching(path, rest);
    return;
  }
  const words = first.split('*').map(word => word.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const matching = new RegExp(`^${words.join('.*')}$`, 's');
  for (const name of readdirSync(Buffer.from(directory), { encoding: 'buffer' }))
    if (matching.test(name.toString('latin1')))
      rmSync(Buffer.concat([Buffer.from(`${directory}/`), name]), { recursive: true, force: true });
}

/** The directories above a path, without the root. */
function ancestors(path: string): readonly string[] {
  const names = path.split('/').slice(1, -1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`);
}

/** An empty directory that says of itself what the one below it says. */
function removeUnchanged(directory: string, path: string, lowers: readonly string[]): void {
  const place = join(directory, path);
  if (!ancestors(`${path}/`).every(parent => isDirectory(join(directory, parent)))) return;
  if (readdirSync(place).length > 0 || isOpaque(place)) return;
  const here = lstatSync(place);
  const below = lowers
    .toReversed()
    .map(lower => lstatSync(join(lower, path), { throwIfNoEntry: false }))
    .find(entry => entry !== undefined);
  if (below?.isDirectory() && here.mode === below.mode && here.uid === below.uid && here.gid === below.gid)
    rmdirSync(place);
}

/** Whether it hides what is below it. */
function isOpaque(path: string): boolean {
  return getXattr(path, 'user.overlay.opaque') !== undefined;
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
