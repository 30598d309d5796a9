import { type Case, lines } from './case.ts';

/** Modules: their order, their parts and what they say of running the image. */
export const moduleCases: readonly Case[] = [
  {
    name: 'every part of a module and of its image in its place',
    files: {
      'image.yaml': lines(`
        name: org/parts
        version: '1.0'
        from: base:1
        description: All parts
        args: [{name: Z, value: z}, {name: a}]
        envs: [{name: SEEN, value: image}]
        labels: [{name: who, value: image}]
        ports: [{value: 8080}]
        volumes: [{path: /image-data}]
        artifacts: [{path: f.txt, dest: /opt}]
        modules:
          repositories: [{path: modules}]
          install: [{name: m}]
        run: {user: 185, workdir: /opt, entrypoint: [/bin/sh], cmd: [-c, 'true']}
      `).replace('185', "'185'"),
      'f.txt': 'f\n',
      'modules/m/module.yaml': lines(`
        name: m
        version: '2'
        args: [{name: MODULE_ARG, value: q}]
        envs: [{name: SEEN, value: module}]
        labels: [{name: who, value: module}]
        ports: [{value: 53, protocol: udp}]
        volumes: [{path: /module-data}]
        artifacts: [{path: g.txt, dest: /srv}]
        execute:
          - {script: go.sh}
          - {script: sub/more.sh, user: '1001'}
      `),
      'modules/m/g.txt': 'g\n',
      'modules/m/go.sh':
        '#!/bin/false\nset -e\nmkdir -p /seen\nchmod 777 /seen\necho "$SEEN $MODULE_ARG" > /seen/go\n',
      'modules/m/sub/more.sh': 'id -u > /seen/user\n',
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      ARG a
      ARG Z="z"
      COPY \\
          g.txt \\
          /srv/
      COPY modules/m /tmp/scripts/m
      ARG MODULE_ARG="q"
      ENV \\
          SEEN="module"
      LABEL \\
          who="module"
      EXPOSE 53/udp
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/m/go.sh" ]
      USER 1001
      RUN [ "sh", "-x", "/tmp/scripts/m/sub/more.sh" ]
      VOLUME ["/module-data"]
      COPY \\
          f.txt \\
          /opt/
      ENV \\
          SEEN="image"
      LABEL \\
          description="All parts" \\
          io.cekit.version="0.0.0" \\
          summary="All parts" \\
          who="image"
      EXPOSE 8080
      VOLUME ["/image-data"]
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER 185
      WORKDIR /opt
      ENTRYPOINT ["/bin/sh"]
      CMD ["-c", "true"]
    `),
    builds: true,
  },
  {
    name: 'dependencies before what needs them, each once',
    files: {
      'image.yaml': lines(`
        name: order
        version: '1'
        from: base:1
        modules:
          repositories: [{path: modules}]
          install: [{name: a}, {name: b}, {name: c}]
      `),
      'modules/a/module.yaml': lines(`
        name: a
        version: '1'
        envs: [{name: LAST, value: a}]
        modules: {install: [{name: c}]}
      `),
      'modules/b/module.yaml': lines(`
        name: b
        version: '1'
        envs: [{name: LAST, value: b}]
        modules: {install: [{name: d}, {name: c}]}
      `),
      'modules/c/module.yaml': "name: c\nversion: '1'\nenvs: [{name: LAST, value: c}]\n",
      'modules/d/module.yaml': "name: d\nversion: '1'\nenvs: [{name: LAST, value: d}]\n",
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      ENV \\
          LAST="c"
      ENV \\
          LAST="a"
      ENV \\
          LAST="d"
      ENV \\
          LAST="b"
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'the newest version of a module, and the one that is asked for',
    files: {
      'image.yaml': lines(`
        name: versions
        version: '1'
        from: base:1
        modules:
          repositories: [{path: modules}]
          install: [{name: newest}, {name: asked, version: '1.9'}]
      `),
      ...Object.fromEntries(
        ['1.9', '1.10', '1.10rc1'].flatMap(version =>
          ['newest', 'asked'].map(name => [
            `modules/${name}-${version}/module.yaml`,
            `name: ${name}\nversion: '${version}'\nlabels: [{name: ${name}, value: '${version}'}]\n`,
          ]),
        ),
      ),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      LABEL \\
          newest="1.10"
      LABEL \\
          asked="1.9"
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: false,
  },
  {
    name: 'what a dependency says of running over what its module says, and the image over both',
    files: {
      'image.yaml': lines(`
        name: run
        version: '1'
        from: base:1
        run: {cmd: [image]}
        modules:
          repositories: [{path: modules}]
          install: [{name: parent}]
      `),
      'modules/parent/module.yaml': lines(`
        name: parent
        version: '1'
        run: {user: parent, workdir: /parent, cmd: [parent]}
        modules: {install: [{name: child}]}
      `),
      'modules/child/module.yaml': lines(`
        name: child
        version: '1'
        run: {user: '1001', entrypoint: [/child], cmd: [child]}
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER 1001
      WORKDIR /parent
      ENTRYPOINT ["/child"]
      CMD ["image"]
    `),
    builds: true,
  },
  {
    name: 'names of modules with dots and slashes as they are',
    files: {
      'image.yaml': lines(`
        name: names
        version: '1'
        from: base:1
        modules:
          repositories: [{path: some/modules}]
          install: [{name: org.acme.base}, {name: org/acme}]
      `),
      'some/modules/x/module.yaml': "name: org.acme.base\nversion: '1'\nexecute: [{script: a.sh}]\n",
      'some/modules/x/a.sh': '#!/bin/sh\necho a > /a\n',
      'some/modules/y/module.yaml': "name: org/acme\nversion: '1'\nexecute: [{script: b.sh}]\n",
      'some/modules/y/b.sh': '#!/bin/sh\necho b > /b\n',
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      COPY modules/org.acme.base /tmp/scripts/org.acme.base
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/org.acme.base/a.sh" ]
      COPY modules/org/acme /tmp/scripts/org/acme
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/org/acme/b.sh" ]
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'versions of one module in two stages from their own directories',
    files: {
      'image.yaml': lines(`
        - name: old
          version: '1'
          from: base:1
          modules: &modules
            repositories: [{path: modules}]
            install: [{name: m, version: '1'}]
        - name: new
          version: '1'
          from: base:1
          modules:
            <<: *modules
            install: [{name: m, version: '2'}]
      `),
      'modules/m1/module.yaml': "name: m\nversion: '1'\nexecute: [{script: s.sh}]\n",
      'modules/m1/s.sh': '#!/bin/sh\necho 1 > /version\n',
      'modules/m2/module.yaml': "name: m\nversion: '2'\nexecute: [{script: s.sh}]\n",
      'modules/m2/s.sh': '#!/bin/sh\necho 2 > /version\n',
    },
    dockerfile: lines(`
      FROM base:1 AS old
      USER root
      COPY modules/m /tmp/scripts/m
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/m/s.sh" ]
      FROM base:1
      USER root
      COPY modules/m-2 /tmp/scripts/m
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/m/s.sh" ]
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: "a module's artifact beside image.yaml, seen from where CEKit copies modules and from where they are",
    files: {
      'image.yaml': lines(`
        name: relative
        version: '1'
        from: base:1
        modules:
          repositories: [{path: modules}]
          install: [{name: m}]
      `),
      'near.txt': 'near\n',
      'far.txt': 'far\n',
      'modules/m/module.yaml': lines(`
        name: m
        version: '1'
        artifacts:
          - {path: ../../../../far.txt, dest: /opt}
          - {path: ../../near.txt, dest: /opt}
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      COPY \\
          far.txt \\
          near.txt \\
          /opt/
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
];
