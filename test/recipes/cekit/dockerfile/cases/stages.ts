import { type Case, lines } from './case.ts';

const end = lines(`
  USER root
  RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
  USER root
`);

/** Several stages, overrides, and what other programs than a build read. */
export const stageCases: readonly Case[] = [
  {
    name: 'a builder whose scripts and what they made are still there for the target',
    files: {
      'image.yaml': lines(`
        - name: builder
          version: 1.0.0
          from: base:1
          description: never seen
          run: {user: '99', workdir: /nowhere, cmd: [never]}
          labels: [{name: builder, value: 'yes'}]
          modules:
            repositories: [{path: modules}]
            install: [{name: build}]
        - name: some/app
          version: 12
          from: scratch
          description: Our application
          artifacts:
            - name: application
              image: builder
              path: /tmp/scripts/build/hello-world
              target: entrypoint
              dest: /bin
          run:
            entrypoint: ["/bin/entrypoint"]
      `),
      'modules/build/module.yaml': "name: build\nversion: '1.0'\nexecute: [{script: build.sh}]\n",
      'modules/build/build.sh':
        '#!/bin/sh\nset -e\ncd /tmp/scripts/build\necho hello > hello-world\nchmod 755 hello-world\n',
    },
    dockerfile: lines(`
      FROM base:1 AS builder
      USER root
      COPY modules/build /tmp/scripts/build
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/build/build.sh" ]
      LABEL \\
          builder="yes"
      FROM scratch
      COPY --from=builder /tmp/scripts/build/hello-world /bin/entrypoint
      LABEL \\
          description="Our application" \\
          io.cekit.version="0.0.0" \\
          summary="Our application"
      ENTRYPOINT ["/bin/entrypoint"]
    `),
    builds: true,
  },
  {
    name: 'stages on earlier stages',
    files: {
      'image.yaml': lines(`
        - {name: one, version: 1, from: 'base:1', envs: [{name: A, value: one}]}
        - name: two
          version: 1
          from: one
          envs: [{name: B, value: $A-two}]
          artifacts: [{image: one, path: /etc/passwd}]
        - {name: three, version: 1.10, from: two, envs: [{name: C, value: $B-three}]}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1 AS one
        USER root
        ENV \\
            A="one"
        FROM one AS two
        USER root
        COPY --from=one /etc/passwd /tmp/artifacts/passwd
        ENV \\
            B="$A-two"
        FROM two
        USER root
        ENV \\
            C="$B-three"
        LABEL \\
            io.cekit.version="0.0.0"
      `) + end,
    builds: true,
  },
  {
    name: 'a stage called scratch like the image without base',
    files: {
      'image.yaml': lines(`
        - {name: scratch, version: '1', from: 'base:1'}
        - {name: top, version: '1', from: scratch, run: {user: '5', cmd: [sh]}}
      `),
    },
    dockerfile: lines(`
      FROM base:1 AS scratch
      USER root
      FROM scratch
      LABEL \\
          io.cekit.version="0.0.0"
      CMD ["sh"]
    `),
    builds: false,
  },
  {
    name: 'a list of one as an ordinary image',
    files: { 'image.yaml': "- {name: single, version: '1', from: 'base:1'}\n" },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        LABEL \\
            io.cekit.version="0.0.0"
      `) + end,
    builds: true,
  },
  {
    name: 'overrides in their order',
    files: {
      'image.yaml': lines(`
        name: overrides
        version: '1'
        from: base:1
        description: original
        labels: [{name: kept, value: k}, {name: changed, value: old}]
        envs: [{name: GONE, value: x}, {name: CHANGED, value: old, description: d}]
        args: [{name: ARG, value: old}]
        ports: [{value: 80}, {value: 81}]
        run: {user: '1', cmd: [old], entrypoint: [kept]}
        artifacts: [{name: a, path: a.txt, dest: /opt, target: t}]
      `),
      'a.txt': 'a\n',
      'dir/b.txt': 'b\n',
      'dir/first.yaml': lines(`
        version: '2'
        labels: [{name: changed, value: first}, {name: new, value: n}]
        envs: [{name: GONE, value: ~}, {name: CHANGED, value: first}]
        artifacts: [{name: a, path: b.txt}]
      `),
    },
    flags: {
      overrides: [
        { kind: 'path', value: 'dir/first.yaml' },
        {
          kind: 'text-or-path',
          value:
            '{description: second, labels: [{name: changed, value: second}], args: [{name: ARG, value: new}], ' +
            'ports: [{value: 80, expose: false}, {value: 82}], run: {user: "2", cmd: [new]}}',
        },
      ],
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      ARG ARG="new"
      COPY \\
          t \\
          /opt/
      ENV \\
          CHANGED="first"
      LABEL \\
          changed="second" \\
          description="second" \\
          io.cekit.version="0.0.0" \\
          kept="k" \\
          new="n" \\
          summary="second"
      EXPOSE 81 82
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER 2
      ENTRYPOINT ["kept"]
      CMD ["new"]
    `),
    builds: true,
  },
  {
    name: 'packages that overrides add before and after those of the image',
    files: {
      'image.yaml': lines(`
        name: override-packages
        version: '1'
        from: base:1
        packages: {manager: yum, install: [a, b], remove: [r]}
      `),
    },
    flags: {
      overrides: [
        {
          kind: 'text-or-path',
          value: '{packages: {manager: dnf, manager_flags: -q, install: [c, a], reinstall: [q]}}',
        },
      ],
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      USER root
      RUN : \\
      && dnf -q remove -y r \\
      && dnf -q install -y b c a \\
      && rpm -q b c a \\
      && dnf -q reinstall -y q \\
      && rpm -q q \\
      && :
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      RUN dnf clean all \\
      && rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf"
      USER root
    `),
    builds: false,
  },
  {
    name: 'overrides for every stage, but a name and a base for the target alone',
    files: {
      'image.yaml': lines(`
        - {name: builder, version: '1', from: 'base:1'}
        - name: target
          version: '1'
          from: scratch
          artifacts: [{image: builder, path: /etc/passwd, dest: /}]
      `),
    },
    flags: {
      overrides: [
        { kind: 'text-or-path', value: '{name: renamed, from: "base:1", envs: [{name: ALL, value: a}]}' },
      ],
    },
    dockerfile:
      lines(`
        FROM base:1 AS builder
        USER root
        ENV \\
            ALL="a"
        FROM base:1
        USER root
        COPY --from=builder /etc/passwd /passwd
        ENV \\
            ALL="a"
        LABEL \\
            io.cekit.version="0.0.0"
      `) + end,
    builds: true,
  },
  {
    name: 'names and versions that --redhat adds to every stage',
    files: {
      'image.yaml': lines(`
        - {name: builder, version: '9', from: 'base:1'}
        - name: org/product
          version: '1.0'
          from: base:1
          labels: [{name: version, value: other}]
      `),
    },
    flags: { redhat: true },
    dockerfile:
      lines(`
        FROM base:1 AS builder
        USER root
        ENV \\
            JBOSS_IMAGE_NAME="org/product" \\
            JBOSS_IMAGE_VERSION="1.0"
        LABEL \\
            name="org/product" \\
            version="1.0"
        FROM base:1
        USER root
        ENV \\
            JBOSS_IMAGE_NAME="org/product" \\
            JBOSS_IMAGE_VERSION="1.0"
        LABEL \\
            io.cekit.version="0.0.0" \\
            name="org/product" \\
            version="1.0"
      `) + end,
    builds: true,
  },
  {
    name: 'the extra directory of OSBS before everything else',
    files: {
      'image.yaml': lines(`
        name: extra
        version: '1'
        from: base:1
        osbs:
          repository: {name: r, branch: b}
          extra_dir: more
          extra_dir_target: /extra
          configuration: {container: {compose: {pulp_repos: true}}}
      `),
      'more/file': 'f\n',
      'more/sub/deep': 'd\n',
    },
    dockerfile:
      lines(`
        FROM base:1
        COPY more /extra
        USER root
        LABEL \\
            io.cekit.version="0.0.0"
      `) + end,
    builds: true,
  },
  {
    name: 'the remote source of OSBS for as long as it is needed',
    files: {
      'image.yaml': lines(`
        name: remote-source
        version: '1'
        from: base:1
        osbs: {configuration: {container: {remote_source: {repo: 'https://example.com/r', ref: x}}}}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        COPY $REMOTE_SOURCE $REMOTE_SOURCE_DIR
        WORKDIR $REMOTE_SOURCE_DIR/app
        LABEL \\
            io.cekit.version="0.0.0"
        RUN rm -rf $REMOTE_SOURCE_DIR
      `) + end,
    builds: false,
  },
  {
    name: 'nothing of the help page, of releases and of names of the schema',
    files: {
      'image.yaml': lines(`
        name: help
        version: '1'
        schema_version: 1
        release: 5
        from: base:1
        help: {add: true}
      `),
    },
    dockerfile:
      lines(`
        FROM base:1
        USER root
        LABEL \\
            io.cekit.version="0.0.0"
      `) + end,
    builds: true,
  },
];
