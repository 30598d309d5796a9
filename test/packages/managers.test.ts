import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type PackageRequest,
  packageArchive,
  packageWork,
  type RepositoryAccess,
} from '../../src/packages/index.ts';
import { words } from '../../src/packages/words.ts';

const managers = ['apt', 'zypper', 'dnf4', 'dnf5', 'microdnf', 'apk', 'pacman'] as const;

function request(rest: Partial<PackageRequest> = {}): PackageRequest {
  return {
    manager: 'apt',
    repositories: [],
    install: [],
    collections: [],
    ignore: [],
    uninstall: [],
    delete: [],
    recommended: false,
    excludeDocs: false,
    locales: [],
    checkSignatures: false,
    keys: [],
    tool: 'tree',
    ...rest,
  };
}

function repository(rest: Partial<RepositoryAccess> = {}): RepositoryAccess {
  return {
    alias: 'main',
    url: 'https://example.org/packages',
    urlKind: 'baseurl',
    components: [],
    architectures: [],
    keys: [],
    ...rest,
  };
}

/** Everything that a manager is asked for. */
const everything = {
  repositories: [repository(), repository({ alias: 'here', url: '/run/ashlar/repositories/1' })],
  install: ['first', "it's"],
  collections: [
    { kind: 'collection', name: 'base' },
    { kind: 'product', name: 'box' },
    { kind: 'module', name: 'web:2' },
  ],
  ignore: ['noise'],
  uninstall: ['old'],
  delete: ['older'],
  excludeDocs: true,
  locales: ['de_DE'],
  keys: ['/run/ashlar/configuration/keys/0.asc'],
  sourceDateEpoch: 1_700_000_000,
} as const;

const linesOf = (rest: Partial<PackageRequest>) => packageWork(request(rest)).script.split('\n');
const file = (rest: Partial<PackageRequest>, name: string) => packageWork(request(rest)).files[name];

describe('the script of a package manager', () => {
  it.each(managers)('is one that a shell can read, for %s', manager => {
    for (const tool of ['tree', 'host', 'host-on-nothing'] as const) {
      const { script } = packageWork(request({ ...everything, manager, tool }));
      expect(() => execFileSync('sh', ['-n'], { input: script })).not.toThrow();
    }
  });

  it.each(managers)('changes nothing when nothing is asked for, for %s', manager => {
    const lines = linesOf({ manager, repositories: [repository()] });
    expect(
      lines.filter(line => /^(?:apt-get|dpkg|zypper|dnf5?|microdnf|apk|pacman|[$]RPM) /.test(line)),
    ).toEqual([]);
  });

  it('quotes what a shell would read otherwise', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }).filter(text => !text.includes('\0'))), texts => {
        const printed = execFileSync('sh', [
          '-c',
          `for word in ${words(...texts)}; do printf '%s\\0' "$word"; done`,
        ]);
        expect(printed.toString().split('\0').slice(0, -1)).toEqual(texts);
      }),
      { numRuns: 30 },
    );
  });

  it.each(['--option', '', 'two\nlines', ' blank'])('refuses %j as the name of a package', name => {
    for (const part of ['install', 'ignore', 'uninstall', 'delete'])
      expect(() => packageWork(request({ [part]: [name] }))).toThrow('is no name of a package');
  });

  it('refuses repositories that would add lines to a configuration', () => {
    for (const rest of [
      { url: 'https://a\ngpgcheck=0' },
      { alias: 'a\n[b]' },
      { components: ['main\nTrusted: yes'] },
    ])
      expect(() => packageWork(request({ repositories: [repository(rest)] }))).toThrow('a control character');
    expect(() => packageWork(request({ repositories: [repository({ distribution: 'a b' })] }))).toThrow(
      'a blank',
    );
  });

  it('lets a script change the file of its repository alone', () => {
    const repositories = [
      repository(),
      repository({ alias: 'my own', customize: '/run/ashlar/configuration/c' }),
    ];
    expect(linesOf({ manager: 'dnf4', repositories }).filter(line => line.startsWith('sh '))).toEqual([
      'sh /run/ashlar/configuration/c /run/ashlar/work/repositories/my_own-2.repo',
    ]);
  });

  it('starts no services and asks nothing', () => {
    const { environment, covers, files } = packageWork(request({ install: ['a'] }));
    expect(environment).toMatchObject({ DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1' });
    expect(covers).toEqual([{ file: 'policy-rc.d', target: '/usr/sbin/policy-rc.d' }]);
    expect(files['policy-rc.d']).toMatch(/exit 101\n$/);
  });
});

