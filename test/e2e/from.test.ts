import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { busyboxLayout, packTar, umoci, useBusybox } from './roots.ts';
import { execute, output, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'skopeo', 'docker-registry', 'busybox', 'zstd', 'xz'))('from', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  let layout = '';
  beforeAll(() => {
    layout = busyboxLayout(workspace.path);
    umoci(
      ...['config', '--image', `${layout}:busybox`, '--author', 'somebody', '--config.env', 'FROM_BASE=1'],
      ...['--config.cmd', '/bin/sh', '--config.label', 'of=base'],
      ...['--manifest.annotation', 'org.example.base=yes'],
    );
  });
  const fromLayout = () => ({ type: 'oci', url: `${layout}:busybox` });

  describe('oci', () => {
    it('continues an image of a layout: same layer blobs, history, labels, environment and annotations', async () => {
      const project = workspace.project();
      await project.build({ one: { from: fromLayout(), run: 'touch /new' } });
      const { manifest, config, layers, names } = project.image('one');
      const base = JSON.parse(await output('umoci', ['stat', '--json', '--image', `${layout}:busybox`]));
      expect(layers).toHaveLength(2);
      expect(names(1)).toEqual(['/', 'new']);
      const history = base.history.map((entry: { created_by?: string }) => entry.created_by ?? '');
      expect(config.history?.slice(0, history.length).map(entry => entry.created_by ?? '')).toEqual(history);
      expect(layers[0]).toBe(
        base.history.find((entry: { layer: object | null }) => entry.layer)?.layer.digest,
      );
      expect(config.config).toMatchObject({ Labels: { of: 'base' }, Cmd: ['/bin/sh'] });
      expect(config.config?.Env).toContain('FROM_BASE=1');
      expect(manifest.annotations).toMatchObject({ 'org.example.base': 'yes' });
    });

    it('splits path and tag at the first colon', async () => {
      umoci('tag', '--image', `${layout}:busybox`, 'busybox:0.1.1');
      const project = workspace.project();
      await project.build({ one: { from: { type: 'oci', url: `${layout}:busybox:0.1.1` } } });
      expect(project.image('one').layers).toHaveLength(1);
    });

    it('is relative to the current directory, and may be the output itself', async () => {
      const project = workspace.project();
      await project.build({ one: { from: busybox, run: 'touch /one' } });
      await project.build({
        two: { from: { type: 'oci', url: 'oci:one' }, run: 'test -e /one; touch /two' },
      });
      expect(project.tags()).toEqual(['one', 'two']);
      expect(project.image('two').layers.slice(0, 2)).toEqual(project.image('one').layers);
    });

    it('copies an image that gets nothing new without unpacking it', async () => {
      const project = workspace.project('own');
      await project.build({ one: { from: fromLayout(), labels: { a: 'b' } } });
      expect(project.image('one').config.config?.Labels).toEqual({ of: 'base', a: 'b' });
      expect(execFileSync('ls', [join(project.store, 'snapshots')], { encoding: 'utf8' })).toBe('');
    });
  });

  describe('docker', () => {
    it('pulls from a registry, also with a digest, and asks nothing but the digest the second time', async () => {
      await using registry = await startRegistry();
      const reference = `${registry.host}/some/base:v1`;
      await output('skopeo', [
        ...['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:busybox`, `docker://${reference}`],
      ]);
      const project = workspace.project('own');
      const one = {
        from: { type: 'docker', url: `docker://${reference}`, insecure: true },
        run: 'touch /one',
      };
      const first = await project.build({ one });
      expect(first.stderr).toContain(`loading docker://${reference}\n`);
      const second = await project.build({ one });
      expect(second.stderr).toMatch(/found cached layer one\n$/);
      expect(second.stderr).not.toContain('loading');

      const digest = await output('skopeo', [
        ...['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${reference}`],
      ]);
      const pinned = `docker://${registry.host}/some/base@${digest.trim()}`;
      await project.build({ one: { ...one, from: { ...one.from, url: pinned } } });
      expect(project.image('one').layers).toHaveLength(2);
    });

    it('uses what it has when the registry is gone, and says so', async () => {
      const project = workspace.project('own');
      let file: Record<string, object> = {};
      {
        await using registry = await startRegistry();
        const reference = `docker://${registry.host}/base:latest`;
        await output('skopeo', [
          ...['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:busybox`, reference],
        ]);
        file = { one: { from: { type: 'docker', url: reference, insecure: true }, run: 'touch /one' } };
        await project.build(file);
      }
      const { stderr } = await project.build(file);
      expect(stderr).toContain('using the cached copy of docker://');
      expect(stderr).toMatch(/found cached layer one\n$/);
    });

    it('asks a registry again that is busy', async () => {
      await using registry = await startRegistry();
      let busy = 0;
      await using front = await serve(async ({ method, url }, response) => {
        if (method === 'HEAD' && busy > 0) {
          busy -= 1;
          return void response.writeHead(503).end();
        }
        const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
        const answer = await fetch(registry.url + url, { method, headers });
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(Buffer.from(await answer.arrayBuffer()));
      });
      await output('skopeo', [
        ...['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:busybox`],
        `docker://${registry.host}/base:latest`,
      ]);
      const project = workspace.project('own');
      const url = `docker://${front.host}/base:latest`;
      const file = { one: { from: { type: 'docker', url, insecure: true } } };
      expect((await project.build(file)).stderr).toContain(`\nloading ${url}\n`);
      busy = 2;
      const { stderr } = await project.build(file);
      expect(busy).toBe(0);
      expect(stderr).not.toContain('loading');
      expect(stderr).not.toContain('using the cached copy');
    });

    it('takes an image of a layout too', async () => {
      const project = workspace.project();
      await project.build({ one: { from: { type: 'docker', url: `oci:${layout}:busybox` } } });
      expect(project.image('one').layers).toHaveLength(1);
    });

    it('chooses the image of the platform out of an index', async () => {
      await using registry = await startRegistry();
      const project = workspace.project();
      for (const architecture of ['amd64', 'arm64']) {
        umoci('tag', '--image', `${layout}:busybox`, architecture);
        umoci('config', '--image', `${layout}:${architecture}`, '--architecture', architecture);
      }
      const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
      const manifests = ['amd64', 'arm64'].map(architecture => {
        const { digest, size, mediaType } = index.manifests.find(
          (entry: { annotations?: Record<string, string> }) =>
            entry.annotations?.['org.opencontainers.image.ref.name'] === architecture,
        );
        return { digest, size, mediaType, platform: { os: 'linux', architecture } };
      });
      for (const { platform } of manifests) {
        const source = `oci:${layout}:${platform.architecture}`;
        const target = `docker://${registry.host}/multi:${platform.architecture}`;
        const flags = ['--quiet', '--dest-tls-verify=false', '--preserve-digests'];
        await output('skopeo', ['copy', ...flags, source, target]);
      }
      const pushed = await fetch(`http://${registry.host}/v2/multi/manifests/latest`, {
        method: 'PUT',
        headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
        body: JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.index.v1+json',
          manifests,
        }),
      });
      expect(pushed.status).toBe(201);
      const from = { type: 'docker', url: `docker://${registry.host}/multi`, insecure: true };
      await project.build({ arm: { from, arch: 'arm64' }, amd: { from, arch: 'amd64' } });
      expect(project.image('arm').config.architecture).toBe('arm64');
      expect(project.image('amd').config.architecture).toBe('amd64');

      const flags = ['--quiet', '--all', '--src-tls-verify=false'];
      await output('skopeo', ['copy', ...flags, from.url, `oci:${project.at('multi')}:both`]);
      const fromIndex = { type: 'oci', url: 'multi:both' };
      await project.build({
        arm: { from: fromIndex, arch: 'arm64' },
        amd: { from: fromIndex, arch: 'amd64' },
      });
      expect(project.image('arm').config.architecture).toBe('arm64');
      expect(project.image('amd').config.architecture).toBe('amd64');
      for (const base of [from, fromIndex]) {
        const failure = await project.failure({ one: { from: base, os: 'linux', arch: 's390x' } });
        expect(failure).toContain('has no image for linux/s390x');
        expect(failure).toContain('it has linux/amd64, linux/arm64');
      }
    });
  });

  describe('scratch', () => {
    it('starts with nothing', async () => {
      const project = workspace.project();
      project.write('file', 'content');
      await project.build({
        empty: { from: { type: 'scratch' } },
        one: { from: { type: 'scratch' }, imports: [{ path: 'file', dest: '/file' }] },
      });
      expect(project.image('empty').layers).toEqual([]);
      expect(project.image('one').layers).toHaveLength(1);
      expect(await project.fileOf('one', 'file')).toBe('content');
    });

    it('with a url is the content of a tar file', async () => {
      const project = workspace.project();
      await project.build({
        build: { from: busybox, run: 'mkdir /x; echo hi >/x/f; tar -C /x -cf /x.tar f', build_only: true },
        one: { from: { type: 'scratch', url: 'stacker://build/x.tar' } },
      });
      expect(await project.fileOf('one', 'f')).toBe('hi\n');
    });
  });

  describe('built', () => {
    it('shares the layers of the layer that it continues, and inherits its config', async () => {
      const project = workspace.project();
      await project.build({
        one: { from: busybox, run: 'touch /one', labels: { a: '1', b: '1' }, entrypoint: ['/bin/e'] },
        two: { from: { type: 'built', tag: 'one' }, run: 'touch /two', labels: { b: '2' } },
      });
      const [one, two] = [project.image('one'), project.image('two')];
      expect(two.layers.slice(0, -1)).toEqual(one.layers);
      expect(two.config.config).toMatchObject({ Labels: { a: '1', b: '2' }, Entrypoint: ['/bin/e'] });
    });

    it('may stand before its base in the file', async () => {
      const project = workspace.project();
      await project.build({
        two: { from: { type: 'built', tag: 'one' }, run: 'test -e /one' },
        one: { from: busybox, run: 'touch /one' },
      });
      expect(project.tags()).toEqual(['one', 'two']);
    });
  });

  describe('tar', () => {
    const compressors = [
      ['plain', ['cat']],
      ['gzip', ['gzip', '-c']],
      ['zstd', ['zstd', '-c', '-q']],
      ['xz', ['xz', '-c', '-0']],
      ['bzip2', ['bzip2', '-c']],
    ] as const;
    it.each(compressors)('reads %s, whatever the name says', async (kind, [program, ...options]) => {
      const project = workspace.project();
      const root = project.at('root');
      mkdirSync(join(root, 'd'), { recursive: true });
      writeFileSync(join(root, 'd/f'), kind);
      packTar(root, project.at('plain.tar'));
      const packed = execFileSync(program, options, { input: readFileSync(project.at('plain.tar')) });
      project.write('base.bin', packed);
      await project.build({ one: { from: { type: 'tar', url: 'base.bin' } } });
      expect(project.image('one').layers).toHaveLength(1);
      expect(await project.fileOf('one', 'd/f')).toBe(kind);
    });

    it('is relative to the current directory, not to the file', async () => {
      const project = workspace.project();
      project.writeStackerFile({ one: { from: { type: 'tar', url: 'busybox.tar' } } }, 'below/stacker.yaml');
      const args = ['build', '-f', project.at('below/stacker.yaml')];
      const { stderr } = await project.ashlar(args, {
        cwd: workspace.path,
        globals: ['--oci-dir', project.oci],
      });
      expect(stderr).toMatch(/filesystem one built successfully\n$/);
      expect(project.tags()).toEqual(['one']);
    });

    it('comes by http and is downloaded once', async () => {
      const bytes = readFileSync(busybox.url);
      await using server = await serve((_, response) => void response.end(bytes));
      const project = workspace.project('own');
      const one = { from: { type: 'tar', url: `${server.url}/some/base.tar` }, run: 'touch /one' };
      await project.build({ one });
      expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
      const { stderr } = await project.build({ one });
      expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
      expect(stderr).toContain(
        `Couldn't obtain file info of ${server.url}/some/base.tar, using cached copy\n`,
      );
      expect(stderr).toMatch(/found cached layer one\n$/);
    });

    it('comes from another layer, which need not be emitted', async () => {
      const project = workspace.project();
      const run = 'mkdir /r /r/sub; echo x >/r/sub/file; tar -C /r -zcf /r.tar.gz .';
      await project.build({
        build: { from: busybox, run, build_only: true },
        contents: { from: { type: 'tar', url: 'stacker://build/r.tar.gz' } },
      });
      expect(project.tags()).toEqual(['contents']);
      expect(await project.fileOf('contents', 'sub/file')).toBe('x\n');
    });

    it('keeps a directory that is a symbolic link further up in it, and takes whiteouts as such', async () => {
      const project = workspace.project();
      const root = project.at('root');
      mkdirSync(join(root, 'usr/lib'), { recursive: true });
      symlinkSync('usr/lib', join(root, 'lib'));
      writeFileSync(join(root, 'usr/lib/gone'), '');
      writeFileSync(join(root, 'usr/lib/kept'), '');
      packTar(root, project.at('base.tar'));
      // Goes on in the same archive: a directory over the link, a file through it, and a whiteout, which is about
      // lower layers only and is not a file.
      const more = project.at('more');
      mkdirSync(join(more, 'lib'), { recursive: true });
      writeFileSync(join(more, 'lib/new'), 'new');
      execFileSync('tar', ['-C', more, '--owner=0', '--group=0', '-rf', project.at('base.tar'), 'lib']);
      mkdirSync(join(more, 'usr/lib'), { recursive: true });
      writeFileSync(join(more, 'usr/lib/.wh.gone'), '');
      execFileSync('tar', [
        '-C',
        more,
        '--owner=0',
        '--group=0',
        '-rf',
        project.at('base.tar'),
        'usr/lib/.wh.gone',
      ]);
      await project.build({
        one: { from: { type: 'tar', url: 'base.tar' } },
      });
      const rootfs = await project.unpack('one');
      const listed = await output('find', ['.', '-printf', '%y %p\n'], { cwd: rootfs });
      expect(listed.split('\n').sort()).toEqual(
        [
          '',
          'd .',
          'd ./usr',
          'd ./usr/lib',
          'f ./usr/lib/gone',
          'f ./usr/lib/kept',
          'f ./usr/lib/new',
          'l ./lib',
        ].sort(),
      );
    });

    it('that is empty is a base without a layer', async () => {
      const project = workspace.project();
      project.write('empty.tar', Buffer.alloc(10240));
      await project.build({ one: { from: { type: 'tar', url: 'empty.tar' } } });
      expect(project.tags()).toEqual(['one']);
      const { status } = await execute('umoci', ['stat', '--image', `${project.oci}:one`]);
      expect(status).toBe(0);
    });
  });
});
