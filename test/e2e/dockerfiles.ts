/** Dockerfiles of many kinds, each with its build context. `BASE` stands for the image to build on. */
import { execFileSync } from 'node:child_process';
import { chmodSync, symlinkSync } from 'node:fs';
import type { Project } from './support.ts';

export interface Example {
  readonly title: string;
  readonly dockerfile: string;
  /** The same for a tool that does not know heredocs yet. */
  readonly older?: string;
  readonly context: (project: Project) => void;
  /** What a stacker file cannot say, as it is in the image of the Dockerfile. */
  readonly lost?: Readonly<Record<string, unknown>>;
}

/** A program of the context and how it is started, in both forms of one example. */
const PROGRAM = `\
COPY hello /bin/hello
WORKDIR /bin
VOLUME ["/data", "/more data"]
EXPOSE 80 443/udp
STOPSIGNAL SIGINT
ENTRYPOINT hello "$WHO"
`;

export const examples: readonly Example[] = [
  {
    title: 'an application that is copied, prepared and copied again',
    dockerfile: `
FROM BASE
LABEL maintainer="somebody <somebody@example.org>"
WORKDIR /srv/app
COPY package.list ./
RUN sort package.list > package.lock \\
  # a comment between the lines
  && mkdir -p /var/cache/app && \\

  echo done > /var/cache/app/state
COPY . .
RUN ls -A > .listing && cat src/main.sh | wc -l >> .listing
CMD ["sh", "src/main.sh"]
`,
    context(project) {
      project.write('package.list', 'b\na\n');
      project.write('src/main.sh', '#!/bin/sh\necho hello\n', 0o755);
      project.write('src/deep/er/data.txt', 'data\n', 0o640);
      project.write('src/deep/note.md', 'left out\n');
      project.write('node_modules/x/index.js', 'left out\n');
      project.write('secret.key', 'left out\n');
      project.write('public.key', 'let in\n');
      project.write(
        '.dockerignore',
        '# what no image needs\nDockerfile\nnode_modules\n**/*.md\n*.key\n!public.key\nunpacked*\n',
      );
    },
  },
  {
    title: 'stages that copy from each other',
    dockerfile: `
ARG FLAVOUR=plain
FROM BASE AS build
ARG FLAVOUR
WORKDIR /src
COPY lib lib/
RUN mkdir -p out/bin out/lib && echo "tool $FLAVOUR" > out/bin/tool && chmod 755 out/bin/tool \\
  && for i in 1 2 3; do echo $i > out/lib/part$i.so; done && ln -s part1.so out/lib/part.so \\
  && chmod 700 out/lib

FROM build AS more
RUN echo more > out/bin/more

FROM BASE
COPY --from=build /src/out/bin/tool /usr/local/bin/
COPY --from=build /src/out/lib/*.so /opt/lib/
COPY --from=more /src/out/bin /opt/bin/
COPY --from=0 /src/out/bin/tool /opt/renamed
COPY --from=build --chown=1000:1001 /src/lib /opt/src
COPY --from=BASE /etc/passwd /opt/passwd.copy
RUN /bin/cat /usr/local/bin/tool > /opt/check
WORKDIR /opt/src
RUN --mount=type=cache,target=/var/cached --mount=type=tmpfs,target=/opt/temporary \\
  echo a > /var/cached/a; echo b > /opt/temporary/b; ls /var/cached >> /opt/check
RUN --mount=type=bind,source=lib,target=/opt/bound --mount=from=more,source=/src/out/bin,target=/opt/more \\
  cat /opt/bound/a.txt /opt/bound/sub/b.txt /opt/more/more >> /opt/check
`,
    context(project) {
      project.write('lib/a.txt', 'a\n');
      project.write('lib/sub/b.txt', 'b\n', 0o600);
    },
  },
  {
    title: 'variables, directories, users and shells',
    dockerfile: `
ARG NAME=world
ARG GREETING="hello \${NAME}"
FROM BASE
ARG GREETING
ARG VERSION=1.10
ARG UNSET
ENV GREETED=$GREETING PATH=/opt/tools:$PATH
ENV OLD form with "quotes" and $VERSION
ENV A=1 B=\${VERSION:-none} C=\${UNSET:-fallback} D=\${VERSION:+there} E='$A single' F="\\$A" G=a\\ b
ENV A=2 H=$A
WORKDIR /work
WORKDIR deeper
WORKDIR \${VERSION}
RUN echo "$GREETING|$VERSION|$A|$H|\${UNSET:-set}|$0" > shell.txt; false; echo 'single $VERSION "x"' >> shell.txt
RUN ["sh", "-c", "echo \\"$VERSION\\" '$0' > exec.txt", "it's"]
RUN printf '%s\\n' "$HOME" "$PATH" 'a\\tb' "\`echo back\`" "$(pwd)" \\
    "two  spaces" > words.txt # a comment
ENV VERSION=shadow
RUN echo $VERSION > shadow.txt
USER app
WORKDIR mine/below
RUN id -u > id.txt; id -g >> id.txt; echo ~ "$HOME" "$A" 'it'"'"'s' >> id.txt
USER 1234
RUN id -u > /tmp/1234; id -g >> /tmp/1234; echo $HOME >> /tmp/1234
USER 1001:app
RUN id -u > /tmp/1001; id -g >> /tmp/1001; echo $HOME >> /tmp/1001
USER app
SHELL ["/bin/busybox", "ash", "-e", "-c"]
RUN echo "$0 $-" > /tmp/ash; echo more >> /tmp/ash
USER root
RUN echo "$0" > /tmp/root-ash
USER app:other
SHELL ["/bin/sh", "-c"]
CMD echo $VERSION
`,
    context() {},
  },
  {
    title: 'copies with owners and permissions, links, patterns and archives',
    dockerfile: `
FROM BASE
COPY one.txt /target
COPY one.txt /var/tmp
COPY ["with space.txt", "one.txt", "/spaced dir/"]
COPY *.txt d[ab]/x? /globbed/
COPY tree /tree
COPY tree/ /slash/
RUN mkdir /prepared
COPY --chown=app:other tree/sub /owned/
COPY --chown=1000 one.txt /numbered/
COPY --chown=app one.txt link.txt /named/
COPY --chmod=0640 one.txt /moded
COPY link.txt /followed
ADD bundle.tar.gz /unpacked/
ADD plain.tar /
ADD broken.tar.gz /kept/
RUN find /tree /owned -exec ls -ld {} + | wc -l > /count
COPY tree/sub/inner /tree/sub/
`,
    context(project) {
      project.write('one.txt', 'one\n', 0o644);
      project.write('with space.txt', 'space\n', 0o755);
      project.write('da/x1', '1\n');
      project.write('db/x2', '2\n');
      project.write('dc/x3', '3\n');
      project.write('tree/sub/inner/file', 'file\n', 0o755);
      project.write('tree/private/file', 'private\n', 0o600);
      chmodSync(project.at('tree/private'), 0o700);
      symlinkSync('sub/inner/file', project.at('tree/link'));
      symlinkSync('nowhere', project.at('tree/dangling'));
      symlinkSync('one.txt', project.at('link.txt'));
      const pack = (name: string, ...options: readonly string[]) =>
        execFileSync('tar', [
          '-C',
          project.at('tree'),
          '--owner=0',
          '--group=0',
          ...options,
          '-cf',
          project.at(name),
          'sub',
        ]);
      pack('bundle.tar.gz', '-z');
      pack('plain.tar');
      project.write('broken.tar.gz', 'no archive\n');
    },
  },
  {
    title: 'nothing below, with labels, an entry point and heredocs',
    dockerfile:
      `
# syntax=docker/dockerfile:1
# escape=\`
FROM scratch
MAINTAINER somebody <somebody@example.org>
ARG WHO=you
LABEL "com.example.text"="two words" com.example.line="one ` +
      '`' +
      `
  line" version=1.10
LABEL com.example.who=$WHO
COPY <<EOF <<-'RAW' /etc/texts/
hello $WHO
EOF
	\${untouched}
	RAW
${PROGRAM}`,
    older: `
FROM scratch
MAINTAINER somebody <somebody@example.org>
LABEL "com.example.text"="two words" com.example.line="one   line" version=1.10
LABEL com.example.who=you
COPY EOF RAW /etc/texts/
${PROGRAM}`,
    context(project) {
      project.write('hello', '#!/bin/true\n', 0o755);
      // What the heredocs hold, for the tool that does not know them.
      project.write('EOF', 'hello you\n');
      project.write('RAW', '${untouched}\n');
    },
    lost: { ExposedPorts: { '80/tcp': {}, '443/udp': {} }, StopSignal: 'SIGINT' },
  },
];