describe('apt', () => {
  const source = (rest: Partial<RepositoryAccess>) =>
    file({ repositories: [repository(rest)] }, 'repositories/main.sources');

  it('has a source with a distribution, or a flat one', () => {
    expect(source({ distribution: 'bookworm' })).toBe(
      'Types: deb\nURIs: https://example.org/packages\nSuites: bookworm\nComponents: main\n',
    );
    expect(
      source({ distribution: 'sid', components: ['main', 'contrib'], architectures: ['amd64'] }),
    ).toContain('Components: main contrib\nArchitectures: amd64\n');
    expect(source({ url: '/a b' })).toBe('Types: deb\nURIs: file:/a%20b\nSuites: ./\n');
  });

  it('says of the sources of one place the same about trust', () => {
    const repositories = [
      repository({ distribution: 'a', checkRepository: false, keys: ['/k/1.asc'] }),
      repository({ alias: 'other', distribution: 'b', keys: ['/k/2.gpg'] }),
      repository({ alias: 'elsewhere', url: 'https://example.com' }),
    ];
    const { files } = packageWork(request({ repositories }));
    for (const name of ['main', 'other'])
      expect(files[`repositories/${name}.sources`]).toMatch(
        /\nTrusted: yes\nCheck-Valid-Until: no\nSigned-By: \/k\/1.asc \/k\/2.gpg\n$/,
      );
    expect(files['repositories/elsewhere.sources']).not.toMatch(/Trusted|Signed-By/);
  });

  it('has credentials in a file of its own only, and pins by host', () => {
    const credentials = { user: 'me', password: 'secret' };
    const { files, script, environment } = packageWork(
      request({
        repositories: [
          repository({ credentials, priority: 700 }),
          repository({ alias: 'b', url: '/b', priority: 1 }),
        ],
      }),
    );
    expect(files['apt.auth']).toBe('machine https://example.org/packages login me password secret\n');
    expect(files['apt.preferences']).toBe(
      'Package: *\nPin: origin "example.org"\nPin-Priority: 700\n\nPackage: *\nPin: origin ""\nPin-Priority: 1\n\n',
    );
    const { 'apt.auth': _, ...others } = files;
    expect(JSON.stringify([others, script, environment])).not.toContain('secret');
  });

  it('takes no login that its file would end too early', () => {
    const credentials = { user: 'me', password: 'two words' };
    expect(() => packageWork(request({ repositories: [repository({ credentials })] }))).toThrow(
      'the repository "main" has a blank in its login, which apt cannot be told',
    );
  });

  it('warns of what it cannot do', () => {
    const { collections, ignore } = everything;
    expect(packageWork(request({ collections, ignore })).warnings).toEqual([
      'apt knows no collection: this is left out',
      'apt knows no product: this is left out',
      'apt knows no module: this is left out',
      'apt knows no ignore: this is left out',
    ]);
  });

  it('installs what is recommended only when asked', () => {
    expect(file({}, 'apt.conf')).toContain('APT::Install-Recommends "false";');
    expect(file({ recommended: true }, 'apt.conf')).toContain('APT::Install-Recommends "true";');
  });

  it('makes a first system with mmdebstrap', () => {
    const lines = linesOf({
      tool: 'host-on-nothing',
      install: ['systemd', 'apt'],
      repositories: [repository({ distribution: 'bookworm' })],
    });
    const [line] = lines.filter(text => text.startsWith('mmdebstrap '));
    expect(line).toContain('--include=systemd,apt bookworm /target $W/all.sources');
  });

  it('follows priorities in a first system, and says that it removes nothing from it', () => {
    const { script, warnings } = packageWork(
      request({ tool: 'host-on-nothing', install: ['a'], uninstall: ['b'], delete: ['c', 'b'] }),
    );
    expect(script).toContain(`'--aptopt=Dir::Etc::preferences "/run/ashlar/configuration/apt.preferences"'`);
    expect(warnings).toEqual(['a first system only gets packages: the removal of b, c is left out']);
    expect(packageWork(request({ uninstall: ['b'] })).warnings).toEqual([]);
  });
});

