import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BuildOptions } from '../../src/engine/context.ts';
import { ImageSender } from '../../src/oci/index.ts';
import type { CopyStep, ExecStep, Step, Text, Variable } from '../../src/plan/types.ts';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { buildWithBuildah, configOf, prepareForBuildah } from './buildah.ts';
import {
  at,
  type Built,
  buildImages,
  configStep,
  execStep,
  explained,
  imagePlan,
  noChange,
} from './plans.ts';
import { changedBusybox, umoci } from './roots.ts';
import { output, outputAsRoot, useWorkspace } from './support.ts';

const workspace = useWorkspace();
const base = join(workspace.path, 'base');

beforeAll(() => {
  const reference = `${base}:latest`;
  const change = (root: string) => {
    prepareForBuildah(root);
    for (const name of ['home/app', 'out']) mkdirSync(join(root, name), { recursive: true });
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
  };
  changedBusybox(workspace, reference, change, '--mode=a+rwX');
  umoci('config', '--image', reference, '--config.env', 'PATH=/bin', '--config.env', 'INHERITED=base');
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
const users = ['root', 'app', '1000', 'app:other', '1001', '4242:wheel'];

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
    await buildWithBuildah(buildah, buildah, `${join(buildah, 'oci')}:app`);

    expect(configOf(project.oci, 'app')).toEqual(configOf(join(buildah, 'oci'), 'app'));
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

describe.runIf(has('umoci', 'busybox'))('a command of a plan', () => {
  const sh = (script: string, user = 'app', rest: Partial<ExecStep> = {}) =>
    execStep(['sh', '-xc', script], user, rest);
  const image = (...steps: readonly Step[]) => imagePlan('app', `${base}:latest`, { steps });
  const stepsOf = ({ events }: Built) =>
    events.flatMap(event => (event.kind === 'step-finished' ? [event.cached] : []));

  it('runs again when what it sees has changed, and only then', async () => {
    const project = workspace.project();
    const label = (value: Text) => configStep({ labels: { l: value } });
    const variables = (value: string) => configStep({ environment: [['V', value]] });
    const command = sh('echo $http_proxy $SEEN > /out/f', 'root', { passThrough: ['http_proxy', 'SEEN'] });
    const plan = (v: string, l: Text) => image(variables(v), label(l), command);
    const host = { http_proxy: 'one', SEEN: 'one' };
    const build = async (v: string, l: Text, environment: object) =>
      stepsOf(await buildImages(project.path, [plan(v, l)], { environment: { ...host, ...environment } }));

    expect(await build('v', 'l', {})).toEqual([true, true, false]);
    expect(await build('v', 'l', {})).toEqual([true, true, true]);
    expect(await project.fileOf('app', 'out/f')).toBe('one one\n');
    // How the network is reached is no matter of the image.
    expect(await build('v', 'l', { http_proxy: 'two' })).toEqual([true, true, true]);
    expect(await explained(project.path, plan('w', [variable('V')]), { environment: host })).toEqual([
      'step 1 (config of environment): environment V: "v" -> "w"',
      'step 2 (config of labels): label l: "l" -> "w"',
      'step 3 (exec): environment V: "v" -> "w"',
    ]);
    expect(await build('v', 'other', {})).toEqual([true, true, true]);
    expect(project.image('app').config.config?.Labels).toEqual({ l: 'other' });
    expect(await build('v', 'l', { SEEN: 'two' })).toEqual([true, true, false]);
    expect(await explained(project.path, plan('v', 'l'), { environment: host })).toEqual([
      'step 3 (exec): environment SEEN: "two" -> "one"',
      'step 3 (exec): known from an earlier build',
    ]);
  });

  it('makes a working directory once', async () => {
    const project = workspace.project();
    const plan = image(configStep({ workingDir: '/a/b' }, { makeWorkingDir: true }), sh('pwd > /out/pwd'));
    expect(stepsOf(await buildImages(project.path, [plan]))).toEqual([false, false]);
    expect(await explained(project.path, plan)).toEqual([]);
    expect(stepsOf(await buildImages(project.path, [plan]))).toEqual([true, true]);
    expect(project.image('app').names(1)).toEqual(['/', 'a/', 'a/b/']);
  });

  it('does not wait for an image that only later steps copy from', async () => {
    const project = workspace.project();
    // It talks to us as long as the other image has not done its command.
    const done = Promise.withResolvers<void>();
    await using server = createServer(
      { allowHalfOpen: true },
      socket => void done.promise.then(() => socket.end('done\n')),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const other = imagePlan('other', `${base}:latest`, {
      steps: [sh(`nc 127.0.0.1 ${port} < /dev/null > /out/f; cat /out/f`)],
      emit: false,
    });
    const copy: CopyStep = {
      kind: 'copy',
      items: [
        {
          source: { kind: 'image', image: 'other', path: '/out/f', at },
          target: '/f',
          keep: 'content',
          uid: 0,
          gid: 0,
          at,
        },
      ],
      createdBy: 'copy',
      at,
    };
    const plan = image(sh('echo > /out/own'), copy, sh('cat /f > /out/seen'));
    const { events } = await buildImages(project.path, [other, plan], {}, event => {
      if (event.kind === 'step-finished' && event.image === 'app') done.resolve();
    });
    expect(await project.fileOf('app', 'out/seen')).toBe('done\n');
    expect(events.flatMap(event => (event.kind === 'step-finished' ? [event.image] : []))).toEqual([
      'app',
      'other',
      'app',
      'app',
    ]);
    expect(stepsOf(await buildImages(project.path, [other, plan], { jobs: 1 }))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('tells what went wrong', async () => {
    const project = workspace.project();
    const fail = async (step: ExecStep, options: Partial<BuildOptions> = {}) => {
      const messages: string[] = [];
      const error = await buildImages(
        project.path,
        [image(configStep({ workingDir: '/w' }), step)],
        options,
        event => {
          if (event.kind === 'message') messages.push(event.text);
        },
      ).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return { error, messages };
    };
    expect(await fail(sh('true; exit 7'))).toMatchObject({
      error: {
        message: 'command failed: exit status 7',
        hint: expect.stringContaining('the last command was: exit 7'),
      },
    });
    expect(await fail(sh('true', 'nobody'))).toMatchObject({
      error: { message: 'there is no user "nobody" in /etc/passwd of the image', at: { file: 'plan' } },
    });
    expect(await fail(execStep(['nothing-of-that-name']))).toMatchObject({
      error: { message: expect.stringContaining("could not start 'nothing-of-that-name'") },
    });
    // A shell that looks at the failure is who and where the command was.
    const look = ['sh', '-c', 'test "$(id -u)$PWD" = 1000/w && test -e /out/left && exit 42'];
    expect((await fail(sh('echo > /out/left; false'), { onRunFailure: look })).messages).toContain(
      `failed executing ${look.join(' ')}: exit status 42`,
    );
  });
});

describe.runIf(has('skopeo', 'umoci', 'buildah', 'docker-registry'))('names of images', () => {
  const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };

  it('may have slashes and colons, and several stand for one image', async () => {
    const project = workspace.project();
    const tags = ['some/app:12', 'some/app:latest'];
    const steps = [configStep({ workingDir: '/work' }, { makeWorkingDir: true })];
    const { events } = await buildImages(project.path, [imagePlan('app', undefined, { tags, steps })]);
    expect(project.tags()).toEqual(tags);
    const [finished] = events.filter(event => event.kind === 'image-finished');
    expect(finished?.tags.map(({ tag, manifest }) => [tag, manifest.digest])).toEqual(
      tags.map(tag => [tag, project.image(tag).digest]),
    );
    const source = `oci:${project.oci}:some/app:12`;
    expect(JSON.parse(await output('skopeo', ['inspect', source]))).toMatchObject({ Architecture: 'amd64' });
    expect(await output('umoci', ['ls', '--layout', project.oci])).toBe(`${tags.join('\n')}\n`);
    const places = ['root', 'runroot'].map(name => `--${name}=${project.at('storage', name)}`);
    const id = (
      await outputAsRoot('buildah', ['--storage-driver=vfs', ...places, 'pull', '--quiet', source])
    ).trim();
    expect(`sha256:${id}`).toBe(project.image('some/app:12').manifest.config.digest);
  });

  it('stand for an index where images for different platforms have them in common', async () => {
    const project = workspace.project();
    const tags = ['some/app:12'];
    const images = [
      imagePlan('one', undefined, { tags }),
      imagePlan('other', undefined, { config: { ...noChange, labels: { of: 'other' } } }),
      imagePlan('two', undefined, { tags, platform: arm }),
    ];
    await buildImages(project.path, images);
    expect(project.tags()).toEqual(['other', 'some/app:12']);
    const source = `oci:${project.oci}:some/app:12`;
    const raw = await output('skopeo', ['inspect', '--raw', source]);
    const platforms = [{ os: 'linux', architecture: 'amd64' }, arm];
    expect(JSON.parse(raw)).toMatchObject({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: platforms.map(platform => ({ platform })),
    });

    const written = project.modified('oci', 'index.json');
    expect((await buildImages(project.path, images)).images.map(({ cached }) => cached)).toEqual([
      true,
      true,
      true,
    ]);
    expect(project.modified('oci', 'index.json')).toBe(written);

    await using registry = await startRegistry();
    const sender = new ImageSender({ insecure: true });
    const from = { transport: 'oci', path: project.oci, tag: 'some/app:12' } as const;
    const to = { transport: 'docker', registry: registry.host, repository: 'some/app', tag: '12' } as const;
    await sender.send(from, to);
    await sender.send(from, { transport: 'oci', path: project.at('copy'), tag: 'app:12' });
    const remote = [`docker://${registry.host}/some/app:12`, '--tls-verify=false'];
    expect(await output('skopeo', ['inspect', '--raw', ...remote])).toBe(raw);
    for (const [place, flags] of [
      [remote[0] ?? '', ['--tls-verify=false']],
      [`oci:${project.at('copy')}:app:12`, []],
    ] as const) {
      const chosen = [
        '--override-arch=arm64',
        '--override-variant=v8',
        'inspect',
        '--config',
        ...flags,
        place,
      ];
      expect(JSON.parse(await output('skopeo', chosen))).toMatchObject({ architecture: 'arm64' });
    }
    const shown = await project.ashlar(['inspect', 'some/app:12']);
    expect(shown.stdout).toMatch(/^some\/app:12 \(linux\/amd64\)$.*^some\/app:12 \(linux\/arm64\/v8\)$/ms);
  });
});
