import { type Case, lines } from './case.ts';

const end = (...more: readonly string[]) =>
  [
    'LABEL \\',
    '    io.cekit.version="0.0.0"',
    'USER root',
    'RUN rm -rf "/tmp/scripts" "/tmp/artifacts"',
    ...more,
    'USER root',
    '',
  ].join('\n');

const clean = (command: string) => [
  `RUN ${command} \\`,
  '&& rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf"',
];

/** Packages of each manager, and repositories of each kind. */
export const packageCases: readonly Case[] = [
  {
    name: 'yum, which is taken where nothing is said',
    files: {
      'image.yaml': lines(`
        name: yum
        version: '1'
        from: base:1
        packages:
          install: [a, b=1.0, '@group']
          remove: [c]
          reinstall: [d, e=2=x]
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && yum --setopt=tsflags=nodocs remove -y c \\
        && yum --setopt=tsflags=nodocs install -y a b=1.0 @group \\
        && rpm -q a b @group \\
        && yum --setopt=tsflags=nodocs reinstall -y d e=2=x \\
        && rpm -q d e \\
        && :
      `) + end(...clean('yum clean all')),
    builds: false,
  },
  {
    name: 'dnf with flags of the descriptor',
    files: {
      'image.yaml': lines(`
        name: dnf
        version: '1'
        from: base:1
        packages:
          manager: dnf
          manager_flags: --nobest -q
          install: [a]
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && dnf --nobest -q install -y a \\
        && rpm -q a \\
        && :
      `) + end(...clean('dnf clean all')),
    builds: false,
  },
  {
    name: 'microdnf of a module for all sections',
    files: {
      'image.yaml': lines(`
        name: microdnf
        version: '1'
        from: base:1
        packages: {install: [image-package]}
        modules:
          repositories: [{path: modules}]
          install: [{name: m}]
      `),
      'modules/m/module.yaml': lines(`
        name: m
        version: '1'
        packages: {manager: microdnf, manager_flags: --ignored, install: [module-package]}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && microdnf --setopt=install_weak_deps=0 --setopt=tsflags=nodocs install -y module-package \\
        && rpm -q module-package \\
        && :
        USER root
        RUN : \\
        && microdnf --setopt=install_weak_deps=0 --setopt=tsflags=nodocs install -y image-package \\
        && rpm -q image-package \\
        && :
      `) + end(...clean('microdnf clean all')),
    builds: false,
  },
  {
    name: 'apt-get with one update for all that a section does',
    files: {
      'image.yaml': lines(`
        name: apt
        version: '1'
        from: base:1
        packages: {manager: apt-get, install: [a, b=1.0], remove: [c], reinstall: [d]}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && apt-get update \\
        && apt-get --no-install-recommends remove -y c \\
        && apt-get --no-install-recommends install -y a b=1.0 \\
        && dpkg-query --list a b \\
        && apt-get --no-install-recommends --reinstall install -y d \\
        && dpkg-query --list d \\
        && :
      `) + end(...clean('apt-get clean')),
    builds: false,
  },
  {
    name: 'apk, which has no flags and nothing to clean',
    files: {
      'image.yaml': lines(`
        name: apk
        version: '1'
        from: base:1
        packages: {manager: apk, install: [a, b=1.0-r0], remove: [c], reinstall: [d]}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && apk del c \\
        && apk add a b=1.0-r0 \\
        && apk info -e a b \\
        && apk fix --reinstall d \\
        && apk info -e d \\
        && :
      `) + end(...clean(':')),
    builds: false,
  },
  {
    name: 'no flags where the descriptor says so, and the usual ones where it says null',
    files: {
      'image.yaml': lines(`
        - name: none
          version: '1'
          from: base:1
          packages: {manager: dnf, manager_flags: '', install: [a]}
        - name: usual
          version: '1'
          from: base:1
          packages: {manager: dnf, manager_flags: ~, install: [a]}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1 AS none
        USER root
        USER root
        RUN : \\
        && dnf install -y a \\
        && rpm -q a \\
        && :
        FROM base:1
        USER root
        USER root
        RUN : \\
        && dnf --setopt=tsflags=nodocs install -y a \\
        && rpm -q a \\
        && :
      `) + end(...clean('dnf clean all')),
    builds: false,
  },
  {
    name: 'no clean-up where apk only reinstalls',
    files: {
      'image.yaml': lines(`
        name: reinstall
        version: '1'
        from: base:1
        packages: {manager: apk, reinstall: [d]}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && apk fix --reinstall d \\
        && apk info -e d \\
        && :
      `) + end(),
    builds: false,
  },
  {
    name: 'clean-up in each command where every statement is a layer',
    files: {
      'image.yaml': lines(`
        name: layers
        version: '1'
        from: base:1
        packages: {manager: dnf, remove: [r]}
        modules:
          repositories: [{path: modules}]
          install: [{name: m}]
      `),
      'modules/m/module.yaml': "name: m\nversion: '1'\npackages: {install: [a]}\n",
    },
    flags: { layers: 'statements' },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && dnf --setopt=tsflags=nodocs install -y a \\
        && rpm -q a \\
        && dnf clean all \\
        && rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf" \\
        && :
        USER root
        RUN : \\
        && dnf --setopt=tsflags=nodocs remove -y r \\
        && dnf clean all \\
        && rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf" \\
        && :
      `) + end(),
    builds: false,
  },
  {
    name: 'repositories that are packages before everything else, and nothing of those that are names',
    files: {
      'image.yaml': lines(`
        name: repositories
        version: '1'
        from: base:1
        args: [{name: A}]
        packages:
          manager: dnf
          repositories:
            - {name: known, description: there already}
            - {name: by-id, id: some-id}
            - {name: epel, rpm: 'https://example.com/epel.rpm'}
            - {name: more, rpm: more-release}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        RUN dnf --setopt=tsflags=nodocs install -y https://example.com/epel.rpm
        RUN dnf --setopt=tsflags=nodocs install -y more-release
        ARG A
      `) + end(),
    builds: false,
  },
  {
    name: 'repository files for as long as they are needed',
    files: {
      'image.yaml': lines(`
        name: repository-files
        version: '1'
        from: base:1
        packages:
          manager: dnf
          install: [a]
          repositories:
            - {name: my repo, url: {repository: 'https://example.com/my.repo'}}
            - {name: other, url: {repository: 'https://example.com/other.repo'}}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        COPY \\
            repos/my_repo.repo \\
            repos/other.repo \\
            /etc/yum.repos.d/
        USER root
        RUN : \\
        && dnf --setopt=tsflags=nodocs install -y a \\
        && rpm -q a \\
        && :
      `) +
      end(
        ...clean('dnf clean all'),
        'RUN rm -f "/etc/yum.repos.d/my_repo.repo" "/etc/yum.repos.d/other.repo"',
      ),
    builds: false,
  },
  {
    name: 'no repositories for managers that have none of this kind',
    files: {
      'image.yaml': lines(`
        name: no-repositories
        version: '1'
        from: base:1
        packages:
          install: [a]
          repositories: [{name: r, rpm: some-release}]
        modules:
          repositories: [{path: modules}]
          install: [{name: m}]
      `),
      'modules/m/module.yaml': "name: m\nversion: '1'\npackages: {manager: apk}\n",
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && apk add a \\
        && apk info -e a \\
        && :
      `) + end(...clean(':')),
    builds: false,
  },
  {
    name: 'only the repositories of the base where content sets are asked for',
    files: {
      'image.yaml': lines(`
        name: content-sets
        version: '1'
        from: base:1
        packages:
          manager: microdnf
          install: [a]
          content_sets: {x86_64: [some-rpms], aarch64: [some-rpms], ppc64le: [some-rpms], s390x: [some-rpms]}
          repositories: [{name: r, rpm: some-release}]
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        USER root
        RUN : \\
        && microdnf --setopt=install_weak_deps=0 --setopt=tsflags=nodocs install -y a \\
        && rpm -q a \\
        && :
      `) + end(...clean('microdnf clean all')),
    builds: false,
  },
];