describe('zypper', () => {
  const start = 'zypper --non-interactive --reposd-dir /run/ashlar/work/repositories';
  const commands = (rest: Partial<PackageRequest>) =>
    linesOf({ manager: 'zypper', ...rest })
      .filter(line => line.startsWith('zypper '))
      .map(line => line.replace(/^.*--solv-cache-dir \S+ /, ''));

  it('installs packages, patterns and products, and leaves locked out what is to be ignored', () => {
    const { repositories, install, collections, ignore } = everything;
    expect(commands({ repositories, install, collections, ignore })).toEqual([
      '--no-gpg-checks refresh',
      '--no-gpg-checks addlock noise',
      "--no-gpg-checks install --auto-agree-with-licenses --no-recommends --type package first 'it'\\''s'",
      '--no-gpg-checks install --auto-agree-with-licenses --no-recommends --type pattern base',
      '--no-gpg-checks install --auto-agree-with-licenses --no-recommends --type product box',
    ]);
  });

  it('keeps its caches out of the tree and looks only at the given repositories', () => {
    expect(linesOf({ manager: 'zypper', install: ['a'], tool: 'host' })).toContain(
      `${start} --pkg-cache-dir /run/ashlar/work/archives --raw-cache-dir /run/ashlar/work/raw --solv-cache-dir /run/ashlar/work/solv --no-gpg-checks --root /target refresh`,
    );
  });

  it('checks signatures with the keys that were given', () => {
    const keys = ['/run/ashlar/configuration/keys/0.asc'];
    const rest = {
      repositories: [repository({ checkRepository: true })],
      checkSignatures: true,
      keys,
      install: ['a'],
    };
    expect(commands(rest)).toContain('refresh');
    expect(linesOf({ manager: 'zypper', ...rest })).toContain(`rpmkeys --import ${keys[0]}`);
    expect(file({ manager: 'zypper', ...rest }, 'repositories/main.repo')).toBe(
      [
        ...[
          '[main]',
          'name=main',
          'enabled=1',
          'baseurl=https://example.org/packages',
          `gpgkey=file://${keys[0]}`,
        ],
        ...['autorefresh=0', 'keeppackages=1', 'gpgcheck=1', 'repo_gpgcheck=1', 'pkg_gpgcheck=1', ''],
      ].join('\n'),
    );
  });

  it('removes with what needs only them, and by force without scripts', () => {
    const { uninstall, delete: deleted } = everything;
    expect(commands({ uninstall })).toEqual(['--no-gpg-checks remove --clean-deps $present']);
    expect(linesOf({ manager: 'zypper', delete: deleted })).toContain(
      '$RPM -e --nodeps --allmatches --noscripts --notriggers $present',
    );
  });
});

describe('dnf', () => {
  const command = (rest: Partial<PackageRequest>) =>
    linesOf(rest).find(line => /^(?:micro)?dnf5? .* install /.test(line)) ?? '';

  it('installs packages and groups, without documents where they are not wanted', () => {
    const { install, collections, ignore } = everything;
    const all = { install, collections, ignore, excludeDocs: true, releaseVersion: '41' } as const;
    expect(command({ manager: 'dnf4', ...all })).toMatch(
      /^dnf -y --releasever=41 .*--setopt=install_weak_deps=0 --setopt=tsflags=nodocs --exclude=noise install first 'it'\\''s' @base$/,
    );
    expect(linesOf({ manager: 'dnf4', ...all }).some(line => line.endsWith(' module enable web:2'))).toBe(
      true,
    );
    expect(command({ manager: 'dnf5', ...all })).toMatch(
      /^dnf5 .*--exclude=noise install first 'it'\\''s' @base$/,
    );
    expect(command({ manager: 'microdnf', ...all })).toMatch(
      /^microdnf .*--setopt=excludepkgs=noise install first 'it'\\''s'$/,
    );
  });

  it('works on a tree from outside with its own configuration', () => {
    expect(command({ manager: 'dnf5', tool: 'host', install: ['a'] })).toContain(
      '--noplugins --config=/run/ashlar/configuration/dnf.conf --installroot=/target',
    );
  });

  it('names no password in the URL, which it shows in messages', () => {
    const repositories = [repository({ credentials: { user: 'me', password: 'secret%' } })];
    for (const manager of ['dnf4', 'dnf5', 'microdnf'] as const)
      expect(file({ manager, repositories }, 'repositories/main.repo')).toMatch(
        /\nbaseurl=https:\/\/example.org\/packages\nusername=me\npassword=secret%\n/,
      );
  });

  it('knows mirrors and priorities', () => {
    const repositories = [repository({ urlKind: 'metalink', priority: 5, checkPackages: true })];
    const text = file({ manager: 'dnf4', repositories }, 'repositories/main.repo');
    expect(text).toContain('metalink=https://example.org/packages\npriority=5\n');
    expect(text).toContain('gpgcheck=1\nrepo_gpgcheck=0\n');
  });

  it('installs the wanted languages only', () => {
    const line = linesOf({ manager: 'dnf4', install: ['a'], locales: ['de_DE'], excludeDocs: true }).find(
      text => text.startsWith('printf'),
    );
    expect(line).toContain("'%_excludedocs 1' '%_install_langs POSIX:C:C.UTF-8:de_DE'");
  });
});

