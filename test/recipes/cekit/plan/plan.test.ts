import { describe, expect, it } from 'vitest';
import type { Lock } from '../../../../src/recipes/cekit/lock.ts';
import type { Artifact, Section } from '../../../../src/recipes/cekit/model.ts';
import { at, located, pathArtifact, section } from '../stage.ts';
import { outline, planned, plannedImage } from './planning.ts';

const pair = (name: string, value: string) => ({ name: located(name), value: located(value) });

const fromStage = (image: string, path: string, target: string, dest = '/bin/'): Artifact => ({
  ...{ kind: 'image', name: target, target, dest, at },
  ...{ image: located(image), path: located(path) },
});

const scripted = (name: string, parts: Partial<Section> = {}): Section =>
  section({
    name,
    directory: `/work/modules/${name}`,
    execute: [{ script: located('go.sh'), user: located('root') }],
    ...parts,
  });

describe('the plan of a descriptor', () => {
  it('is one image of files, environment and labels on nothing', async () => {
    const { plan } = await planned([
      {
        name: located('cekit-scratch'),
        from: located('scratch'),
        description: located('Minimal scratch example'),
        image: section({
          artifacts: [
            pathArtifact('/work/metadata/a.txt', 'file1', '/files/'),
            pathArtifact('/', 'dir', '/target/'),
          ],
          envs: [pair('CEKIT_TEST', 'test')],
          labels: [pair('io.cekit.test', 'a label')],
        }),
      },
    ]);
    expect(plan.images).toMatchObject([
      {
        name: 'cekit-scratch',
        base: { kind: 'scratch' },
        tags: ['cekit-scratch:1.0', 'cekit-scratch:latest'],
        emit: true,
        steps: [
          {
            kind: 'copy',
            items: [
              {
                source: { kind: 'file', path: '/work/metadata/a.txt', follow: true },
                ...{ target: '/files/file1', keep: 'attributes', uid: 0, gid: 0 },
              },
              {
                source: { kind: 'file', path: '/', directory: true, follow: true, confined: true },
                ...{ target: '/target/', keep: 'attributes', uid: 0, gid: 0 },
              },
            ],
            createdBy: 'COPY file1 /files/; COPY dir /target/',
          },
          {
            kind: 'config',
            change: { environment: [['CEKIT_TEST', 'test']] },
            createdBy: 'ENV CEKIT_TEST="test"',
          },
          {
            kind: 'config',
            change: {
              labels: {
                description: 'Minimal scratch example',
                'io.cekit.test': 'a label',
                'io.cekit.version': '0.0.0',
                summary: 'Minimal scratch example',
              },
            },
          },
        ],
        squash: { groups: [{ steps: 3, createdBy: 'image cekit-scratch:1.0' }], without: [] },
        config: {
          defaultEnvironment: [['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']],
        },
      },
    ]);
  });

  it('takes files out of builders, and out of images that it names by reference', async () => {
    const { plan } = await planned([
      { name: located('builder'), from: located('golang:1.7.3'), modules: [scripted('build')] },
      {
        name: located('some/app'),
        from: located('scratch'),
        image: section({
          artifacts: [
            fromStage('builder', '/tmp/scripts/build/hello-world', 'entrypoint'),
            fromStage('quay.io/org/tools', 'opt/tool', 'tool'),
          ],
        }),
        run: { entrypoint: [located('/bin/entrypoint')] },
      },
    ]);
    const [tools, builder, target] = plan.images;
    expect(tools).toMatchObject({
      base: { kind: 'image', reference: 'docker://quay.io/org/tools:latest', insecure: false },
      ...{ steps: [], emit: false },
    });
    expect(builder).toMatchObject({
      ...{ name: 'builder', emit: false },
      base: { kind: 'image', reference: 'docker://docker.io/library/golang:1.7.3' },
    });
    // Whoever takes files out of it finds those of its modules.
    expect(builder).not.toHaveProperty('squash');
    expect(target?.steps).toMatchObject([
      {
        items: [
          {
            source: { kind: 'image', image: 'builder', path: '/tmp/scripts/build/hello-world' },
            target: '/bin/entrypoint',
          },
          { source: { kind: 'image', image: tools?.name, path: '/opt/tool' }, target: '/bin/tool' },
        ],
      },
      { change: { labels: { 'io.cekit.version': '0.0.0' } } },
      { change: { entrypoint: ['/bin/entrypoint'], cmd: null } },
    ]);
  });

  it('takes one file of an image by its name', async () => {
    const path = async (text: string) => {
      const { steps } = await plannedImage({
        image: section({ artifacts: [fromStage('base:1', text, 'x')] }),
      });
      const [step] = steps;
      const source = step?.kind === 'copy' ? step.items[0]?.source : undefined;
      return source?.kind === 'image' ? [source.path, source.messages?.hint] : [];
    };
    expect(await path('a\\$b/../c d')).toEqual(['/c d', undefined]);
    expect(await path('/lib/*.jar')).toEqual([
      '/lib/*.jar',
      'it is the name of one file: patterns mean nothing here',
    ]);
    await expect(path('/$HOME/x')).rejects.toThrow(
      'variables cannot be used in the path of an image artifact: /$HOME/x',
    );
  });

  it('knows earlier stages by their names, even one that is called scratch', async () => {
    const { plan } = await planned([
      { name: located('scratch'), from: located('base:1') },
      { name: located('two'), from: located('scratch') },
      { name: located('two'), from: located('two') },
    ]);
    expect(plan.images.map(({ name, base }) => [name, base.kind === 'built' && base.image])).toEqual([
      ['scratch', false],
      ['two (2)', 'scratch'],
      ['two', 'two (2)'],
    ]);
    // What is compared is the text: on `scratch` nothing is cleaned up.
    expect((await planned([{ from: located('scratch') }])).plan.images[0]?.squash?.without).toEqual([]);
  });

  it('has one set of images for each platform, under the same tags', async () => {
    const { plan } = await planned([{ name: located('b') }, { name: located('t'), from: located('b') }], {
      platforms: [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64', variant: 'v8' },
      ],
      tags: ['mine'],
    });
    expect(plan.images.map(({ name, tags, platform }) => [name, tags, platform.architecture])).toEqual([
      ['b@linux/amd64', undefined, 'amd64'],
      ['t@linux/amd64', ['mine'], 'amd64'],
      ['b@linux/arm64/v8', undefined, 'arm64'],
      ['t@linux/arm64/v8', ['mine'], 'arm64'],
    ]);
  });
});

