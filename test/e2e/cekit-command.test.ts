import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { blobPath, readImage } from './images.ts';
import {
  ashlarProgram,
  cekitCacheProgram,
  cekitProgram,
  type Ended,
  execute,
  failureOf,
  output,
  type Project,
  useWorkspace,
  type Variables,
} from './support.ts';

const FINISHED = 'Finished!\n';
const GENERATED = 'The --dry-run parameter was specified, build will not be executed, exiting\nFinished!\n';

const descriptor = {
  name: 'some/app',
  version: 12,
  from: 'scratch',
  description: 'An app',
  labels: [{ name: 'l', value: 'one' }],
  envs: [{ name: 'E', value: '${A}' }],
  args: [{ name: 'A', value: 'default' }],
  artifacts: [{ name: 'file', path: 'f', dest: '/files' }],
};

describe("CEKit's command line", () => {
  const workspace = useWorkspace(cekitProgram);
  // Neither the configuration nor the engines of whoever runs the tests.
  const home = () => join(workspace.path, 'home');

  /** A project with a descriptor. */
  function described(image: object = descriptor): Project {
    const project = workspace.project();
    project.write('image.yaml', JSON.stringify(image));
    project.write('f', 'content\n');
    return project;
  }

  function run(
    project: Project,
    args: readonly string[],
    { env, ...where }: { readonly env?: Variables; readonly input?: string } = {},
    program = project.program,
  ): Promise<Ended> {
    mkdirSync(home(), { recursive: true });
    const environment = project.environment({ HOME: home(), ...env });
    const words = program === ashlarProgram ? project.arguments(args) : args;
    const all = program === ashlarProgram ? words : [...args, '--store', project.store];
    return execute(program, all, { cwd: project.path, env: environment, ...where });
  }

  /** A storage of images that nobody else has. */
  function storage(project: Project): Variables {
    mkdirSync(project.at('run'), { recursive: true, mode: 0o700 });
    const settings = { driver: 'vfs', graphroot: project.at('graph'), runroot: project.at('runroot') };
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
    const file = project.write('storage.conf', ['[storage]', ...lines, ''].join('\n'));
    return { CONTAINERS_STORAGE_CONF: file, XDG_RUNTIME_DIR: project.at('run'), HOME: home() };
  }

  it('builds into the OCI layout where no engine is named', async () => {
    const project = described();
    const first = await run(project, ['build']);
    const closing = `Image built and available under following tags: some/app:12, some/app:latest\n${FINISHED}`;
    expect(first).toMatchObject({ status: 0, stdout: '' });
    expect(first.stderr.endsWith(closing), first.stderr).toBe(true);
    expect(project.tags()).toEqual(['some/app:12', 'some/app:latest']);
    const image = project.image('some/app:12');
    expect(image.names(0)).toEqual(['/', 'files/', 'files/file']);
    expect(image.config.config).toMatchObject({
      Env: expect.arrayContaining(['E=default']),
      Labels: { l: 'one', description: 'An app', summary: 'An app' },
    });
    await run(project, ['build', 'oci', '--build-arg', 'A=given', '--tag', 'x:1', '--no-squash']);
    const other = project.image('x:1');
    expect(other.config.config?.Env).toContain('E=given');
    expect(other.layers).toEqual(image.layers);
  });

  it.skipIf(!has('podman', 'buildah'))('puts images where podman and buildah have theirs', async () => {
    const project = described();
    const env = storage(project);
    const look = async (name: string, format: string) =>
      (await output('podman', ['image', 'inspect', '--format', format, name], { env })).trim();
    const made = await run(project, ['build', 'podman', '--tag', 'a/b', '--tag', 'quay.example/c/d:3'], {
      env,
    });
    expect(made.stderr).toMatch(/following tags: a\/b, quay\.example\/c\/d:3\nFinished!\n$/);
    expect(await look('a/b:latest', '{{.RepoTags}} {{.Config.Labels.l}}')).toBe(
      '[localhost/a/b:latest quay.example/c/d:3] one',
    );
    // Nothing of it is in the way of the project's own results.
    expect(existsSync(project.oci)).toBe(false);

    const overrides = JSON.stringify({ labels: [{ name: 'l', value: 'two' }] });
    expect(await run(project, ['build', '--overrides', overrides, 'buildah'], { env })).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/following tags: some\/app:12, some\/app:latest\nFinished!\n$/),
    });
    expect(await look('localhost/some/app:12', '{{.RepoTags}} {{.Config.Labels.l}}')).toBe(
      '[localhost/some/app:12 localhost/some/app:latest] two',
    );
    // Bit by bit the image that was built.
    const { digest } = readImage(project.at('.stacker/delivered'), 'some/app:latest');
    expect(await look('localhost/some/app:latest', '{{.Digest}}')).toBe(digest);
    expect(readdirSync(project.at('.stacker')).filter(name => name.endsWith('.tar'))).toEqual([]);

    // The engine has the last word.
    project.write('bin/podman', '#!/bin/sh\ncat >/dev/null; echo "no room" >&2; exit 125\n', 0o755);
    const PATH = [project.at('bin'), process.env.PATH].join(delimiter);
    const failure = failureOf(await run(project, ['build', 'podman'], { env: { ...env, PATH } }));
    expect(failure).toBe('error: the image is built, but podman load has failed\ncaused by: no room\n');
  });

  it.skipIf(!has('skopeo'))('hands images to a docker daemon, or writes an archive for one', async () => {
    const project = described();
    project.write('bin/docker', '#!/bin/sh\n[ "$1" = load ] || exit $STATUS\ncat >loaded.tar\n', 0o755);
    const env = { PATH: [project.at('bin'), process.env.PATH].join(delimiter) };
    const loaded = await run(project, ['build', 'docker'], { env: { ...env, STATUS: '0' } });
    expect(loaded.stderr).not.toContain('docker load');
    const written = await run(project, ['build', 'docker'], { env: { ...env, STATUS: '1' } });
    expect(written.stderr).toContain('docker load --input some-app-12.tar brings the image into one\n');
    expect(readFileSync(project.at('loaded.tar')).equals(readFileSync(project.at('some-app-12.tar')))).toBe(
      true,
    );
    for (const tag of ['12', 'latest']) {
      const name = `docker-archive:${project.at('loaded.tar')}:some/app:${tag}`;
      const { config } = JSON.parse(await output('skopeo', ['inspect', '--config', name]));
      expect(config.Labels.l).toBe('one');
    }
  });

  it.skipIf(!has('docker-registry'))('sends images to registries, as publish does', async () => {
    await using registry = await startRegistry();
    const project = described();
    const remote = `docker://${registry.host}/r/app:v1`;
    const sent = await run(project, ['build', '--tag', remote]);
    expect(sent.stderr).toMatch(new RegExp(`following tags: some/app:12, some/app:latest, ${remote}\n`));
    const digestOf = async (path: string) => {
      const types = ['manifest', 'index'].map(kind => `application/vnd.oci.image.${kind}.v1+json`);
      const answer = await fetch(`${registry.url}/v2/${path}`, { headers: { accept: types.join(', ') } });
      return answer.headers.get('docker-content-digest');
    };
    expect(await digestOf('r/app/manifests/v1')).toBe(project.image('some/app:12').digest);

    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    await run(project, ['build', ...platforms]);
    const url = `docker://${registry.host}/team`;
    const flags = ['publish', '--skip-tls', '--url', url, ...platforms];
    const published = await run(project, flags, {}, ashlarProgram);
    expect(published.stderr.split('\n').filter(Boolean)).toEqual([
      `publishing image.yaml some/app:12 to ${url}/some/app:12`,
      `publishing image.yaml some/app:latest to ${url}/some/app:latest`,
    ]);
    const { manifests } = JSON.parse(readFileSync(join(project.oci, 'index.json'), 'utf8'));
    expect(await digestOf('team/some/app/manifests/12')).toBe(manifests.at(-1).digest);
    expect(manifests.at(-1).mediaType).toContain('index');
  });

  it('shows all that is wrong with a descriptor, each with its place', async () => {
    const project = described();
    project.write('image.yaml', 'name: 5\nfrom: x\nlabel: []\n');
    const { status, stdout, stderr } = await run(project, ['build', '--validate']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/image\.yaml:1:7.*image\.yaml:3:1/s);
    expect(stderr).toMatch(/error: Cannot validate schema: Image\n$/);
    expect(failureOf(await run(project, ['build', '--validate', '--descriptor', 'none.yaml']))).toContain(
      "Descriptor ('none.yaml') could not be found on the path, please check your arguments!",
    );
    expect((await run(project, ['build', '--validate', '--nope'])).status).toBe(2);
  });

  it('prints the Dockerfile of a descriptor from standard input, and writes the target directory', async () => {
    const project = described();
    const input = JSON.stringify({ ...descriptor, name: 'piped' });
    const ended = await run(project, ['--descriptor', '-', 'build', '--dry-run', 'podman'], { input });
    expect(ended).toMatchObject({ status: 0, stderr: GENERATED });
    expect(ended.stdout).toMatch(/^# This is a Dockerfile for the piped:12 image\.$/m);
    expect(readFileSync(project.at('target/image/Containerfile'), 'utf8')).toBe(ended.stdout);
    expect(readFileSync(project.at('target/image/file'), 'utf8')).toBe('content\n');
    // A build needs none of it.
    expect(existsSync(project.at('.stacker'))).toBe(false);
    const foreign = await run(project, ['build', '--dry-run', '--target', '.']);
    expect(failureOf(foreign)).toContain('error: the target directory . holds what it is generated from');
  });

  it('maps flags of the engine, and warns of those that it cannot', async () => {
    const project = described();
    const flags = ['--no-cache', '--build-arg=A=flag', '--cap-add=ALL'].flatMap(flag => [
      `--build-flag=${flag}`,
    ]);
    const { stderr } = await run(project, ['build', '--pull', ...flags]);
    expect(stderr).toContain('--build-flag --cap-add=ALL means nothing here and is ignored\n');
    expect(stderr).not.toContain('--build-flag --no-cache');
    expect(project.image('some/app:12').config.config?.Env).toContain('E=flag');
  });

  it('keeps artifacts that are known by their checksums', async () => {
    const project = described();
    const cache = (args: readonly string[], input = '') => run(project, args, { input }, cekitCacheProgram);
    const md5 = createHash('md5').update('content\n').digest('hex');
    // Whatever mask the files of the store are made with.
    project.write('masked', `#!/bin/sh\numask 077\nexec "${cekitCacheProgram}" "$@"\n`, 0o755);
    const added = await run(project, ['add', 'f', '--md5', md5], {}, project.at('masked'));
    expect(added.stdout).toMatch(/^Artifact f cached with UUID '[0-9a-f-]{36}'\n$/);
    const plain = { name: 'kept', md5: md5.toUpperCase(), dest: '/' };
    project.write('image.yaml', JSON.stringify({ ...descriptor, artifacts: [plain] }));
    expect((await run(project, ['build'])).status).toBe(0);
    const [layer = ''] = project.image('some/app:12').layers;
    const listing = await output('tar', ['-tvf', blobPath(project.oci, layer)]);
    expect(listing).toMatch(/^-rw-r--r-- .* kept$/m);

    const { stdout, stderr } = await cache(['clear'], 'n\n');
    expect({ stdout, stderr }).toEqual({
      stdout: '',
      stderr: 'Are you sure to remove all artifacts from cache? [y/N]: ',
    });
    const cleared = await run(project, ['cache', 'clear'], { input: 'y\n' });
    expect(cleared.stdout).toBe('Artifact cache cleared!\n');
    expect(failureOf(await cache(['rm', 'u']))).toBe(
      "error: Artifact with UUID 'u' doesn't exists in the cache\n",
    );
    expect((await cache(['add', 'f'])).status).toBe(2);
  });

  it('does what its configuration file says, where the build needs it', async () => {
    await using server = await serve((request, response) => {
      const isAsked = request.url === '/cache/f.txt/md5' && request.headers.authorization !== undefined;
      response.writeHead(isAsked ? 200 : 404).end('content\n');
    });
    const project = described();
    const lines = [
      '[common]',
      `cache_url = ${server.url}/cache/#filename#/#algorithm#`,
      'url_authentication = 127.0.0.1#me:secret',
      'redhat = True',
    ];
    project.write('config', lines.join('\n'));
    const md5 = createHash('md5').update('content\n').digest('hex');
    const plain = { name: 'f.txt', md5, dest: '/' };
    project.write('image.yaml', JSON.stringify({ ...descriptor, artifacts: [plain] }));
    const flags = ['--config', 'config', 'build', '--dry-run', '--overrides', '{"name": "renamed"}'];
    const { stdout, stderr } = await run(project, flags);
    expect(stdout, stderr).toMatch(/^ +JBOSS_IMAGE_NAME="renamed"/m);
    expect(readFileSync(project.at('target/image/f.txt'), 'utf8')).toBe('content\n');

    project.write('config', '[common]\nssl_verify = maybe\n');
    expect(failureOf(await run(project, flags))).toMatch(
      /ssl_verify must be True or False\n +--> config:2:14\n/,
    );
  });

  it('is not needed: ashlar builds descriptors as it builds stacker files', async () => {
    const project = described();
    const ashlar = (...args: readonly string[]) => run(project, args, {}, ashlarProgram);
    project.write('f', 'of no other image\n');
    const { stderr } = await ashlar('build', '--layers', '--tag', 'mine');
    expect(stderr).toMatch(/filesystem some\/app built successfully\n$/);
    expect(project.tags()).toEqual(['mine']);
    expect((await ashlar('plan')).stdout).toMatch(/^some\/app\n {2}from {4}nothing\n {2}config {2}ARG A=/);
    expect((await ashlar('explain')).stdout).toBe('some/app: up to date\n');
    expect((await ashlar('lint')).stdout).toBe('0 errors, 0 warnings\n');
    expect(failureOf(await ashlar('build', '--substitute', 'A=b'))).toBe(
      'error: --substitute is for stacker files, and image.yaml is a CEKit descriptor\n',
    );

    project.write('stacker.yaml', JSON.stringify({ stacked: { from: { type: 'scratch' } } }));
    const both = await ashlar('build');
    expect(both.stderr).toContain(
      'using stacker.yaml; --descriptor image.yaml takes the descriptor beside it\n',
    );
    expect(project.tags()).toEqual(['mine', 'stacked']);
    expect(failureOf(await ashlar('build', '--overrides', '{}'))).toBe(
      'error: --overrides is for CEKit descriptors, and stacker.yaml is none\n',
    );
    expect((await ashlar('build', '-f', 'image.yaml')).status).toBe(0);
    expect(project.tags()).toEqual(['mine', 'stacked', 'some/app:12', 'some/app:latest']);
  });
});
