/** zypper. */
import { checks, deleteByForce, importKeys, installedOf, repositoryFiles, rpmSettings } from './rpm.ts';
import { ARCHIVES, type ManagerWork, type PackageRequest, REPOSITORIES, WORK } from './types.ts';
import { words } from './words.ts';

export function zypper(request: PackageRequest): ManagerWork {
  const { collections, excludeDocs } = request;
  const modules = collections.filter(({ kind }) => kind === 'module');
  return {
    files: {
      ...repositoryFiles(request, repository => {
        const wanted = checks(repository, request);
        return {
          autorefresh: '0',
          keeppackages: '1',
          gpgcheck: flag(wanted.repository || wanted.packages),
          repo_gpgcheck: flag(wanted.repository),
          pkg_gpgcheck: flag(wanted.packages),
        };
      }),
      'zypp.conf': `[main]\n${[
        'commit.downloadMode = DownloadInAdvance',
        `history.logfile = ${WORK}/history`,
        `rpm.install.excludedocs = ${excludeDocs ? 'yes' : 'no'}`,
      ].join('\n')}\n`,
    },
    environment: { ZYPP_CONF: `${WORK}/zypp.conf` },
    warnings: modules.length > 0 ? ['zypper knows no module: this is left out'] : [],
    lines: [
      // What the tree's own configuration says holds, but for what is said last.
      'cat $T/etc/zypp/zypp.conf $C/zypp.conf >$W/zypp.conf 2>/dev/null || cp $C/zypp.conf $W/zypp.conf',
      ...rpmSettings(request),
      ...changes(request),
      // It says when it was written.
      '[ ! -f $T/var/lib/zypp/AutoInstalled ] || sed -i /^#/d $T/var/lib/zypp/AutoInstalled',
    ],
  };
}

function flag(value: boolean): string {
  return value ? '1' : '0';
}

function changes(request: PackageRequest): readonly string[] {
  const { install, collections, ignore, uninstall, recommended } = request;
  const wanted = [
    { type: 'package', names: install },
    {
      type: 'pattern',
      names: collections.flatMap(({ kind, name }) => (kind === 'collection' ? [name] : [])),
    },
    { type: 'product', names: collections.flatMap(({ kind, name }) => (kind === 'product' ? [name] : [])) },
  ].filter(({ names }) => names.length > 0);
  const start = startOf(request);
  const how = ['--auto-agree-with-licenses', recommended ? '--recommends' : '--no-recommends'];
  return [
    ...(wanted.length > 0
      ? [
          ...importKeys(request),
          `${start} refresh`,
          ...(ignore.length > 0 ? [`${start} addlock ${words(...ignore)}`] : []),
          ...wanted.map(({ type, names }) => `${start} install ${words(...how, '--type', type, ...names)}`),
        ]
      : []),
    ...(uninstall.length > 0 ? [...installedOf(uninstall), `${start} remove --clean-deps $present`] : []),
    ...deleteByForce(request.delete),
  ];
}

function startOf(request: PackageRequest): string {
  const { repositories, releaseVersion, tool } = request;
  const unchecked = repositories.every(repository => {
    const wanted = checks(repository, request);
    return !wanted.repository && !wanted.packages;
  });
  return words(
    ...['zypper', '--non-interactive', '--reposd-dir', `${WORK}/${REPOSITORIES}`],
    ...['--pkg-cache-dir', `${WORK}/${ARCHIVES}`],
    ...['--raw-cache-dir', `${WORK}/raw`, '--solv-cache-dir', `${WORK}/solv`],
    ...(unchecked ? ['--no-gpg-checks'] : []),
    ...(releaseVersion === undefined ? [] : ['--releasever', releaseVersion]),
    ...(tool === 'tree' ? [] : ['--root', '/target']),
  );
}
