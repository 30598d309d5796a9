/** Repositories of a description: where they are, and as files of the finished system. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Repository, SetupChange } from '../../../plan/system-steps.ts';
import type { Source } from '../../../plan/types.ts';
import { AshlarError, type SourceSpan } from '../../../support/errors.ts';
import { splitLogin } from '../../../support/secrets.ts';
import type { KiwiDescription, KiwiRepository } from '../model.ts';
import type { KiwiPlanOptions } from './options.ts';

/** Where projects of the Open Build Service are published. */
const BUILD_SERVICE = 'https://download.opensuse.org/repositories';

const TYPES = ['rpm-md', 'apt-deb', 'apt-rpm', 'deb-dir', 'apk', 'mirrors'] as const;

/** The repositories that packages come from. Local ones that are not there are left out, with a warning. */
export function buildRepositories(
  description: KiwiDescription,
  { warn }: Pick<KiwiPlanOptions, 'warn'>,
): readonly Repository[] {
  const names = new Set<string>();
  return description.repositories
    .filter(({ imageOnly }) => !imageOnly)
    .flatMap(repository => {
      const url = locationOf(repository.source, repository.at, description);
      if (isAbsolute(url) && !existsSync(url)) {
        warn(`repository ${repository.source} does not exist and will be skipped`, repository.at);
        return [];
      }
      return [repositoryOf(repository, url, names, description)];
    });
}

function repositoryOf(
  repository: KiwiRepository,
  address: string,
  names: Set<string>,
  description: KiwiDescription,
): Repository {
  const { at, priority, distribution, customize, username, password } = repository;
  const { releaseVersion } = description.preferences;
  const alias = uniqueAlias(repository, names);
  const { url, login } = splitLogin(address);
  const credentials = username === undefined ? login : { user: username, password: password ?? '' };
  return {
    alias,
    type: TYPES.find(type => type === repository.type),
    url,
    urlKind: repository.sourceType ?? 'baseurl',
    ...(priority !== undefined && { priority }),
    ...(distribution !== undefined && { distribution }),
    components: wordsOf(repository.components ?? 'main'),
    architectures: wordsOf(repository.architectures ?? ''),
    ...(repository.repositoryGpgCheck !== undefined && { checkRepository: repository.repositoryGpgCheck }),
    ...(repository.packageGpgCheck !== undefined && { checkPackages: repository.packageGpgCheck }),
    keys: repository.signingKeys.map(key => keySource(released(key, releaseVersion), at, description)),
    ...(credentials && { credentials }),
    ...(customize !== undefined && { customize: join(description.directory, customize) }),
    at,
  };
}

function uniqueAlias({ alias, source, distribution }: KiwiRepository, names: Set<string>): string {
  const seed = `${source} ${distribution ?? ''}`;
  const wanted = alias ?? createHash('sha256').update(seed).digest('hex').slice(0, 16);
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (names.has(name)) continue;
    names.add(name);
    return name;
  }
}

/** Split at blanks and commas. */
function wordsOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

type Beside = Pick<KiwiDescription, 'directory'>;

/** The absolute path of the host that a source means; undefined for others. */
export function hostPath(source: string, { directory }: Beside): string | undefined {
  if (isAbsolute(source)) return source;
  const { scheme, rest } = partsOf(source);
  switch (scheme) {
    case 'dir':
    case 'file':
      return isAbsolute(rest) ? rest : `/${rest}`;
    case 'this':
      return join(directory, rest);
    default:
      return undefined;
  }
}

function partsOf(source: string): { readonly scheme: string | undefined; readonly rest: string } {
  const [, scheme, rest = ''] = /^([a-z]+):(?:\/\/)?(.*)$/s.exec(source) ?? [];
  return { scheme, rest };
}

/** The address of a source as it is written, or an absolute path of the host. @throws AshlarError */
export function locationOf(source: string, at: SourceSpan, beside: Beside): string {
  const path = hostPath(source, beside);
  if (path !== undefined) return path;
  const { scheme, rest } = partsOf(source);
  switch (scheme) {
    case 'http':
    case 'https':
    case 'ftp':
      return source;
    case 'obs': {
      const [project = '', ...repository] = rest.split('/');
      return [BUILD_SERVICE, project.replaceAll(':', ':/'), ...repository].join('/');
    }
    case 'obsrepositories':
      throw new AshlarError(`${source} means the repositories of a build in the Open Build Service`, {
        at,
        hint: 'name the repositories here, or on the command line with --set-repo and --add-repo',
      });
    default:
      throw new AshlarError(`unknown kind of repository: ${source}`, {
        at,
        hint: 'use http://, https://, ftp://, dir://, this://, obs:// or an absolute directory',
      });
  }
}