describe('steps', () => {
  it('come in the order of the Dockerfile, but for what is only there to clean up', async () => {
    const image = await plannedImage({
      args: [{ ...pair('A', 'a') }],
      modules: [
        scripted('m', {
          envs: [pair('HOME', '/home/$A')],
          install: [located('pkg')],
          execute: [
            { script: located('one.sh'), user: located('1001') },
            { script: located('two.sh'), user: located('root') },
          ],
        }),
      ],
      image: section({
        artifacts: [pathArtifact('/work/f', 'f', '$HOME/')],
        ports: [
          { value: 80, expose: true, at },
          { value: 53, protocol: 'udp', expose: true, at },
          { value: 9, expose: false, at },
        ],
        volumes: [{ path: located('/data'), name: 'data' }],
      }),
      run: { user: located('185:0'), workdir: located('/srv'), cmd: [] },
    });
    expect(outline(image)).toEqual([
      'config: ARG A="a"',
      'copy "/tmp/scripts/m"',
      'exec as "root": /bin/sh -c : && yum --setopt=tsflags=nodocs install -y pkg && rpm -q pkg && :',
      'config: ENV HOME="/home/$A"',
      'exec as "1001": sh -x /tmp/scripts/m/one.sh',
      'exec as "root": sh -x /tmp/scripts/m/two.sh',
      'copy [{"variable":"HOME"},"/f"]',
      'config: LABEL io.cekit.version="0.0.0"',
      'config: EXPOSE 80 53/udp',
      'config: VOLUME ["/data"]',
      'exec as "root": /bin/sh -c yum clean all && rm -rf "/var/cache/yum" "/var/lib/dnf" "/var/cache/apt" "/var/cache/dnf"',
      'config: USER 185:0',
      'config: WORKDIR /srv',
      'config: CMD []',
    ]);
    expect(image.steps.at(-2)).toMatchObject({ change: { workingDir: '/srv' }, makeWorkingDir: true });
    expect(image.steps.at(-1)).toMatchObject({ change: { cmd: null } });
    expect(image.squash?.without).toEqual(['/tmp/scripts', '/tmp/artifacts']);
    expect(image.steps[8]).toMatchObject({ change: { ports: ['80/tcp', '53/udp'] } });
  });

  it('join copies between which nothing runs, as long as their targets stay what they are', async () => {
    const copies = (dest: string) => [pathArtifact('/work/f', 'f', dest)];
    const { steps } = await plannedImage({
      modules: [
        section({ name: 'a', artifacts: copies('/a/'), envs: [pair('A', 'a')] }),
        section({ name: 'b', artifacts: copies('/b/'), envs: [pair('B', 'b')] }),
        section({ name: 'c', artifacts: copies('/$A/'), envs: [pair('C', 'c')] }),
        section({ name: 'd', artifacts: copies('here/') }),
      ],
    });
    expect(steps.map(step => (step.kind === 'copy' ? step.items.length : step.kind))).toEqual([
      ...[2, 'config', 'config', 1, 'config', 1],
      ...['config', 'config'],
    ]);
  });

  it('keep copies apart where one may bring links on the way of the next', async () => {
    const directory = (dest: string) => pathArtifact('/', 'tree', dest);
    const file = (dest: string) => pathArtifact('/work/f', 'f', dest);
    const copies = async (...artifacts: readonly Artifact[]) => {
      const modules = artifacts.map((artifact, i) => section({ name: `m${i}`, artifacts: [artifact] }));
      return outline(await plannedImage({ modules })).filter(step => step.startsWith('copy'));
    };
    expect(await copies(directory('/x/'), file('/x/'), file('/xy/z/'))).toHaveLength(1);
    expect(await copies(file('/x/y/'), directory('/x/'), directory('/x/'))).toHaveLength(1);
    expect(await copies(directory('/x/'), file('/x/link/'))).toHaveLength(2);
    expect(await copies(directory('/x/'), directory('/x/link/'))).toHaveLength(2);
    expect(await copies(directory('/'), file('/x/'))).toHaveLength(2);
    expect(await copies(fromStage('base:2', '/tree', 'x', '/'), file('/x/link/'))).toHaveLength(2);
  });

  it('make one layer, or one for each module, or one for each statement', async () => {
    const image = {
      args: [pair('A', 'a')],
      modules: [scripted('m'), section({ name: 'n', artifacts: [pathArtifact('/work/f', 'f')] })],
      image: section({ artifacts: [pathArtifact('/work/g', 'g')] }),
    };
    const groups = async (layers: 'one' | 'modules' | 'statements') =>
      (await plannedImage(image, { layers })).squash?.groups.map(({ steps, createdBy }) => [
        createdBy,
        steps,
      ]);
    expect(await groups('one')).toEqual([['image org/image:1.0', 6]]);
    expect(await groups('modules')).toEqual([
      ['module m:1.0', 3],
      ['module n:1.0', 1],
      ['image org/image:1.0', 3],
    ]);
    expect(await groups('statements')).toEqual([
      ['ARG A="a"', 1],
      ['COPY modules/m /tmp/scripts/m', 1],
      ['RUN [ "sh", "-x", "/tmp/scripts/m/go.sh" ]', 1],
      ['COPY f /opt/', 1],
      ['COPY g /opt/', 1],
      ['LABEL io.cekit.version="0.0.0"', 1],
      ['USER root', 1],
    ]);
  });

  it('say which statement of which image has failed', async () => {
    const { steps } = await plannedImage({ modules: [scripted('m')] });
    expect(steps[1]).toMatchObject({
      failure: 'RUN [ "sh", "-x", "/tmp/scripts/m/go.sh" ] failed in image "org/image"',
    });
  });

  it('take values literally when told to', async () => {
    const { steps } = await plannedImage(
      { image: section({ envs: [pair('A', '$B "c"')] }), run: { cmd: [located('a\\tb')] } },
      { literalValues: true },
    );
    expect(steps[0]).toMatchObject({ change: { environment: [['A', '$B "c"']] } });
    expect(steps.at(-1)).toMatchObject({ change: { cmd: ['a\\tb'] } });
  });
});

