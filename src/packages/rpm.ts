/** What the managers of rpm packages have in common: files of repositories, settings of rpm, removal by force. */
import { NONE_INSTALLED_LINES } from './removal.ts';
import { type PackageRequest, REPOSITORIES, type RepositoryAccess } from './types.ts';
import { fileName, unique, urlWithCredentials, words } from './words.ts';

/** Checks of a repository's index and of its packages, as its description has it, else the description of the image. */
export function checks(
  { checkRepository, checkPackages }: RepositoryAccess,
  { checkSignatures }: PackageRequest,
): { readonly repository: boolean; readonly packages: boolean } {
  return { repository: checkRepository ?? false, packages: checkPackages ?? checkSignatures };
}

/** One `.repo` file for each repository; `settings` are the manager's own. */
export function repositoryFiles(
  request: PackageRequest,
  settings: (repository: RepositoryAccess) => Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    request.repositories.map((repository, i) => {
      const section = fileName(repository, i);
      const entries = Object.entries({ ...common(repository, request), ...settings(repository) });
      const lines = entries.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
      return [`${REPOSITORIES}/${section}.repo`, `${[`[${section}]`, ...lines].join('\n')}\n`];
    }),
  );
}

function common(
  repository: RepositoryAccess,
  request: PackageRequest,
): Readonly<Record<string, string | undefined>> {
  const { urlKind, priority, keys } = repository;
  const allKeys = unique([...keys, ...request.keys]);
  return {
    name: repository.alias,
    enabled: '1',
    [urlKind]: urlWithCredentials(repository),
    priority: priority === undefined ? undefined : String(priority),
    gpgkey: allKeys.length > 0 ? allKeys.map(key => `file://${key}`).join(' ') : undefined,
  };
}

/** Lines that write settings where rpm looks for those of a user, and set `RPM` to the command that asks the tree's rpm. */
export function rpmSettings({ excludeDocs, locales, tool }: PackageRequest): readonly string[] {
  const macros = [
    // Nobody needs half of an installation, so nothing waits for the disk.
    '%_flush_io 0',
    ...(excludeDocs ? ['%_excludedocs 1'] : []),
    ...(locales.length > 0
      ? [`%_install_langs ${unique(['POSIX', 'C', 'C.UTF-8', ...locales]).join(':')}`]
      : []),
  ];
  return [
    `printf '%s\\n' ${words(...macros)} >$W/home/.rpmmacros`,
    ...(tool === 'tree' ? ["RPM='rpm'"] : RPM_OF_HOST),
    'mkdir -p $W/home/.config/rpm',
    'cp $W/home/.rpmmacros $W/home/.config/rpm/macros',
  ];
}

/** Where the tree's distribution has rpm's database, and of which kind it is, is nothing that the host's rpm knows. */
const RPM_OF_HOST = [
  'if [ -d $T/usr/lib/sysimage/rpm ] && [ ! -L $T/usr/lib/sysimage/rpm ]; then',
  "  echo '%_dbpath /usr/lib/sysimage/rpm' >>$W/home/.rpmmacros",
  '  [ ! -e $T/usr/lib/sysimage/rpm/Packages.db ] || echo %_db_backend ndb >>$W/home/.rpmmacros',
  'else',
  "  echo '%_dbpath /var/lib/rpm' >>$W/home/.rpmmacros",
  'fi',
  'RPM="rpm --root $T"',
  // Debian's refuses to touch a system unless it is told so.
  'if rpm --help | grep -q force-debian; then RPM="$RPM --force-debian"; fi',
];

/** Lines that make keys known to rpm: those that were given, and no others. */
export function importKeys({ repositories, keys, tool }: PackageRequest): readonly string[] {
  const files = unique([...keys, ...repositories.flatMap(repository => repository.keys)]);
  const start = tool === 'tree' ? 'rpmkeys' : 'rpmkeys --root $T';
  return files.map(file => `${start} --import ${words(file)}`);
}

/** Lines that set `present` to those of the names that are installed. */
export function installedOf(names: readonly string[]): readonly string[] {
  return [
    'present=',
    `for name in ${words(...names)}; do`,
    '  ! $RPM -q "$name" >/dev/null 2>&1 || present="$present $name"',
    'done',
    ...NONE_INSTALLED_LINES,
  ];
}

/** Lines that remove packages alone, whatever needs them, and run none of their scripts. */
export function deleteByForce(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return [...installedOf(names), '$RPM -e --nodeps --allmatches --noscripts --notriggers $present'];
}
