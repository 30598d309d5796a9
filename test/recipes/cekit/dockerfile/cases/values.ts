import { type Case, lines } from './case.ts';

/** Environment, labels, arguments, ports, volumes and what runs: what their values become. */
export const valueCases: readonly Case[] = [
  {
    name: 'values as Python prints them, by name, with nothing dropped but what has no value',
    files: {
      'image.yaml': lines(`
        name: envs
        version: '1'
        from: scratch
        envs:
          - {name: Z_TEXT, value: hello}
          - {name: b_lower, value: x}
          - {name: A_INT, value: 12}
          - {name: C_FLOAT, value: 1.10}
          - {name: D_TRUE, value: true}
          - {name: E_FALSE, value: off}
          - {name: F_DATE, value: 2020-01-01}
          - {name: G_OCTAL, value: 012}
          - {name: H_ZERO, value: 0}
          - {name: I_EMPTY, value: ''}
          - {name: J_NULL, value: ~}
          - {name: K_NONE, example: only documented, anything: goes}
          - {name: L_LIST, value: [1, two]}
          - {name: M_BACKSLASH, value: 'C:\\dir\\new'}
      `),
    },
    dockerfile: lines(`
      FROM scratch
      ENV \\
          A_INT="12" \\
          b_lower="x" \\
          C_FLOAT="1.1" \\
          D_TRUE="True" \\
          E_FALSE="False" \\
          F_DATE="2020-01-01" \\
          G_OCTAL="10" \\
          H_ZERO="0" \\
          I_EMPTY="" \\
          L_LIST="[1, 'two']" \\
          M_BACKSLASH="C:\\dir\\new" \\
          Z_TEXT="hello"
      LABEL \\
          io.cekit.version="0.0.0"
    `),
    builds: true,
  },
  {
    name: 'quotes and dollars as text of a Dockerfile, and escaped where they would be none',
    files: {
      'image.yaml': lines(`
        name: quotes
        version: '1'
        from: base:1
        envs:
          - {name: A, value: outer}
          - {name: B, value: '$PATH:"/usr/local/s2i"'}
          - {name: C, value: 'say "hi"'}
          - {name: D, value: 'say "hi there"'}
          - {name: E, value: '\\$A'}
          - {name: F, value: '\${X:-d}$A'}
          - {name: G, value: "it's"}
        labels:
          - {name: greeting, value: 'say "hi" to $A'}
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      ENV \\
          A="outer" \\
          B="$PATH:"/usr/local/s2i"" \\
          C="say "hi"" \\
          D="say \\"hi there\\"" \\
          E="\\$A" \\
          F="\${X:-d}$A" \\
          G="it's"
      LABEL \\
          greeting="say "hi" to $A" \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'values that mean themselves where that is asked for',
    files: {
      'image.yaml': lines(`
        name: literal
        version: '1'
        from: base:1
        args: [{name: Q, value: '$A'}]
        envs:
          - {name: A, value: 'say "hi" for $5'}
          - {name: B, value: 'C:\\dir'}
        labels: [{name: l, value: '\${A}'}]
        run: {cmd: ['a", "b']}
      `),
    },
    flags: { literalValues: true },
    dockerfile: lines(`
      FROM base:1
      USER root
      ARG Q="\\$A"
      ENV \\
          A="say \\"hi\\" for \\$5" \\
          B="C:\\\\dir"
      LABEL \\
          io.cekit.version="0.0.0" \\
          l="\\\${A}"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
      CMD ["a\\", \\"b"]
    `),
    builds: true,
  },
  {
    name: 'line breaks, which it cannot express, as spaces',
    files: {
      'image.yaml': lines(`
        name: breaks
        version: '1'
        from: scratch
        description: |
          First line
          second line
        envs: [{name: A, value: "a\\nb"}]
        labels: [{name: n, value: "one\\n\\ntwo"}]
      `),
    },
    dockerfile: lines(`
      FROM scratch
      ENV \\
          A="a b"
      LABEL \\
          description="First line second line " \\
          io.cekit.version="0.0.0" \\
          n="one  two" \\
          summary="First line second line "
    `),
    builds: false,
  },
  {
    name: 'labels by name, with those that the descriptor has in the place of added ones',
    files: {
      'image.yaml': lines(`
        name: labels
        version: '1'
        from: scratch
        description: of the descriptor
        labels:
          - {name: Zebra, value: z}
          - {name: apple, value: a}
          - {name: description, value: of the label}
          - {name: apple, value: b}
          - {name: long, value: '${'x'.repeat(127)}#${'y'.repeat(140)}'}
      `),
    },
    dockerfile: lines(`
      FROM scratch
      LABEL \\
          apple="a" \\
          apple="b" \\
          description="of the label" \\
          io.cekit.version="0.0.0" \\
          long="${'x'.repeat(127)}#${'y'.repeat(140)}" \\
          summary="of the label" \\
          Zebra="z"
    `),
    builds: true,
  },
  {
    name: 'arguments with values, with empty ones and without',
    files: {
      'image.yaml': lines(`
        name: args
        version: '1'
        from: base:1
        args:
          - {name: Z, value: '1'}
          - {name: b, value: ''}
          - {name: A}
          - {name: N, value: ~}
        modules:
          repositories: [{path: modules}]
          install: [{name: m}]
      `),
      'modules/m/module.yaml': lines(`
        name: m
        version: '1'
        args: [{name: MB, value: $Z-}, {name: MA, value: ~}]
        envs: [{name: FROM_ARGS, value: '$MB$b'}]
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      ARG A
      ARG b=""
      ARG N
      ARG Z="1"
      ARG MA
      ARG MB="$Z-"
      ENV \\
          FROM_ARGS="$MB$b"
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'ports with their protocols, without those that are hidden',
    files: {
      'image.yaml': lines(`
        name: ports
        version: '1'
        from: scratch
        ports:
          - {value: 8443, service: https}
          - {value: 53, protocol: UDP}
          - {value: 8080, protocol: tcp}
          - {value: 9999, expose: false}
      `),
    },
    dockerfile: lines(`
      FROM scratch
      LABEL \\
          io.cekit.version="0.0.0"
      EXPOSE 8443 53/udp 8080
    `),
    builds: true,
  },
  {
    name: 'volumes one by one',
    files: {
      'image.yaml': lines(`
        name: volumes
        version: '1'
        from: base:1
        envs: [{name: DATA, value: /data}]
        volumes:
          - {path: /z, name: first}
          - {path: /a b}
          - {path: $DATA/x}
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      ENV \\
          DATA="/data"
      LABEL \\
          io.cekit.version="0.0.0"
      VOLUME ["/z"]
      VOLUME ["/a b"]
      VOLUME ["$DATA/x"]
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
    builds: true,
  },
  {
    name: 'what runs, with variables that are left to the container',
    files: {
      'image.yaml': lines(`
        name: run
        version: '1'
        from: base:1
        run:
          user: '185:0'
          workdir: /home/$NOBODY/x
          entrypoint: [/bin/echo, --x=$HOME]
          cmd: ['a\\tb', c d]
      `),
    },
    dockerfile: lines(`
      FROM base:1
      USER root
      LABEL \\
          io.cekit.version="0.0.0"
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER 185:0
      WORKDIR /home/$NOBODY/x
      ENTRYPOINT ["/bin/echo", "--x=$HOME"]
      CMD ["a\\tb", "c d"]
    `),
    builds: true,
  },
  {
    name: 'an empty command, and words with quotes as they are',
    files: {
      'image.yaml': lines(`
        name: words
        version: '1'
        from: scratch
        run: {user: ignored, workdir: /w, entrypoint: [say, '"hi"'], cmd: []}
      `),
    },
    dockerfile: lines(`
      FROM scratch
      LABEL \\
          io.cekit.version="0.0.0"
      WORKDIR /w
      ENTRYPOINT ["say", "\\"hi\\""]
      CMD []
    `),
    builds: true,
  },
];