describe('build arguments', () => {
  const args = [pair('A', 'default of $B'), { name: located('B') }, { name: located('TARGETARCH') }];
  const argumentsOf = async (buildArguments: readonly string[], environment = {}) =>
    (await plannedImage({ args }, { buildArguments, environment })).steps.flatMap(step =>
      step.kind === 'config' ? step.buildArguments : [],
    );

  it('have the value that is given, else the default, else none', async () => {
    expect(await argumentsOf([])).toEqual([
      ['A', ['default of ', { variable: 'B' }]],
      ['TARGETARCH', 'amd64'],
    ]);
    expect(await argumentsOf(['A=$B=', 'B', 'TARGETARCH=mine'], { B: 'of the environment' })).toEqual([
      ['A', '$B='],
      ['B', 'of the environment'],
      ['TARGETARCH', 'mine'],
    ]);
    expect(await argumentsOf(['A', 'B='])).toEqual([
      ['A', ['default of ', { variable: 'B' }]],
      ['B', ''],
      ['TARGETARCH', 'amd64'],
    ]);
  });

  it('are seen without a declaration when they name proxies', async () => {
    const { plan, warnings } = await planned([{}], { buildArguments: ['http_proxy=http://p', 'OTHER=x'] });
    expect(plan.images[0]?.steps[0]).toMatchObject({ buildArguments: [['http_proxy', 'http://p']] });
    expect(warnings).toEqual(['no descriptor declares the build argument OTHER']);
  });

  it('are refused without a name', async () => {
    await expect(planned([{}], { buildArguments: ['=x'] })).rejects.toThrow('not a build argument: =x');
  });
});