/** Where a repository is. @throws AshlarError for one that the finished system is to know and could not reach. */
export function repositoryAddress(repository: KiwiRepository, description: KiwiDescription): string {
  const { source, at } = repository;
  const address = locationOf(source, at, description);
  if (!isAbsolute(address) || !isOfImage(repository)) return address;
  throw new AshlarError(
    'The use of imageinclude="true" in the repository definition is only possible for repositories that are not local',
    { at },
  );
}

function isOfImage({ imageInclude, imageOnly }: KiwiRepository): boolean {
  return (imageInclude ?? false) || (imageOnly ?? false);
}

/** An address of a key, whose `$releasever` stands for a version. */
export function released(key: string, version: string | undefined): string {
  return key.replaceAll('$releasever', version ?? '');
}

function keySource(key: string, at: SourceSpan, description: KiwiDescription): Source {
  const place = locationOf(key, at, description);
  return isAbsolute(place)
    ? { kind: 'file', path: place, follow: true, at }
    : { kind: 'http', url: place, at };
}

/** Files by which the finished system knows repositories. Who may log in there is not in them. */
export function imageRepositories(
  description: KiwiDescription,
  { warn }: Pick<KiwiPlanOptions, 'warn'>,
): readonly SetupChange[] {
  const { value: manager, at: managerAt } = description.preferences.packageManager;
  const names = new Set<string>();
  return description.repositories.flatMap(written => {
    if (!isOfImage(written)) return [];
    const url = repositoryAddress(written, description);
    const repository = repositoryOf(written, url, names, description);
    const file = repositoryFile(manager, repository);
    if (file === undefined) {
      warn(
        `repositories of ${manager} are not written into the image: ${repository.alias} is left out`,
        managerAt,
      );
      return [];
    }
    return [{ kind: 'file', ...file, mode: 0o644 } as const];
  });
}

function repositoryFile(
  manager: string,
  repository: Repository,
): { readonly path: string; readonly text: string } | undefined {
  switch (manager) {
    case 'apt':
      return { path: `/etc/apt/sources.list.d/${repository.alias}.sources`, text: debianSources(repository) };
    case 'zypper':
      return {
        path: `/etc/zypp/repos.d/${repository.alias}.repo`,
        text: rpmRepository(repository, 'autorefresh=1\n'),
      };
    case 'dnf4':
    case 'dnf5':
    case 'microdnf':
      return { path: `/etc/yum.repos.d/${repository.alias}.repo`, text: rpmRepository(repository, '') };
    default:
      return undefined;
  }
}

function debianSources(repository: Repository): string {
  const { url, distribution, components, architectures, checkRepository } = repository;
  const fields = [
    ['Types', 'deb'],
    ['URIs', url],
    ['Suites', distribution ?? './'],
    ...(distribution === undefined ? [] : [['Components', components.join(' ')]]),
    ...(architectures.length > 0 ? [['Architectures', architectures.join(' ')]] : []),
    ...(checkRepository === false
      ? [
          ['Trusted', 'yes'],
          ['Check-Valid-Until', 'no'],
        ]
      : []),
  ];
  return fields.map(([name, value]) => `${name}: ${value}\n`).join('');
}

function rpmRepository(repository: Repository, more: string): string {
  const { alias, url, urlKind, priority, checkRepository, checkPackages } = repository;
  const flag = (value: boolean) => (value ? '1' : '0');
  return [
    `[${alias}]\nname=${alias}\nenabled=1\n${more}${urlKind}=${url}\n`,
    ...(priority === undefined ? [] : [`priority=${priority}\n`]),
    ...(checkRepository === undefined ? [] : [`repo_gpgcheck=${flag(checkRepository)}\n`]),
    ...(checkPackages === undefined ? [] : [`gpgcheck=${flag(checkPackages)}\n`]),
  ].join('');
}
