/** The programs of managers: what tells that a tree has its own, and what it takes on the host. */
import { AshlarError } from '../support/errors.ts';
import { installationOf } from '../support/programs.ts';
import type { PackageManager } from './types.ts';

interface Tool {
  /** Each of them will do; where distributions put it. */
  readonly inTree: readonly string[];
  /** A file or directory of the tree that says that it has packages. */
  readonly databases: readonly string[];
  /** What works on a tree that has packages, and what on one that has none. */
  readonly host: string;
  readonly hostOnNothing: string;
}

const RPM_DATABASES = ['/var/lib/rpm', '/usr/lib/sysimage/rpm'];

const DNF = {
  inTree: ['/usr/bin/dnf', '/usr/bin/dnf-3'],
  databases: RPM_DATABASES,
  host: 'dnf',
  hostOnNothing: 'dnf',
};

const TOOLS: Readonly<Record<PackageManager, Tool>> = {
  apt: {
    inTree: ['/usr/bin/apt-get'],
    databases: ['/var/lib/dpkg/status'],
    host: 'apt-get',
    hostOnNothing: 'mmdebstrap',
  },
  zypper: {
    inTree: ['/usr/bin/zypper'],
    databases: RPM_DATABASES,
    host: 'zypper',
    hostOnNothing: 'zypper',
  },
  dnf4: DNF,
  dnf5: {
    inTree: ['/usr/bin/dnf5'],
    databases: RPM_DATABASES,
    host: 'dnf5',
    hostOnNothing: 'dnf5',
  },
  microdnf: {
    inTree: ['/usr/bin/microdnf'],
    databases: RPM_DATABASES,
    host: 'microdnf',
    hostOnNothing: 'microdnf',
  },
  apk: {
    inTree: ['/sbin/apk', '/usr/bin/apk'],
    databases: ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'],
    host: 'apk',
    hostOnNothing: 'apk',
  },
  pacman: {
    inTree: ['/usr/bin/pacman'],
    databases: ['/var/lib/pacman/local'],
    host: 'pacman',
    hostOnNothing: 'pacman',
  },
};

/** Absolute paths in a tree: programs, of which one is enough, and databases, of which one tells that it has packages. */
export function managerPrograms(manager: PackageManager): Pick<Tool, 'inTree' | 'databases'> {
  return TOOLS[manager];
}

/** The host's program for trees with packages, and for those without any. */
export function hostPrograms(manager: PackageManager): Pick<Tool, 'host' | 'hostOnNothing'> {
  return TOOLS[manager];
}

export function missingTool(manager: PackageManager, program: string): AshlarError {
  return new AshlarError(
    `the tree has no ${manager}, and this machine has no ${program} that could do its work`,
    {
      hint: [installationOf(program), `begin with a base that has ${manager}`].filter(Boolean).join('; or '),
    },
  );
}
