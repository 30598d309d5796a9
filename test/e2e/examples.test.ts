import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { readImage, readTags } from './images.ts';
import { busyboxLayout, busyboxRoot, debianRoot, packTar, umoci } from './roots.ts';
import { output, outputAsRoot, type Project, useWorkspace } from './support.ts';
import { tinyProgram } from './tiny-program.ts';
import { describeTree } from './trees.ts';

const TOOLS = ['umoci', 'skopeo', 'docker-registry', 'mmdebstrap', 'busybox'];

describe.skipIf(!has(...TOOLS))('the example', () => {
  const workspace = useWorkspace();
  let base = '';
  beforeAll(() => {
    base = debianRoot();
  });

  /** The stacker file of an example as it stands there, in a directory of its own. */
  function example(name: string): { readonly project: Project; readonly file: string } {
    const file = readFileSync(new URL(`../../examples/${name}/stacker.yaml`, import.meta.url), 'utf8');
    return { project: workspace.project(), file };
  }

  it('bootstrap makes an image of two files out of a tar file that a build layer made', async () => {
    const { project, file } = example('bootstrap');
    const { stdout, stderr } = await project.build(file, ['--substitute', `BASE=${base}`]);
    expect(stdout).toMatch(/^first\nsecond\n/m);
    expect(stderr).toMatch(/filesystem contents built successfully\n$/);
    expect(project.tags()).toEqual(['contents']);
    expect(project.image('contents').layers).toHaveLength(1);
    const tree = await describeTree(await project.unpack('contents'));
    expect(Object.keys(tree)).toEqual(['.', './first', './second']);
    expect(tree['./first']).toMatchObject({ type: 'f', owner: '0:0', mode: '644' });
    const again = await project.build(file, ['--substitute', `BASE=${base}`]);
    expect(again).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/found cached layer contents\n$/),
    });
  });

  it('installed-root turns a root that a package manager installed into a base that runs', async () => {
    const { project, file } = example('installed-root');
    const { stdout } = await project.build(file, ['--substitute', `BASE=${base}`]);
    expect(stdout).toMatch(/^Setting up busybox-static /m);
    expect(project.tags()).toEqual(['contents', 'greeting']);
    const [contents, greeting] = [project.image('contents'), project.image('greeting')];
    expect(contents.layers).toHaveLength(1);
    expect(greeting.layers.slice(0, 1)).toEqual(contents.layers);
    const root = await project.unpack('greeting');
    expect(await output('cat', [join(root, 'var/lib/dpkg/status')])).toContain('Package: busybox-static\n');
    expect(await output('cat', [join(root, 'greeting')])).toMatch(/^hello from a root of \d{2,} files\n$/);
    // Nothing of the build environment is in it.
    for (const name of ['usr/bin/apt-get', 'rootfs.tar', 'etc/resolv.conf']) {
      expect(await outputAsRoot('sh', ['-c', 'test -e "$0" || echo absent', join(root, name)])).toBe(
        'absent\n',
      );
    }
  });

  it('stack publishes images one by one, and as one that shares their layers', async () => {
    const { project, file } = example('stack');
    await project.build(file, ['--substitute', `BASE=${busyboxRoot(workspace.path)}`]);
    expect(project.tags()).toEqual(['greeting', 'farewell', 'conversation']);
    const [greeting, farewell, conversation] = project.tags().map(tag => project.image(tag));
    expect(conversation?.layers.slice(0, 3)).toEqual([...(greeting?.layers ?? []), farewell?.layers[1]]);
    // Above them are the name, which the first one gives, and what was run.
    expect(conversation?.layers).toHaveLength(5);
    const root = await project.unpack('conversation');
    const texts = ['conversation', 'name'].map(name => join(root, 'srv', name));
    expect(await output('cat', texts)).toBe('hello\ngoodbye\ngreeting\n');
    expect(conversation?.config.config?.Cmd).toEqual(['cat', '/srv/conversation']);
  });

  it('distroless brings a file by bind and overlay_dirs into an image without a shell', async () => {
    await using registry = await startRegistry();
    const { project, file } = example('distroless');
    const layout = project.at('distroless');
    const image = ['--image', `${layout}:base`];
    project.write('root/etc/os-release', 'NAME=distroless\n');
    packTar(project.at('root'), project.at('root.tar'));
    umoci('init', '--layout', layout);
    umoci('new', ...image);
    umoci('raw', 'add-layer', ...image, project.at('root.tar'));
    umoci('config', ...image, '--config.user', '65532');
    const remote = `docker://${registry.host}/c3/base:latest`;
    await output('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:base`, remote]);
    mkdirSync(project.at('shared'));
    const values = { BASE: base, SHARED: project.at('shared'), DISTROLESS: remote };
    const flags = Object.entries(values).flatMap(([key, value]) => ['--substitute', `${key}=${value}`]);
    await project.build(file, flags);
    expect(readdirSync(project.at('shared'))).toEqual(['binaryfile']);
    expect(project.tags()).toEqual(['contents']);
    const tree = await describeTree(await project.unpack('contents'));
    expect(Object.keys(tree)).toEqual([
      '.',
      './dir_to_overlay',
      './dir_to_overlay/binaryfile',
      './etc',
      './etc/os-release',
    ]);
    expect(tree['./dir_to_overlay/binaryfile']).toMatchObject({ owner: '0:0' });
    expect(project.image('contents').config.config?.User).toBe('65532');
  });

  it('dockerfile is converted and built, from a mirror of the registry that it names', async () => {
    await using registry = await startRegistry();
    const project = workspace.project();
    cpSync(new URL('../../examples/dockerfile/', import.meta.url), project.path, { recursive: true });
    // The commands of the example are the same in any root.
    const image = `${busyboxLayout(workspace.path)}:busybox`;
    umoci('config', '--image', image, '--config.env', 'PATH=/usr/bin:/bin');
    const remote = `docker://${registry.host}/library/debian:bookworm-slim`;
    await output('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${image}`, remote]);
    const mirror = { prefix: 'docker.io', location: registry.host, insecure: true };
    project.write(
      'registries.conf',
      `[[registry]]\n${Object.entries(mirror)
        .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
        .join('\n')}\n`,
    );
    const env = { CONTAINERS_REGISTRIES_CONF: project.at('registries.conf') };
    const converted = await project.ashlar(['convert'], { env });
    expect(converted).toMatchObject({ status: 0, stderr: expect.stringMatching(/^wrote .*\n$/) });
    const { status, stderr } = await project.ashlar(['build', '--substitute-file', 'stacker-subs.yaml'], {
      env,
    });
    expect(status, stderr).toBe(0);
    expect(project.tags()).toEqual(['site']);
    expect(await project.fileOf('site', 'srv/site/index.html')).toContain('<title>a page</title>');
    expect(await project.fileOf('site', 'srv/files')).toBe('/srv/site/index.html\n');
    expect(project.image('site').config.config).toMatchObject({
      Env: ['PATH=/usr/bin:/bin', 'SITE_ROOT=/srv/site'],
      User: '1000',
      WorkingDir: '/srv/site',
      Cmd: ['cat', 'index.html'],
    });
  });

  it('cekit-scratch puts files, an environment and a label into one layer', async () => {
    const project = workspace.project();
    cpSync(new URL('../../examples/cekit-scratch/', import.meta.url), project.path, { recursive: true });
    const { status, stderr } = await project.ashlar(['build']);
    expect(status, stderr).toBe(0);
    expect(project.tags()).toEqual(['cekit-scratch:1.0.0', 'cekit-scratch:latest']);
    const image = project.image('cekit-scratch:1.0.0');
    expect(image.layers).toHaveLength(1);
    expect(image.config.config).toEqual({
      Env: ['CEKIT_TEST=test', expect.stringMatching(/^PATH=/)],
      Labels: {
        description: 'Minimal scratch example',
        'io.cekit.test': 'This is a CEKit test label',
        'io.cekit.version': expect.any(String),
        summary: 'Minimal scratch example',
      },
    });
    const tree = await describeTree(await project.unpack('cekit-scratch:1.0.0'));
    expect(Object.keys(tree)).toEqual([
      '.',
      './files',
      './files/file1',
      './files/file2',
      './target',
      './target/other.txt',
      './target/test-file.txt',
    ]);
    expect(tree['./files/file2']).toMatchObject({ type: 'f', owner: '0:0' });
    expect(await project.fileOf('cekit-scratch:1.0.0', 'files/file1')).toBe('a file for tests\n');
  });

  it('cekit-multi-stage compiles a program in one image, which is all that is in the other', async () => {
    const project = workspace.project();
    // A base with a compiler that knows one program.
    project.write('hello', tinyProgram('hello, world\n'), 0o755);
    project.write(
      'go',
      '#!/bin/sh\n[ "$1 $2" = "build -o" ] && grep -q main "$4" && cp /hello "$3"\n',
      0o755,
    );
    const busybox = { type: 'tar', url: busyboxRoot(workspace.path) };
    const imports = ['go', 'hello'].map(path => ({ path, dest: path === 'go' ? '/bin/go' : '/hello' }));
    await project.build({ golang: { from: busybox, imports } });
    cpSync(new URL('../../examples/cekit-multi-stage/', import.meta.url), project.at('example'), {
      recursive: true,
    });
    const example = { cwd: project.at('example') };
    const base = JSON.stringify({ stage: 'builder', from: `oci:${project.oci}:golang` });
    const { status, stderr } = await project.ashlar(['build', '--overrides', base], example);
    expect(status, stderr).toBe(0);
    const oci = project.at('example/oci');
    expect(readTags(oci)).toEqual(['some/app:12', 'some/app:latest']);
    const { layers, config, names } = readImage(oci, 'some/app:12');
    expect(layers).toHaveLength(1);
    expect(names(0)).toEqual(['/', 'bin/', 'bin/entrypoint']);
    expect(config.config).toMatchObject({ Entrypoint: ['/bin/entrypoint'] });
    const ran = await project.ashlar(['exec', '--overrides', base, 'some/app', '/bin/entrypoint'], example);
    expect(ran).toMatchObject({ status: 0, stdout: 'hello, world\n' });
  });

  it('kiwi-container becomes a container and an archive, of the tree that a stash keeps', async () => {
    const project = workspace.project();
    cpSync(new URL('../../examples/kiwi-container/', import.meta.url), project.at('example'), {
      recursive: true,
    });
    const system = async (...words: readonly string[]) => {
      const { status, stderr } = await project.ashlar(words);
      expect(status, stderr).toBe(0);
    };
    const root = busyboxRoot(workspace.path);
    await system('system', 'stash', '--root', root, '--container-name', 'debian');
    const build = ['system', 'stackbuild', '--stash', 'debian', '--description', 'example', '--target-dir'];
    await system(...build, 'docker');
    await system('--type', 'tbz', ...build, 'tbz');
    const archive = project.at('docker/greeting.x86_64-1.0.0.docker.tar');
    const [saved] = JSON.parse(await output('tar', ['-xOf', archive, 'manifest.json']));
    expect(saved).toMatchObject({ RepoTags: ['greeting:1.0.0'], Layers: { length: 2 } });
    expect(JSON.parse(await output('tar', ['-xOf', archive, saved.Config]))).toMatchObject({
      config: { Cmd: ['cat', '/srv/greeting'], User: 'reader', WorkingDir: '/srv', Env: ['LANG=C.UTF-8'] },
    });
    const tree = project.at('tbz/greeting.x86_64-1.0.0.tar.xz');
    const text = (path: string) => output('tar', ['-xOf', tree, '--wildcards', `*${path}`]);
    expect(await text('srv/greeting')).toBe('hello from greeting 1.0.0\n');
    expect(await text('etc/greeting')).toMatch(/^VERSION="1\.0\.0"$/m);
    expect(await text('etc/passwd')).toMatch(/^reader:[^:]*:1000:1000:/m);
  });
});
