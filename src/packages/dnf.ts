/** dnf 4, dnf 5 and microdnf, which agree on most words. */
import { checks, deleteByForce, importKeys, installedOf, repositoryFiles, rpmSettings } from './rpm.ts';
import { ARCHIVES, type ManagerWork, type PackageRequest, REPOSITORIES, WORK } from './types.ts';
import { urlWithCredentials, words } from './words.ts';

const PROGRAMS = { dnf4: 'dnf', dnf5: 'dnf5', microdnf: 'microdnf' } as const;

export function dnf(request: PackageRequest): ManagerWork {
  const { collections } = request;
  const { products, groups, modules } = kindsOf(request);
  const program = programOf(request);
  const without = [
    ...(products.length > 0 ? ['products'] : []),
    ...(program === 'microdnf' && groups.length > 0 ? ['groups'] : []),
    ...(program === 'dnf5' && modules.length > 0 ? ['modules'] : []),
  ];
  return {
    files: {
      'dnf.conf': '[main]\n',
      ...repositoryFiles(request, repository => {
        const wanted = checks(repository, request);
        const { credentials, ...withoutLogin } = repository;
        return {
          // Where it names the URL, in messages, there is no password.
          [repository.urlKind]: urlWithCredentials(withoutLogin),
          username: credentials?.user,
          password: credentials?.password,
          gpgcheck: wanted.packages ? '1' : '0',
          repo_gpgcheck: wanted.repository ? '1' : '0',
          skip_if_unavailable: '0',
        };
      }),
    },
    warnings:
      collections.length > 0 ? without.map(what => `${program} knows no ${what}: they are left out`) : [],
    lines: ['mkdir -p $W/log', ...rpmSettings(request), ...changes(request)],
  };
}

type Program = (typeof PROGRAMS)[keyof typeof PROGRAMS];

function programOf({ manager }: PackageRequest): Program {
  return manager === 'dnf5' || manager === 'microdnf' ? PROGRAMS[manager] : PROGRAMS.dnf4;
}

function kindsOf({ collections }: PackageRequest) {
  const of = (wanted: string) => collections.flatMap(({ kind, name }) => (kind === wanted ? [name] : []));
  return { groups: of('collection'), products: of('product'), modules: of('module') };
}

function changes(request: PackageRequest): readonly string[] {
  const { install, uninstall } = request;
  const program = programOf(request);
  const { groups, modules } = kindsOf(request);
  const start = words(program, ...options(request, program));
  const wanted = [...install, ...(program === 'microdnf' ? [] : groups.map(name => `@${name}`))];
  return [
    ...(wanted.length > 0 ? importKeys(request) : []),
    ...(modules.length > 0 && program !== 'dnf5' ? [`${start} module enable ${words(...modules)}`] : []),
    ...(wanted.length > 0 ? [`${start} install ${words(...wanted)}`] : []),
    ...(uninstall.length > 0 ? [...installedOf(uninstall), `${start} remove $present`] : []),
    ...deleteByForce(request.delete),
  ];
}

/** dnf(8), dnf.conf(5): paths given here are the host's also with an installroot. */
function options(request: PackageRequest, program: Program): readonly string[] {
  const { ignore, recommended, excludeDocs, releaseVersion, tool } = request;
  const settings = {
    cachedir: `${WORK}/${ARCHIVES}`,
    ...(program === 'dnf5' ? { system_cachedir: `${WORK}/${ARCHIVES}` } : {}),
    ...(program === 'microdnf' ? {} : { logdir: `${WORK}/log` }),
    keepcache: '1',
    reposdir: `${WORK}/${REPOSITORIES}`,
    install_weak_deps: recommended ? '1' : '0',
    ...(excludeDocs ? { tsflags: 'nodocs' } : {}),
    ...(ignore.length > 0 && program === 'microdnf' ? { excludepkgs: ignore.join(',') } : {}),
  };
  return [
    '-y',
    ...(tool === 'tree'
      ? []
      : ['--noplugins', '--config=/run/ashlar/configuration/dnf.conf', '--installroot=/target']),
    ...(releaseVersion === undefined ? [] : [`--releasever=${releaseVersion}`]),
    ...Object.entries(settings).map(([name, value]) => `--setopt=${name}=${value}`),
    ...(program === 'microdnf' ? [] : ignore.map(name => `--exclude=${name}`)),
  ];
}
