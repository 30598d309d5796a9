import { type Case, lines } from './case.ts';

/** Artifacts of each type and where they go. */
export const artifactCases: readonly Case[] = [
  {
    name: 'files and a directory for an image without base',
    files: {
      'image.yaml': lines(`
        name: cekit-scratch
        version: 1.0.0
        from: scratch
        description: Minimal scratch example
        labels:
          - name: io.cekit.test
            value: This is a CEKit test label
        envs:
          - name: CEKIT_TEST
            value: test
        artifacts:
          - name: file1
            path: metadata/test-file.txt
            dest: /files/
          - name: file2
            path: metadata/other.txt
            dest: /files/
          - name: dir
            path: metadata
            dest: /target
      `),
      'metadata/test-file.txt': 'test\n',
      'metadata/other.txt': 'other\n',
      'metadata/.hidden': 'hidden\n',
      'metadata/sub/deep.txt': 'deep\n',
    },
    dockerfile: lines(`
      FROM scratch
      COPY \\
          file1 \\
          file2 \\
          /files/
      COPY \\
          dir \\
          /target/
      ENV \\
          CEKIT_TEST="test"
      LABEL \\
          description="Minimal scratch example" \\
          io.cekit.test="This is a CEKit test label" \\
          io.cekit.version="0.0.0" \\
          summary="Minimal scratch example"
    `),
    builds: true,
  },
  {
    name: 'artifacts without dest, which are removed in the end',
    files: {
      'image.yaml': lines(`
        name: default-dest
        version: '1'
        from: base:1
        artifacts:
          - path: a.txt
          - path: b.txt
            target: c.txt
      `),
      'a.txt': 'a\n',
      'b.txt': 'b\n',
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      COPY \\
          a.txt \\
          c.txt \\
          /tmp/artifacts/
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'destinations in order, whatever the case of their letters',
    files: {
      'image.yaml': lines(`
        name: dests
        version: '1'
        from: scratch
        artifacts:
          - {name: n1, path: a.txt, dest: /b}
          - {name: n2, path: a.txt, dest: /C/}
          - {name: n3, path: a.txt, dest: /a/./x/../}
          - {name: n4, path: a.txt, dest: /B}
          - {name: n5, path: a.txt, dest: /b//}
          - {name: n6, path: a.txt, dest: /}
      `),
      'a.txt': 'a\n',
    },
    dockerfile: lines(`
      FROM scratch
      COPY \\
          n6 \\
          /
      COPY \\
          n3 \\
          /a/
      COPY \\
          n1 \\
          n5 \\
          /b/
      COPY \\
          n4 \\
          /B/
      COPY \\
          n2 \\
          /C/
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: true,
  },
  {
    name: 'targets with directories in front, and a dest below the working directory',
    files: {
      'image.yaml': lines(`
        name: targets
        version: '1'
        from: scratch
        artifacts:
          - {name: n1, path: a.txt, dest: /opt, target: sub/dir/a}
          - {name: n2, path: a.txt, dest: here}
      `),
      'a.txt': 'a\n',
    },
    dockerfile: lines(`
      FROM scratch
      COPY \\
          a \\
          /opt/sub/dir/
      COPY \\
          n2 \\
          here/
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: true,
  },
  {
    name: 'two artifacts of one target as two files',
    files: {
      'image.yaml': lines(`
        name: same-target
        version: '1'
        from: scratch
        artifacts:
          - {name: n1, path: a.txt, dest: /one, target: x}
          - {name: n2, path: b.txt, dest: /two, target: x}
          - {name: n3, path: a.txt, dest: /three, target: x}
          - {name: n4, path: a.txt, dest: /four, target: Dockerfile}
      `),
      'a.txt': 'a\n',
      'b.txt': 'b\n',
    },
    dockerfile: lines(`
      FROM scratch
      COPY \\
          artifacts/3/Dockerfile \\
          /four/
      COPY \\
          x \\
          /one/
      COPY \\
          x \\
          /three/
      COPY \\
          artifacts/2/x \\
          /two/
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: true,
  },
  {
    name: 'names with spaces and characters of patterns',
    files: {
      'image.yaml': lines(`
        name: strange-names
        version: '1'
        from: scratch
        artifacts:
          - {path: a b.txt, dest: /one}
          - {path: 'a[1].txt', dest: /two}
          - {path: a.txt, dest: /with space}
      `),
      'a b.txt': 'a b\n',
      'a[1].txt': 'a1\n',
      'a.txt': 'a\n',
    },
    dockerfile: lines(`
      FROM scratch
      COPY \\
          ["a b.txt", \\
          "/one/"]
      COPY \\
          artifacts/2 \\
          /two/
      COPY \\
          ["a.txt", \\
          "/with space/"]
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: true,
  },
  {
    name: 'modes and owners',
    files: {
      'image.yaml': lines(`
        name: modes
        version: '1'
        from: scratch
        artifacts:
          - {path: a.txt, dest: /opt, mode: '0640', uid: 185, gid: 0}
          - {path: b.txt, dest: /opt}
          - {path: c.txt, dest: /opt, uid: 7}
          - {path: d.txt, dest: /opt, mode: '0755'}
      `),
      'a.txt': 'a\n',
      'b.txt': 'b\n',
      'c.txt': 'c\n',
      'd.txt': 'd\n',
    },
    dockerfile: lines(`
      FROM scratch
      COPY --chown=185:0 --chmod=0640 \\
          a.txt \\
          /opt/
      COPY \\
          b.txt \\
          /opt/
      COPY --chown=7:0 \\
          c.txt \\
          /opt/
      COPY --chmod=0755 \\
          d.txt \\
          /opt/
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: true,
  },
  {
    name: 'what is fetched by address or checksum like what is there',
    files: {
      'image.yaml': lines(`
        name: fetched
        version: '1'
        from: base:1
        artifacts:
          - url: https://example.com/dir/server.tar.gz?x=1
            name: server.tar.gz
            sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
          - name: lib.jar
            md5: D41D8CD98F00B204E9800998ECF8427E
            target: library.jar
            dest: /opt/lib
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      COPY \\
          library.jar \\
          /opt/lib/
      COPY \\
          server.tar.gz \\
          /tmp/artifacts/
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: false,
  },
  {
    name: "the image's artifact in the place of its module's, and once more",
    files: {
      'image.yaml': lines(`
        name: placeholder
        version: '1'
        from: base:1
        artifacts:
          - {name: server, path: server.bin, target: srv}
        modules:
          repositories: [{path: modules}]
          install: [{name: use}]
      `),
      'server.bin': 'server\n',
      'modules/use/module.yaml': lines(`
        name: use
        version: '1'
        artifacts:
          - {name: server, md5: d41d8cd98f00b204e9800998ecf8427e}
          - {name: own, path: own.bin}
        execute:
          - script: use.sh
      `),
      'modules/use/own.bin': 'own\n',
      'modules/use/use.sh': '#!/bin/sh\nset -e\ncp /tmp/artifacts/srv /server\ncp /tmp/artifacts/own /own\n',
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      COPY \\
          srv \\
          own \\
          /tmp/artifacts/
      COPY modules/use /tmp/scripts/use
      USER root
      RUN [ "sh", "-x", "/tmp/scripts/use/use.sh" ]
      COPY \\
          srv \\
          /tmp/artifacts/
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'files of an earlier stage and of another image',
    files: {
      'image.yaml': lines(`
        - name: tools
          version: '1'
          from: base:1
        - name: product
          version: '2'
          from: scratch
          artifacts:
            - {name: plain, path: a.txt, dest: /opt}
            - {name: shell, image: tools, path: /etc/passwd, dest: /data, target: users}
            - {image: 'quay.io/org/other:2.1', path: /usr/bin/tool, dest: /}
      `),
      'a.txt': 'a\n',
    },
    dockerfile: lines(`
      FROM base:1 AS tools
      USER root
      FROM scratch
      COPY \\
          plain \\
          /opt/
      COPY --from=tools /etc/passwd /data/users
      COPY --from=quay.io/org/other:2.1 /usr/bin/tool /tool
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: false,
  },
  {
    name: 'artifacts of a build system under the names they will have',
    files: {
      'image.yaml': lines(`
        name: osbs
        version: '1'
        from: scratch
        artifacts:
          - {name: p, pnc_build_id: '1', pnc_artifact_id: '2', target: p.jar}
          - {name: u, url: 'https://example.com/u.jar', md5: d41d8cd98f00b204e9800998ecf8427e}
          - {name: f, path: f.jar}
      `),
      'f.jar': 'f\n',
    },
    flags: { osbs: true },
    dockerfile: lines(`
      FROM scratch
      COPY \\
          artifacts/p.jar \\
          artifacts/u \\
          f \\
          /tmp/artifacts/
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: false,
  },
];