describe('apk and pacman', () => {
  it('apk adds and removes, with keys beside those of the tree', () => {
    const lines = linesOf({ ...everything, manager: 'apk' });
    const start =
      'apk --no-interactive --no-progress --repositories-file /run/ashlar/work/repositories.list --keys-dir /run/ashlar/work/keys --cache-dir /run/ashlar/work/archives';
    expect(lines).toEqual(
      expect.arrayContaining([
        'cp /run/ashlar/configuration/keys/0.asc $W/keys/',
        `${start} add first 'it'\\''s'`,
        `${start} del $present`,
        `${start} --force-broken-world del --no-scripts $present`,
      ]),
    );
    const { files } = packageWork(request({ ...everything, manager: 'apk' }));
    expect(files).toEqual({
      'repositories/main.list': 'https://example.org/packages\n',
      'repositories/here.list': '/run/ashlar/repositories/1\n',
    });
  });

  it('apk makes the database of a first system when it adds, and needs one for all else', () => {
    const commands = (tool: PackageRequest['tool']) =>
      linesOf({ ...everything, manager: 'apk', tool })
        .filter(line => line.startsWith('apk '))
        .map(line => line.replace(/^apk .*--cache-dir \S+ /, ''));
    expect(commands('host-on-nothing')).toEqual([
      "--root /target --update-cache add --initdb first 'it'\\''s'",
      '--root /target del $present',
      '--root /target --force-broken-world del --no-scripts $present',
    ]);
    expect(commands('host')).toEqual([
      '--root /target update',
      "--root /target add first 'it'\\''s'",
      '--root /target del $present',
      '--root /target --force-broken-world del --no-scripts $present',
    ]);
  });

  it('pacman has sections for repositories, and dates that stay the same', () => {
    const lines = linesOf({ ...everything, manager: 'pacman', checkSignatures: true });
    const start =
      'pacman --noconfirm --config /run/ashlar/work/pacman.conf --cachedir /run/ashlar/work/archives --logfile /dev/null --gpgdir /run/ashlar/work/gnupg';
    expect(lines).toEqual(
      expect.arrayContaining([
        `${start} -Sy --needed --ignore=noise first 'it'\\''s' base`,
        `${start} -Rs $present`,
        `${start} -Rdd --noscriptlet $present`,
        "  sed -i '/^%INSTALLDATE%$/{n;s/.*/1700000000/}' {} +",
      ]),
    );
    expect(
      file(
        { manager: 'pacman', repositories: [repository()], checkSignatures: true },
        'repositories/main.conf',
      ),
    ).toBe('[main]\nSigLevel = PackageRequired DatabaseNever\nServer = https://example.org/packages\n');
  });
});

it('knows packages by their names', () => {
  for (const name of ['a_1_all.deb', 'a.rpm', 'a.apk', 'a.pkg.tar.zst', 'a.pkg.tar.zst.sig'])
    expect(packageArchive(name)).toBe(true);
  for (const name of ['lock', 'a.deb.part', 'a.solv', 'repomd.xml']) expect(packageArchive(name)).toBe(false);
});
