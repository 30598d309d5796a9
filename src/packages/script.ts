/** The one script that does the work of a step, and all that it needs. */
import { apk } from './apk.ts';
import { apt } from './apt.ts';
import { dnf } from './dnf.ts';
import { pacman } from './pacman.ts';
import {
  CONFIGURATION,
  type ManagerWork,
  type PackageRequest,
  type PackageWork,
  REPOSITORIES,
  TREE_AMONG_HOST,
  WORK,
} from './types.ts';
import { checkNames, checkRepository, fileName, words } from './words.ts';
import { zypper } from './zypper.ts';

/** Whether a file that a run leaves in `WORK` is a package that the next run may want. */
export function packageArchive(name: string): boolean {
  return /\.(?:deb|rpm|apk|pkg\.tar(?:\.\w+)?)(?:\.sig)?$/.test(name);
}

/**
 * What does the work of a request.
 * @throws AshlarError for names that are none, and for repositories that cannot be described.
 */
export function packageWork(request: PackageRequest): PackageWork {
  const { install, collections, ignore, uninstall, delete: deleted, repositories } = request;
  checkNames([...install, ...collections.map(({ name }) => name), ...ignore, ...uninstall, ...deleted]);
  for (const repository of repositories) checkRepository(repository);
  const { files, environment = {}, covers = [], warnings = [], lines } = workOf(request);
  const { sourceDateEpoch } = request;
  return {
    files,
    covers,
    warnings,
    environment: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: `${WORK}/home`,
      LC_ALL: 'C',
      TMPDIR: '/tmp',
      SYSTEMD_OFFLINE: '1',
      ...(sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(sourceDateEpoch) }),
      ...environment,
    },
    script: `${[
      '#!/bin/sh',
      'set -eu',
      'umask 022',
      `C=${CONFIGURATION} W=${WORK} T=${request.tool === 'tree' ? '' : TREE_AMONG_HOST}`,
      'mkdir -p $W/home',
      ...(needsSystem(request) ? SYSTEM_OF_TREE : []),
      ...repositoryFiles(request, Object.keys(files)),
      ...BEFORE,
      ...lines,
      ...AFTER,
    ].join('\n')}\n`,
  };
}

function workOf(request: PackageRequest): ManagerWork {
  switch (request.manager) {
    case 'apt':
      return apt(request);
    case 'zypper':
      return zypper(request);
    case 'dnf4':
    case 'dnf5':
    case 'microdnf':
      return dnf(request);
    case 'apk':
      return apk(request);
    case 'pacman':
      return pacman(request);
  }
}

/** mmdebstrap sees to it itself. */
function needsSystem({ manager, tool }: PackageRequest): boolean {
  return tool === 'host' || (tool === 'host-on-nothing' && manager !== 'apt');
}

/** Scripts of packages run in the tree, and want there what a tree has when it runs. */
const SYSTEM_OF_TREE = [
  'for name in dev proc sys; do',
  '  mkdir -p "$T/$name"',
  '  mount --rbind "/$name" "$T/$name"',
  'done',
];

/** The files of repositories are copied, since a script may change them. */
function repositoryFiles({ repositories }: PackageRequest, files: readonly string[]): readonly string[] {
  const written = files.filter(file => file.startsWith(`${REPOSITORIES}/`));
  return [
    `mkdir -p $W/${REPOSITORIES}`,
    ...written.map(file => `cp ${words(`${CONFIGURATION}/${file}`, `${WORK}/${file}`)}`),
    ...repositories.flatMap(({ customize, ...repository }, i) => {
      const name = `${REPOSITORIES}/${fileName(repository, i)}.`;
      const file = written.find(path => path.startsWith(name) && !path.slice(name.length).includes('.'));
      return customize !== undefined && file !== undefined
        ? [`sh ${words(customize, `${WORK}/${file}`)}`]
        : [];
    }),
  ];
}

/** systemd's scripts give a tree an identity; each machine that starts with it is to have its own. */
const BEFORE = [
  'identity=',
  '[ ! -s "$T/etc/machine-id" ] || identity=kept',
  'bus=',
  '[ ! -e "$T/var/lib/dbus/machine-id" ] || bus=kept',
];

const AFTER = [
  '[ -n "$identity" ] || [ ! -s "$T/etc/machine-id" ] || : >"$T/etc/machine-id"',
  '[ -n "$bus" ] || [ -L "$T/var/lib/dbus/machine-id" ] || rm -f "$T/var/lib/dbus/machine-id"',
];