describe('references', () => {
  const baseOf = async (text: string, lock?: Lock) => {
    const { base } = await plannedImage({ from: located(text) }, lock && { lock });
    return base.kind === 'image' && [base.reference, base.insecure];
  };

  it.each([
    ['fedora:40', 'docker://docker.io/library/fedora:40', false],
    ['org/app', 'docker://docker.io/org/app:latest', false],
    ['quay.io/org/app:1', 'docker://quay.io/org/app:1', false],
    ['docker://host:5000/app:1', 'docker://host:5000/app:1', false],
    ['localhost/app', 'docker://localhost/app:latest', true],
    ['127.0.0.1:5000/app:1', 'docker://127.0.0.1:5000/app:1', true],
    ['[::1]:5000/app:1', 'docker://[::1]:5000/app:1', true],
    ['127.0.0.1.example.org/app', 'docker://127.0.0.1.example.org/app:latest', false],
    ['oci:layouts/base:one', 'oci:/work/layouts/base:one', false],
    ['docker-daemon:app', 'docker-daemon:app:latest', false],
  ])('%s is %s', async (text, reference, insecure) => {
    expect(await baseOf(text)).toEqual([reference, insecure]);
  });

  it('are what podman would refuse, too', async () => {
    await expect(baseOf('Fedora:40')).rejects.toMatchObject({
      message: expect.stringContaining('lower case'),
      at,
    });
  });

  const digest = `sha256:${'a'.repeat(64)}`;
  const lock = (images: Lock['images']): Lock => ({ images, repositories: {}, artifacts: {}, packages: {} });

  it('are pinned to the digests of the lock, of which none may be missing', async () => {
    expect(await baseOf('fedora:40', lock({ 'fedora:40': digest }))).toEqual([
      `docker://docker.io/library/fedora@${digest}`,
      false,
    ]);
    expect(await baseOf('oci:base:1', lock({ 'oci:base:1': digest }))).toEqual([
      `oci:/work/base@${digest}`,
      false,
    ]);
    await expect(baseOf('fedora:41', lock({}))).rejects.toThrow('the lock file has no digest for fedora:41');
    await expect(baseOf('constructor', lock({}))).rejects.toThrow(
      'the lock file has no digest for constructor',
    );
  });

  it.each([
    [
      'apt-get',
      'apt-get update && apt-get --no-install-recommends install -y a=1:1.2 b && dpkg-query --list a b',
    ],
    ['apk', 'apk add a=1:1.2 b && apk info -e a b'],
    ['dnf', 'dnf --setopt=tsflags=nodocs install -y a-1.2 b && rpm -q a-1.2 b'],
  ] as const)('of packages are written as %s has them', async (manager, command) => {
    const { steps } = await plannedImage(
      {
        from: located('scratch'),
        manager,
        modules: [section({ artifacts: [pathArtifact('/work/sh', 'sh')] })],
        image: section({ install: [located('a'), located('b')] }),
      },
      { lock: { ...lock({}), packages: { 'org/image': { a: '1:1.2', b: '*' } } } },
    );
    const commands = steps.flatMap(step => (step.kind === 'exec' ? step.command.slice(2) : []));
    expect(commands[0]).toBe(`: && ${command} && :`);
  });
});
