/** pacman of Arch Linux. */
import { NONE_INSTALLED_LINES } from './removal.ts';
import {
  ARCHIVES,
  type ManagerWork,
  type PackageRequest,
  REPOSITORIES,
  type RepositoryAccess,
  WORK,
} from './types.ts';
import { fileName, unique, urlWithCredentials, words } from './words.ts';

export function pacman(request: PackageRequest): ManagerWork {
  const { repositories, collections, ignore, install, uninstall, keys, sourceDateEpoch, recommended } =
    request;
  const groups = collections.flatMap(({ kind, name }) => (kind === 'collection' ? [name] : []));
  const wanted = [...install, ...groups];
  const keyFiles = unique([...keys, ...repositories.flatMap(repository => repository.keys)]);
  const sections = repositories.map((repository, i) => `${REPOSITORIES}/${fileName(repository, i)}.conf`);
  const start = words(
    ...['pacman', '--noconfirm', '--config', `${WORK}/pacman.conf`],
    ...['--cachedir', `${WORK}/${ARCHIVES}`, '--logfile', '/dev/null'],
    ...(keyFiles.length > 0 ? ['--gpgdir', `${WORK}/gnupg`] : []),
    ...(request.tool === 'tree' ? [] : ['--root', '/target']),
  );
  const asked = [
    ...(groups.length < collections.length ? ['products and modules'] : []),
    ...(recommended ? ['recommended packages'] : []),
  ];
  return {
    files: {
      'pacman.conf': '[options]\nArchitecture = auto\nNoProgressBar\n',
      ...Object.fromEntries(
        repositories.map((repository, i) => [
          sections[i],
          section(repository, fileName(repository, i), request),
        ]),
      ),
    },
    warnings: asked.map(what => `pacman knows no ${what}: this is left out`),
    lines: [
      `mkdir -p $W/${ARCHIVES}`,
      `cat $C/pacman.conf ${sections.map(file => `$W/${words(file)}`).join(' ')} >$W/pacman.conf`,
      ...(keyFiles.length > 0 ? ['cp -r /etc/pacman.d/gnupg $W/gnupg'] : []),
      ...keyFiles.map(file => `pacman-key --gpgdir $W/gnupg --add ${words(file)}`),
      'touch $W/begin',
      ...(wanted.length > 0
        ? [
            // A tree without packages has no place for their database.
            'mkdir -p $T/var/lib/pacman',
            `${start} -Sy --needed ${words(...ignore.map(name => `--ignore=${name}`), ...wanted)}`,
          ]
        : []),
      ...(uninstall.length > 0 ? [...installedOf(uninstall, start), `${start} -Rs $present`] : []),
      ...(request.delete.length > 0
        ? [...installedOf(request.delete, start), `${start} -Rdd --noscriptlet $present`]
        : []),
      ...(sourceDateEpoch === undefined ? [] : steadyDates(sourceDateEpoch)),
    ],
  };
}

function section(
  repository: RepositoryAccess,
  name: string,
  { checkSignatures, keys }: PackageRequest,
): string {
  const { checkRepository, checkPackages } = repository;
  const packages = (checkPackages ?? checkSignatures) ? 'PackageRequired' : 'PackageNever';
  // Keys that were given are trusted although nobody has signed them.
  const trust = keys.length + repository.keys.length > 0 ? ' TrustAll' : '';
  const database = checkRepository ? 'DatabaseRequired' : 'DatabaseNever';
  const lines = [
    `[${name}]`,
    `SigLevel = ${packages} ${database}${trust}`,
    `Server = ${urlWithCredentials(repository)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** The database of what is installed says when. */
function steadyDates(epoch: number): readonly string[] {
  return [
    'find $T/var/lib/pacman/local -name desc -newer $W/begin -exec \\',
    `  sed -i '/^%INSTALLDATE%$/{n;s/.*/${epoch}/}' {} +`,
  ];
}

function installedOf(names: readonly string[], start: string): readonly string[] {
  return [
    'present=',
    `for name in ${words(...names)}; do`,
    `  ! ${start} -Q "$name" >/dev/null 2>&1 || present="$present $name"`,
    'done',
    ...NONE_INSTALLED_LINES,
  ];
}
