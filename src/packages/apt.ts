/** apt: sources in the form deb822, and everything that it writes elsewhere than in the tree. */
import { AshlarError } from '../support/errors.ts';
import { NONE_INSTALLED_LINES } from './removal.ts';
import {
  ARCHIVES,
  CONFIGURATION,
  type ManagerWork,
  type PackageRequest,
  REPOSITORIES,
  type RepositoryAccess,
  WORK,
} from './types.ts';
import { fileName, isLocal, unique, words } from './words.ts';

export function apt(request: PackageRequest): ManagerWork {
  const { collections, ignore } = request;
  const asked = [
    ...(['collection', 'product', 'module'] as const).filter(kind =>
      collections.some(item => item.kind === kind),
    ),
    ...(ignore.length > 0 ? ['ignore'] : []),
  ];
  return {
    files: {
      'apt.conf': configuration(request),
      'apt.auth': logins(request.repositories),
      'apt.preferences': pins(request.repositories),
      'policy-rc.d': '#!/bin/sh\n# No service is started while packages are installed.\nexit 101\n',
      ...sources(request),
    },
    environment: { DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NONINTERACTIVE_SEEN: 'true' },
    covers: request.tool === 'tree' ? [{ file: 'policy-rc.d', target: '/usr/sbin/policy-rc.d' }] : [],
    warnings: [...asked.map(what => `apt knows no ${what}: this is left out`), ...notRemoved(request)],
    lines: request.tool === 'host-on-nothing' ? bootstrap(request) : changes(request),
  };
}

function notRemoved({ tool, uninstall, delete: deleted }: PackageRequest): readonly string[] {
  const names = tool === 'host-on-nothing' ? unique([...uninstall, ...deleted]) : [];
  return names.length === 0
    ? []
    : [`a first system only gets packages: the removal of ${names.join(', ')} is left out`];
}

function sources({ repositories, keys, tool }: PackageRequest): Readonly<Record<string, string>> {
  return Object.fromEntries(
    repositories.map((repository, i) => {
      const alike = repositories.filter(({ url }) => url === repository.url);
      const merged = {
        ...repository,
        keys: unique([...alike.flatMap(other => other.keys), ...keys]),
        trusted: alike.some(({ checkRepository }) => checkRepository === false),
      };
      return [`${REPOSITORIES}/${fileName(repository, i)}.sources`, source(merged, tool)];
    }),
  );
}

