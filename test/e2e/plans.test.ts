import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Text, Variable } from '../../src/plan/types.ts';
import { has } from '../support/tools.ts';
import { readImage } from './images.ts';
import { buildImages, configStep, execStep, imagePlan } from './plans.ts';
import { busyboxRoot, packTar, umoci } from './roots.ts';
import { outputAsRoot, useWorkspace } from './support.ts';

const workspace = useWorkspace();
const base = join(workspace.path, 'base');

beforeAll(() => {
  const directory = join(workspace.path, 'root');
  mkdirSync(directory);
  busyboxRoot(directory);
  const root = join(directory, 'busybox');
  for (const name of ['dev', 'proc', 'run', 'sys', 'home/app', 'out'])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ['hosts', 'hostname', 'resolv.conf']) writeFileSync(join(root, 'etc', name), '');
  writeFileSync(
    join(root, 'etc/passwd'),
    [
      'root:x:0:0:root:/root:/bin/sh',
      'app:x:1000:1500::/home/app:/bin/false',
      'homeless:x:1001:1001::/nowhere:/bin/sh',
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(root, 'etc/group'),
    'root:x:0:\nwheel:x:10:root,app\nmain:x:1500:\nextra:x:20:app,homeless\nother:x:30:app\n',
  );
  const tar = join(directory, 'base.tar');
  packTar(root, tar, '--mode=a+rwX');
  const image = ['--image', `${base}:latest`];
  umoci('init', '--layout', base);
  umoci('new', ...image);
  umoci('raw', 'add-layer', ...image, tar);
  umoci('config', ...image, '--config.env', 'PATH=/bin', '--config.env', 'INHERITED=base');
});

const variable = (name: string, rest: Partial<Variable> = {}): Variable => ({ variable: name, ...rest });
const word = (text: Text, alsoEmpty: boolean) => ({ text, alsoEmpty });

/** As a Dockerfile has it, and as a plan has it. */
const texts: readonly (readonly [string, Text])[] = [
  ['$SET', [variable('SET')]],
  ['${SET}x', [variable('SET'), 'x']],
  ['$INHERITED', [variable('INHERITED')]],
  ['$NOWHERE', [variable('NOWHERE')]],
  ['$EMPTY', [variable('EMPTY')]],
  ['${SET:-d}', [variable('SET', { otherwise: word('d', true) })]],
  ['${EMPTY:-d}', [variable('EMPTY', { otherwise: word('d', true) })]],
  ['${NOWHERE:-$SET}', [variable('NOWHERE', { otherwise: word([variable('SET')], true) })]],
  ['${SET:+i}', [variable('SET', { instead: word('i', true) })]],
  ['${EMPTY:+i}', [variable('EMPTY', { instead: word('i', true) })]],
  ['${NOWHERE:+i}', [variable('NOWHERE', { instead: word('i', true) })]],
  ['$BOTH', [variable('BOTH')]],
  ['$ARGUMENT', [variable('ARGUMENT')]],
  ['$PATH', [variable('PATH')]],
];

/** Who runs, as Dockerfiles say it. */
const users = ['root', 'app', '1000', 'app:other', 'app:77', '1001', 'homeless', '4242', '4242:wheel', '0:0'];

const report = (name: string) =>
  `(id -u; id -g; id -G; echo "$HOME"; pwd; echo "$SET $BOTH $ARGUMENT $LATER") > /out/${name}`;

describe.runIf(has('buildah', 'umoci'))('a plan', () => {
  it('means what its Dockerfile means to buildah', async () => {
    const dockerfile = [
      `FROM oci:${base}:latest`,
      'ENV SET=value EMPTY= BOTH=environment',
      'ARG BOTH=argument',
      'ARG ARGUMENT=$SET.argument',
      ...texts.map(([text], i) => `LABEL text${i}="${text}"`),
      'ENV SET=second OTHER=$SET',
      'WORKDIR /made/by',
      'WORKDIR workdir',
      ...users.flatMap((user, i) => [`USER ${user}`, `RUN ${report(`user${i}`)}`]),
      'ENV LATER=$ARGUMENT',
      'EXPOSE 8080 53/udp',
      'VOLUME ["/data/$SET"]',
      'USER ${NOWHERE:-app}',
    ];
    const steps = [
      configStep({
        environment: [
          ['SET', 'value'],
          ['EMPTY', ''],
          ['BOTH', 'environment'],
        ],
      }),
      configStep({}, { buildArguments: [['BOTH', 'argument']] }),
      configStep({}, { buildArguments: [['ARGUMENT', [variable('SET'), '.argument']]] }),
      ...texts.map(([, text], i) => configStep({ labels: { [`text${i}`]: text } })),
      configStep({
        environment: [
          ['SET', 'second'],
          ['OTHER', [variable('SET')]],
        ],
      }),
      configStep({ workingDir: '/made/by' }, { makeWorkingDir: true }),
      configStep({ workingDir: 'workdir' }, { makeWorkingDir: true }),
      ...users.map((user, i) => execStep(['/bin/sh', '-c', report(`user${i}`)], user)),
      configStep({ environment: [['LATER', [variable('ARGUMENT')]]] }),
      configStep({ ports: ['8080/tcp', '53/udp'] }),
      configStep({ volumes: [['/data/', variable('SET')]] }),
    ];
    const project = workspace.project();
    const image = imagePlan('app', `${base}:latest`, { steps });
    await buildImages(project.path, [
      {
        ...image,
        config: { ...image.config, user: [variable('NOWHERE', { otherwise: word('app', true) })] },
      },
    ]);
    const buildah = join(project.path, 'buildah');
    mkdirSync(buildah);
    writeFileSync(join(buildah, 'Dockerfile'), dockerfile.join('\n'));
    await buildWithBuildah(buildah);

    const [ours, theirs] = [project.oci, join(buildah, 'oci')].map(
      oci => readImage(oci, 'app').config.config,
    );
    expect(sorted(ours)).toEqual(sorted(theirs));
    const trees = await Promise.all([project.unpack('app'), project.unpack('app', join(buildah, 'oci'))]);
    const [found, wanted] = await Promise.all(
      trees.map(tree =>
        outputAsRoot('sh', [
          '-c',
          'cd $0/out; tail -n +1 *; stat -c "%a %u:%g %n" ../made ../made/by ../made/by/workdir',
          tree,
        ]),
      ),
    );
    expect(found).toBe(wanted);
  });
});

function sorted(config: object = {}): object {
  const entries = Object.entries(config).filter(([, value]) => value !== null);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.toSorted() : value]),
  );
}

async function buildWithBuildah(directory: string): Promise<void> {
  const at = (name: string) => join(directory, name);
  const storage = ['--storage-driver=vfs', `--root=${at('storage')}`, `--runroot=${at('run')}`];
  const options = ['--runtime=runc', 'bud', '--isolation=chroot', '--identity-label=false'];
  await outputAsRoot('buildah', [...storage, ...options, `--tag=oci:${at('oci')}:app`, directory]);
}
