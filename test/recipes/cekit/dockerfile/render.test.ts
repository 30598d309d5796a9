import { spawnSync } from 'node:child_process';
import { DockerfileParser } from 'dockerfile-ast';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderDockerfile } from '../../../../src/recipes/cekit/dockerfile/render.ts';
import type { Description } from '../../../../src/recipes/cekit/model.ts';
import { at, located, pathArtifact, section, stage } from '../stage.ts';

const options = { version: '0.0.0', layers: 'one', literalValues: false, osbs: false } as const;
const render = (description: Description) => renderDockerfile(description, options);

describe('a printed Dockerfile', () => {
  it('is laid out as CEKit lays it out', () => {
    const description: Description = {
      builders: [stage({ name: located('b'), image: section({ name: 'b' }) })],
      target: stage({
        manager: 'dnf',
        args: [{ name: located('A') }],
        modules: [
          section({
            name: 'm',
            version: '2',
            directory: '/work/modules/m',
            install: [located('p')],
            execute: [{ script: located('s.sh'), user: located('5') }],
          }),
        ],
        image: section({
          artifacts: [pathArtifact('/work/a', 'a'), pathArtifact('/work/b', 'b')],
          volumes: [
            { path: located('/x'), name: 'x' },
            { path: located('/y'), name: 'y' },
          ],
        }),
        run: { workdir: located('/w') },
      }),
    };
    expect(render(description)).toBe(`# This is a Dockerfile for the org/image:1.0 image.

## START builder image b:1.0
## \\
    FROM base:1 AS b
    USER root

###### START image 'b:1.0'
###### \\
###### /
###### END image 'b:1.0'
## /
## END builder image

## START target image org/image:1.0
## \\
    FROM base:1
    USER root
        ARG A

###### START module 'm:2'
###### \\
        # Copy 'm' module content
        COPY modules/m /tmp/scripts/m
        # Switch to 'root' user for package management for 'm' module defined packages
        USER root
        RUN : \\
        # Install packages defined in the 'm' module
        && dnf --setopt=tsflags=nodocs install -y p \\
            && rpm -q p \\
        && :
        # Custom scripts from 'm' module
        USER 5
        RUN [ "sh", "-x", "/tmp/scripts/m/s.sh" ]
###### /
###### END module 'm:2'

###### START image 'org/image:1.0'
###### \\
        # Copy 'org/image' image general artifacts to '/opt/' destination
        COPY \\
            a \\
            b \\
            /opt/
        # Set 'org/image' image defined labels
        LABEL \\
            io.cekit.version="0.0.0"
        # Volumes defined in the 'org/image' image
        VOLUME ["/x"]
        VOLUME ["/y"]
###### /
###### END image 'org/image:1.0'

    # Switch to 'root' user and remove artifacts and modules
    USER root
    RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
    # Clear package manager metadata
    RUN dnf clean all \\
    && rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf"
    # Define the user
    USER root
    # Define the working directory
    WORKDIR /w
## /
## END target image
`);
  });

  it('says above a statement that line breaks in it are lost', () => {
    const envs = [{ name: located('A'), value: located('a\nb') }];
    const text = render({ builders: [], target: stage({ image: section({ envs }) }) });
    expect(text).toContain(`        # Set 'org/image' image defined environment variables
        # A Dockerfile cannot express the line breaks in the following values: they became spaces
        ENV \\
            A="a b"
`);
    expect(text.match(/cannot express/g)).toHaveLength(1);
  });

  it('joins the lines of a value that goes on after a backslash, as a Dockerfile does', () => {
    const envs = [{ name: located('A'), value: located('a\\\nb') }];
    const text = render({ builders: [], target: stage({ image: section({ envs }) }) });
    expect(text).toContain('A="ab"');
    expect(text).not.toContain('cannot express');
  });

  it('never lets a name end a comment or a statement', () => {
    const name = 'x\nRUN evil';
    const target = stage({ name: located(name), from: located(name), image: section({ name }) });
    for (const line of render({ builders: [], target }).split('\n')) expect(line).not.toMatch(/^\s*RUN evil/);
  });

  it('removes repositories whatever a shell would make of their names', () => {
    const fileName = 'a"_$(b)_`c`_\\.repo';
    const repository = { kind: 'url', name: 'r', fileName, url: 'https://h/r.repo', at } as const;
    const text = render({ builders: [], target: stage({ repositories: [repository] }) });
    const [, command = ''] = /RUN (rm -f .*)/.exec(text) ?? [];
    const shell = spawnSync('sh', ['-c', `rm() { printf '%s\\n' "$@"; }; ${command}`], { encoding: 'utf8' });
    expect(shell.stdout).toBe(`-f\n/etc/yum.repos.d/${fileName}\n`);
  });

  it('has the same statements whatever is in values', () => {
    const value = fc.string({
      unit: fc.constantFrom('"', "'", '\\', '\n', '\r', ' ', '#', '$', '=', '[', 'R'),
    });
    fc.assert(
      fc.property(value, value, value, value, (env, label, path, word) => {
        const text = render({
          builders: [],
          target: stage({
            description: located(`d${label}`),
            image: section({
              artifacts: [pathArtifact('/a', 'a', `/x${path}/`)],
              envs: [{ name: located('A'), value: located(env) }],
              labels: [{ name: located('l'), value: located(label) }],
              volumes: [{ path: located(`/${path}`), name: 'x' }],
            }),
            run: { workdir: located(`/${path}`), cmd: [located(word)] },
          }),
        });
        const keywords = DockerfileParser.parse(text)
          .getInstructions()
          .map(instruction => instruction.getKeyword());
        expect(keywords.join(' ')).toBe('FROM USER COPY ENV LABEL VOLUME USER RUN USER WORKDIR CMD');
      }),
    );
  });

  it.each(['', 'a b', 'a\tb'])('refuses %j as the name of a label', name => {
    const labels = [{ name: located(name), value: located('x') }];
    const target = stage({ image: section({ labels }) });
    expect(() => render({ builders: [], target })).toThrow('cannot be the name of a label');
  });

  it('takes space before a name for indentation, as the parser of a Dockerfile does', () => {
    const names = [' B', 'A', '\tC'].map(name => ({ name: located(name), value: located('x') }));
    const text = render({ builders: [], target: stage({ image: section({ envs: names }) }) });
    expect(text).toMatch(/ENV \\\n +C="x" \\\n +B="x" \\\n +A="x"\n/);
  });

  it.each(['..', '/', 'a/..'])('refuses %j as the target of an artifact', target => {
    const image = section({ artifacts: [pathArtifact('/work/a', target)] });
    expect(() => render({ builders: [], target: stage({ image }) })).toThrow('cannot be the name of a file');
  });
});