/** One source. Those of one URI say the same of their trust: apt does not work where they contradict each other. */
function source(
  repository: RepositoryAccess & { readonly trusted: boolean },
  tool: PackageRequest['tool'],
): string {
  const { url, distribution, components, architectures, keys, trusted } = repository;
  // dpkg of the tree cannot see a path of the host: there packages are copied first.
  const uri = url.startsWith('/') ? `${tool === 'tree' ? 'file' : 'copy'}:${encodeURI(url)}` : url;
  const lines = [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${distribution ?? './'}`,
    ...(distribution === undefined || distribution.endsWith('/')
      ? []
      : [`Components: ${components.length > 0 ? components.join(' ') : 'main'}`]),
    ...(architectures.length > 0 ? [`Architectures: ${architectures.join(' ')}`] : []),
    ...(trusted ? ['Trusted: yes', 'Check-Valid-Until: no'] : []),
    ...(keys.length > 0 ? [`Signed-By: ${keys.join(' ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** apt_auth.conf(5). */
function logins(repositories: readonly RepositoryAccess[]): string {
  const broken = repositories.find(({ credentials: { user, password } = { user: '', password: '' } }) =>
    /\s/.test(user + password),
  );
  if (broken)
    throw new AshlarError(
      `the repository ${JSON.stringify(broken.alias)} has a blank in its login, which apt cannot be told`,
    );
  return repositories
    .flatMap(({ url, credentials }) =>
      credentials && !url.startsWith('/')
        ? [`machine ${url.replace(/\/+$/, '')} login ${credentials.user} password ${credentials.password}\n`]
        : [],
    )
    .join('');
}

/** apt_preferences(5): by the name of the host, which is empty for directories. */
function pins(repositories: readonly RepositoryAccess[]): string {
  return repositories
    .flatMap(repository => {
      const { url, priority } = repository;
      if (priority === undefined) return [];
      const host = isLocal(repository) ? '' : new URL(url).hostname;
      return [`Package: *\nPin: origin "${host}"\nPin-Priority: ${priority}\n\n`];
    })
    .join('');
}

function configuration({ recommended, tool }: PackageRequest): string {
  const dpkg = ['--force-confdef', '--force-confold', '--force-unsafe-io', '--log=/dev/null'];
  return `${[
    ...assignments({
      'APT::Get::Assume-Yes': 'true',
      'APT::Install-Recommends': String(recommended),
      'APT::Install-Suggests': 'false',
      'APT::Sandbox::User': 'root',
      'APT::Update::Error-Mode': 'any',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      'Dir::Etc::netrc': `${CONFIGURATION}/apt.auth`,
      'Dir::Etc::preferences': `${CONFIGURATION}/apt.preferences`,
      'Dir::Etc::sourcelist': '/dev/null',
      'Dir::Etc::sourceparts': `${WORK}/${REPOSITORIES}`,
      'Dir::Cache::archives': `${WORK}/${ARCHIVES}`,
      'Dir::Cache::pkgcache': '',
      'Dir::Cache::srcpkgcache': '',
      'Dir::Log::History': '/dev/null',
      'Dir::Log::Planner': '/dev/null',
      'Dir::Log::Solver': '/dev/null',
      'Dir::Log::Terminal': '/dev/null',
      'Dir::State::lists': `${WORK}/lists`,
      'Dpkg::Use-Pty': 'false',
      quiet: '1',
    }),
    ...(tool === 'host' ? ofTree() : []),
    `DPkg::Options { ${[...dpkg, ...(tool === 'host' ? ['--root=/target'] : [])].map(word => `"${word}";`).join(' ')} };`,
  ].join('\n')}\n`;
}

/** What the host's apt has to know of a tree that is not its own. */
function ofTree(): readonly string[] {
  return assignments({
    'Dir::Etc::parts': '/target/etc/apt/apt.conf.d',
    'Dir::Etc::preferencesparts': '/target/etc/apt/preferences.d',
    'Dir::Etc::trusted': '/target/etc/apt/trusted.gpg',
    'Dir::Etc::trustedparts': '/target/etc/apt/trusted.gpg.d',
    'Dir::State': '/target/var/lib/apt',
    'Dir::State::status': '/target/var/lib/dpkg/status',
  });
}

function assignments(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `${name} "${value}";`);
}

const APT = `apt-get -c ${CONFIGURATION}/apt.conf`;

function changes({ install, uninstall, delete: deleted, tool }: PackageRequest): readonly string[] {
  const dpkg = tool === 'host' ? ' --root=/target' : '';
  return [
    `mkdir -p $W/lists/partial $W/${ARCHIVES}/partial`,
    ...(install.length > 0
      ? [`${APT} update`, ...trustworthyArchives(install), `${APT} install ${words(...install)}`]
      : []),
    ...(uninstall.length > 0
      ? [...installedOf(uninstall, dpkg), `${APT} --auto-remove remove $present`]
      : []),
    ...(deleted.length > 0
      ? [
          ...installedOf(deleted, dpkg),
          'for name in $present; do',
          '  for script in preinst prerm postrm; do',
          '    rm -f "$T/var/lib/dpkg/info/$name.$script" "$T/var/lib/dpkg/info/$name":*."$script"',
          '  done',
          'done',
          `dpkg${dpkg} --log=/dev/null --force-all --remove $present`,
        ]
      : []),
  ];
}

/** apt trusts what is in its directory of archives; here it may come from another build. */
function trustworthyArchives(install: readonly string[]): readonly string[] {
  return [
    'mkdir -p $W/none/partial',
    `${APT} -qq -o Dir::Cache::archives=$W/none -o Acquire::ForceHash=SHA256 --print-uris install ${words(...install)} |`,
    'while read -r uri name size sum; do',
    `  [ ! -e "$W/${ARCHIVES}/$name" ] ||`,
    `    echo "\${sum#SHA256:}  $W/${ARCHIVES}/$name" | sha256sum --check --status 2>/dev/null || rm -f "$W/${ARCHIVES}/$name"`,
    'done',
  ];
}

/** Sets `present` to those that are there. */
function installedOf(names: readonly string[], dpkg: string): readonly string[] {
  return [
    'present=',
    `for name in ${words(...names)}; do`,
    `  if dpkg-query${dpkg.replace('--root=/target', '--admindir=/target/var/lib/dpkg')} -W -f '\${db:Status-Abbrev}\\n' "$name" 2>/dev/null | grep -q '^.i'; then`,
    '    present="$present $name"',
    '  fi',
    'done',
    ...NONE_INSTALLED_LINES,
  ];
}

/** mmdebstrap makes a first system; what it configures for apt and dpkg there is no part of it. */
function bootstrap({ install, recommended, repositories }: PackageRequest): readonly string[] {
  const suite = repositories.find(({ distribution }) => distribution !== undefined)?.distribution ?? '';
  const options = [
    ...['--quiet', '--mode=root', '--format=directory', '--variant=apt', '--skip=check/empty'],
    `--aptopt=APT::Install-Recommends "${recommended}"`,
    `--aptopt=Dir::Etc::netrc "${CONFIGURATION}/apt.auth"`,
    `--aptopt=Dir::Etc::preferences "${CONFIGURATION}/apt.preferences"`,
    '--dpkgopt=force-unsafe-io',
    ...(install.length > 0 ? [`--include=${install.join(',')}`] : []),
  ];
  return [
    'for file in $W/repositories/*.sources; do cat "$file"; echo; done >$W/all.sources',
    `mmdebstrap ${words(...options, suite, '/target')} $W/all.sources`,
  ];
}
