import { lines } from './dockerfile/cases/case.ts';

/** Where ashlar is not like CEKit on purpose. docs/cekit.md tells users of each of them. */
export interface Difference {
  readonly reason: string;
  /** What stands in the place of a statement of CEKit's. */
  readonly statements?: Readonly<Record<string, readonly string[]>>;
  /** The Dockerfile of what CEKit does not take. */
  readonly dockerfile?: string;
  /** What is said of what CEKit takes, or crashes over. */
  readonly error?: string;
}

function image(...statements: readonly string[]): string {
  return [
    'FROM fedora:40',
    'USER root',
    ...statements,
    'LABEL io.cekit.version=""',
    'USER root',
    'RUN rm -rf "/tmp/scripts" "/tmp/artifacts"',
    'USER root',
  ].join('\n');
}

export const differences: Readonly<Record<string, Difference>> = {
  'args-null-value': {
    reason: 'an argument of null has no value, wherever it is',
    statements: { 'ARG A="None"': ['ARG A'], 'ARG C="None"': ['ARG C'] },
  },
  'art-dir-sum': {
    reason: 'CEKit crashes',
    error: "artifact 'n' is a directory, which can have no checksum",
  },
  'art-dockerignore': {
    reason: 'artifacts do not collide with files that a build reads',
    statements: {
      'COPY .dockerignore /tmp/artifacts/': ['COPY artifacts/2/.dockerignore /tmp/artifacts/'],
    },
  },
  'art-good-sums': {
    reason: 'checksums are compared whatever the case of their letters',
    dockerfile: image('COPY n n2 /tmp/artifacts/'),
  },
  'art-plain-missing': {
    reason: 'loading fetches nothing: --dry-run fails later, and with the cause itself',
    dockerfile: image('COPY n /tmp/artifacts/'),
  },
  'art-reserved-target': {
    reason: 'artifacts do not collide with files that a build reads',
    statements: { 'COPY Containerfile /tmp/artifacts/': ['COPY artifacts/2/Containerfile /tmp/artifacts/'] },
  },
  'art-target-slash': {
    reason: 'a target may have directories in front of it',
    dockerfile: image('COPY b.txt /tmp/artifacts/a/'),
  },
  'env-values': {
    reason: 'empty, zero and false are values; a printed Dockerfile has spaces for line breaks',
    statements: {
      'ENV A_INT="12" b_lower="x" D_TRUE="True" H_QUOTE="say "hi"" I_DOLLAR="$HOME/${Z_STR}" J_NL="a': [
        'ENV A_INT="12" b_lower="x" B_ZERO="0" C_FALSE="False" D_TRUE="True" E_EMPTY="" H_QUOTE="say "hi"" ' +
          'I_DOLLAR="$HOME/${Z_STR}" J_NL="a b" K_FLOAT="1.1" L_DATE="2020-01-01" M_BS="C:\\dir\\new" Z_STR="hello"',
      ],
      'b" K_FLOAT="1.1" L_DATE="2020-01-01" M_BS="C:\\dir\\new" Z_STR="hello"': [],
    },
  },
  'label-nl': {
    reason: 'a printed Dockerfile has spaces for line breaks',
    statements: {
      'LABEL description="multi': [
        'LABEL description="multi line desc" io.cekit.version="" n="line1 line2" summary="multi line desc"',
      ],
      'line desc" io.cekit.version="" n="line1': [],
      'line2" summary="multi': [],
      'line desc"': [],
    },
  },
  'mod-repo-trailing-slash': {
    reason: 'a slash at the end of a path means nothing',
    dockerfile: image(),
  },
  'mod-scratch-exec': {
    reason: 'what cannot work is said before a build',
    error: "module 'a' cannot run 's.sh' in an image made from scratch",
  },
  'mod-unused-broken': {
    reason: 'a broken module that nobody uses is a warning',
    dockerfile: image(),
  },
  multi: {
    reason: 'a dest of / is printed plainly',
    statements: { 'COPY --from=b /x //a': ['COPY --from=b /x /a'] },
  },
  'multi-overrides': {
    reason: 'name and base of an override are for the target, so that stages still find each other',
    statements: {
      'FROM new:1 AS ov': ['FROM fedora:40 AS b'],
      'COPY --from=b /x //a': ['COPY --from=b /x /a'],
    },
  },
  'osbs-full': {
    reason: 'OSBS cannot fetch a file of this machine: it is verified and copied along',
    statements: {
      'COPY artifacts/u artifacts/p.jar /tmp/artifacts/': ['COPY u artifacts/p.jar /tmp/artifacts/'],
    },
  },
  'ov-artifact-module': {
    reason: "an override's artifact keeps dest and target of the module's that it takes the place of",
    statements: { 'COPY j /tmp/artifacts/': ['COPY j.jar /opt/j/'] },
  },
  'pkg-apt-get': {
    reason: 'one apt-get update is enough for all that a section does',
    statements: {
      'RUN : && apt-get update && apt-get --no-install-recommends remove -y c && apt-get update && apt-get --no-install-recommends install -y a b=1.0 && dpkg-query --list a b && apt-get update && apt-get --no-install-recommends --reinstall install -y d && dpkg-query --list d && :':
        [
          'RUN : && apt-get update && apt-get --no-install-recommends remove -y c && apt-get --no-install-recommends install -y a b=1.0 && dpkg-query --list a b && apt-get --no-install-recommends --reinstall install -y d && dpkg-query --list d && :',
        ],
    },
  },
  ports: {
    reason: 'ports have their protocols',
    statements: { 'EXPOSE 8080 53': ['EXPOSE 8080/udp 53'] },
  },
  'repo-url': {
    reason: 'CEKit forgets the names of the files that it removes',
    statements: { 'RUN rm # Define the user': ['RUN rm -f "/etc/yum.repos.d/my_repo.repo"'] },
  },
  'top-null-modules': {
    reason: 'a section without value is an empty section',
    dockerfile: lines(`
      FROM x
      USER root
      LABEL io.cekit.version=""
      USER root
      RUN rm -rf "/tmp/scripts" "/tmp/artifacts"
      USER root
    `),
  },
};
