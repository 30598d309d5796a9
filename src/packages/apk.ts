/** apk of Alpine Linux. */
import { NONE_INSTALLED_LINES } from './removal.ts';
import { ARCHIVES, type ManagerWork, type PackageRequest, REPOSITORIES, WORK } from './types.ts';
import { fileName, unique, urlWithCredentials, words } from './words.ts';

export function apk(request: PackageRequest): ManagerWork {
  const { repositories, collections, ignore, install, uninstall, keys, recommended, tool } = request;
  const files = unique([...keys, ...repositories.flatMap(repository => repository.keys)]);
  const lists = repositories.map((repository, i) => `${REPOSITORIES}/${fileName(repository, i)}.list`);
  const untrusted = repositories.some(({ checkRepository }) => checkRepository === false);
  const start = words(
    ...['apk', '--no-interactive', '--no-progress', '--repositories-file', `${WORK}/repositories.list`],
    ...['--keys-dir', `${WORK}/keys`, '--cache-dir', `${WORK}/${ARCHIVES}`],
    ...(untrusted ? ['--allow-untrusted'] : []),
    ...(tool === 'tree' ? [] : ['--root', '/target']),
  );
  // Without a database nothing but add works, which makes one.
  const add =
    tool === 'host-on-nothing'
      ? [`${start} --update-cache add --initdb ${words(...install)}`]
      : [`${start} update`, `${start} add ${words(...install)}`];
  const asked = [
    ...(collections.length > 0 ? ['collections'] : []),
    ...(ignore.length > 0 ? ['ignored packages'] : []),
    ...(recommended ? ['recommended packages'] : []),
  ];
  return {
    files: Object.fromEntries(
      repositories.map((repository, i) => {
        const { url } = repository;
        return [lists[i], `${url.startsWith('/') ? url : urlWithCredentials(repository)}\n`];
      }),
    ),
    warnings: asked.map(what => `apk knows no ${what}: this is left out`),
    lines: [
      `mkdir -p $W/${ARCHIVES} $W/keys`,
      `cat /dev/null ${lists.map(list => `$W/${words(list)}`).join(' ')} >$W/repositories.list`,
      'cp /etc/apk/keys/* $W/keys/ 2>/dev/null || :',
      ...files.map(file => `cp ${words(file)} $W/keys/`),
      ...(install.length > 0 ? add : []),
      ...(uninstall.length > 0 ? [...installedOf(uninstall), `${start} del $present`] : []),
      ...(request.delete.length > 0
        ? [...installedOf(request.delete), `${start} --force-broken-world del --no-scripts $present`]
        : []),
    ],
  };
}

function installedOf(names: readonly string[]): readonly string[] {
  return [
    'present=',
    `for name in ${words(...names)}; do`,
    '  ! apk --root "$T/" info --installed "$name" >/dev/null 2>&1 || present="$present $name"',
    'done',
    ...NONE_INSTALLED_LINES,
  ];
}
