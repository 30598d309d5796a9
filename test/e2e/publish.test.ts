import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { readImage, readTags } from './images.ts';
import { useBusybox } from './roots.ts';
import { type Ended, failureOf, output, outputAsRoot, type Project, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

describe.skipIf(!has('umoci', 'skopeo', 'docker-registry', 'htpasswd', 'openssl', 'busybox'))(
  'publish',
  () => {
    const workspace = useWorkspace();
    const busybox = useBusybox(workspace);
    const scratch = { type: 'scratch' };

    /** A project whose file has two images and one that only serves to build the second. */
    async function built(): Promise<Project> {
      const project = workspace.project();
      project.write('f', `f of ${project.path}\n`);
      await project.build({
        one: { from: scratch, imports: [{ path: 'f', dest: '/f' }] },
        parts: { from: scratch, imports: [{ path: 'f', dest: '/part' }], build_only: true },
        two: { from: { type: 'built', tag: 'parts' }, labels: { a: 'b' } },
      });
      return project;
    }

    /** The log lines of a command that must have succeeded. */
    function linesOf({ status, stderr }: Ended): readonly string[] {
      expect(status, stderr).toBe(0);
      return stderr.trimEnd().split('\n');
    }

    /** The same image as a registry has it, fetched by skopeo into a layout. */
    async function fetched(registry: TestRegistry, name: string, ...flags: readonly string[]) {
      const layout = join(workspace.path, `fetched-${name.replaceAll(/\W/g, '-')}`);
      await output('skopeo', ['copy', ...flags, `docker://${registry.host}/${name}`, `oci:${layout}:x`]);
      return { layout, image: readImage(layout, 'x') };
    }

    describe('to a layout', () => {
      it('copies each image under each tag, and says so', async () => {
        const project = await built();
        const ended = await project.ashlar(['publish', '--url', 'oci:out', '--tag', 'v1', '--tag', 'latest']);
        expect(linesOf(ended)).toEqual([
          'publishing stacker.yaml one to oci:out:one_v1',
          'publishing stacker.yaml one to oci:out:one_latest',
          'will not publish: stacker.yaml build_only parts',
          'publishing stacker.yaml two to oci:out:two_v1',
          'publishing stacker.yaml two to oci:out:two_latest',
        ]);
        expect(readTags(project.at('out'))).toEqual(['one_v1', 'one_latest', 'two_v1', 'two_latest']);
        expect(readImage(project.at('out'), 'one_v1')).toMatchObject({ digest: project.image('one').digest });
        expect(readImage(project.at('out'), 'two_latest').digest).toBe(project.image('two').digest);
        await output('umoci', ['stat', '--image', `${project.at('out')}:two_v1`]);
      });

      it('only says what it would do with --show-only, with the name of the file as it was typed', async () => {
        const project = await built();
        const flags = ['-f', './stacker.yaml', '--url', 'oci:out/', '--tag', 'v1', '--show-only'];
        expect(linesOf(await project.ashlar(['publish', ...flags]))).toEqual([
          'would publish: ./stacker.yaml one to oci:out/:one_v1',
          'will not publish: ./stacker.yaml build_only parts',
          'would publish: ./stacker.yaml two to oci:out/:two_v1',
        ]);
        const registry = ['--url', 'docker://registry.example/a//', '--tag', 'v1', '--show-only'];
        const lines = linesOf(await project.ashlar(['publish', ...registry]));
        expect(lines.at(-1)).toBe('would publish: stacker.yaml two to docker://registry.example/a/two:v1');
        expect(() => readTags(project.at('out'))).toThrow('ENOENT');
      });

      it('takes only the layers of --image', async () => {
        const project = await built();
        const flags = ['--url', 'oci:out', '--tag', 'v1'];
        await project.ashlar(['publish', ...flags, '--image', 'two']);
        expect(readTags(project.at('out'))).toEqual(['two_v1']);
        await project.ashlar(['publish', ...flags, '--image', 'two', '--image', 'one']);
        expect(readTags(project.at('out')).toSorted()).toEqual(['one_v1', 'two_v1']);
        expect(linesOf(await project.ashlar(['publish', ...flags, '--image', 'tow']))[0]).toBe(
          'no layer tow to publish: did you mean "two"?',
        );
      });

      it('takes the named files, not their prerequisites, and files below a directory', async () => {
        const project = workspace.project();
        project.writeStackerFile({ base: { from: scratch, labels: { of: 'base' } } }, 'base/stacker.yaml');
        project.write(
          'deep/er/stacker.yaml',
          'config: {prerequisites: [../../base/stacker.yaml]}\nchild: {from: {type: built, tag: base}}\n',
        );
        const file = ['-f', 'deep/er/stacker.yaml'];
        linesOf(await project.ashlar(['build', ...file]));
        const flags = ['--url', 'oci:out', '--tag', 'v1'];
        expect(linesOf(await project.ashlar(['publish', ...file, ...flags]))).toEqual([
          'publishing deep/er/stacker.yaml child to oci:out:child_v1',
        ]);
        expect(linesOf(await project.ashlar(['publish', '-d', '.', ...flags]))).toEqual([
          `publishing ${project.at('base/stacker.yaml')} base to oci:out:base_v1`,
          `publishing ${project.at('deep/er/stacker.yaml')} child to oci:out:child_v1`,
        ]);
        const below = ['-d', 'deep', '-p', 'er/stacker'];
        expect(linesOf(await project.ashlar(['publish', ...below, ...flags, '--show-only']))).toEqual([
          'would publish: deep/er/stacker.yaml child to oci:out:child_v1',
        ]);
      });
    });

    describe('refuses', () => {
      it.each([
        [['--tag', 'v1'], '--url is a mandatory argument for publishing'],
        [['--url', 'oci:out'], "can't save OCI images in stacker.yaml since list of tags is empty"],
        [['--url', 'dir:out', '--tag', 'v1'], 'unknown image source type: dir:out'],
        [['--url', 'oci:out', '--tag', 'v1', '--layer-type', 'zip'], 'unknown layer type: zip'],
        [
          ['--url', 'oci:out', '--tag', 'v1', '--username', 'me'],
          "supply both username and password, or none of them, current values: 'me' ''",
        ],
        [
          ['--url', 'oci:out', '--tag', 'v1', '--password', 'secret-word'],
          "supply both username and password, or none of them, current values: '' '***'",
        ],
      ])('%j', async (flags, message) => {
        const project = workspace.project();
        await project.build({ one: { from: scratch } });
        expect(failureOf(await project.ashlar(['publish', ...flags]))).toContain(`error: ${message}\n`);
      });

      it('to begin without a layout', async () => {
        const project = workspace.project();
        project.writeStackerFile({ one: { from: scratch } });
        const failure = failureOf(await project.ashlar(['publish', '--url', 'oci:out', '--tag', 'v1']));
        expect(failure).toContain(`error: there is no OCI layout in ${project.oci}`);
      });
    });

    describe('wants to be sure that what it publishes is what the files say', () => {
      const flags = ['--url', 'oci:out', '--tag', 'v1'];
      const stale = (layer: string) => `error: layer needs to be rebuilt before publishing: ${layer}\n`;

      it('and refuses a layer whose source has changed, unless forced', async () => {
        const project = await built();
        project.write('f', 'new\n');
        expect(failureOf(await project.ashlar(['publish', ...flags]))).toContain(stale('one'));
        expect(() => readTags(project.at('out'))).toThrow('ENOENT');
        linesOf(await project.ashlar(['publish', ...flags, '--force']));
        expect(readTags(project.at('out'))).toEqual(['one_v1', 'two_v1']);
        linesOf(await project.ashlar(['build']));
        linesOf(await project.ashlar(['publish', ...flags]));
        expect(readImage(project.at('out'), 'one_v1').digest).toBe(project.image('one').digest);
      });

      it('and refuses one that was never built, or is no longer there', async () => {
        const project = await built();
        await output('umoci', ['rm', '--image', `${project.oci}:two`]);
        expect(failureOf(await project.ashlar(['publish', ...flags]))).toContain(stale('two'));
        linesOf(await project.ashlar(['publish', ...flags, '--image', 'one']));
        project.writeStackerFile({ other: { from: scratch } }, 'other.yaml');
        const other = await project.ashlar(['publish', '-f', 'other.yaml', ...flags]);
        expect(failureOf(other)).toContain(stale('other'));
      });

      it('so that values that only the build needed may be missing', async () => {
        const project = workspace.project();
        const file = [
          'parts: {from: {type: scratch}, labels: {a: "${{ONLY_HERE}}"}, build_only: true}',
          'one: {from: {type: scratch}, labels: {b: "${{B}}"}}',
          'two: {from: {type: scratch}, labels: {c: c}}',
        ].join('\n');
        await project.build(file, ['--substitute', 'ONLY_HERE=1', '--substitute', 'B=2']);
        expect(failureOf(await project.ashlar(['publish', ...flags]))).toContain(stale('one'));
        linesOf(await project.ashlar(['publish', ...flags, '--substitute', 'B=2']));
        linesOf(await project.ashlar(['publish', ...flags, '--image', 'two']));
        expect(readTags(project.at('out'))).toEqual(['one_v1', 'two_v1']);
        project.write('values.yaml', 'B: 2\n');
        linesOf(await project.ashlar(['publish', ...flags, '--substitute-file', 'values.yaml']));
      });

      it('which nobody knows of a layer with binds', async () => {
        const project = workspace.project();
        mkdirSync(project.at('host'));
        await project.build({ one: { from: busybox, run: 'touch /x', binds: ['host -> /host'] } });
        expect(failureOf(await project.ashlar(['publish', ...flags]))).toContain(stale('one'));
        linesOf(await project.ashlar(['publish', ...flags, '--force']));
      });
    });

    describe('to a registry', () => {
      it('gives what the next one pulls: the same bytes, and trees with deletions', async () => {
        const project = workspace.project();
        await project.build({
          base: { from: busybox, run: ['mkdir -p /d/sub', 'touch /d/old /d/sub/old /gone'] },
          one: { from: { type: 'built', tag: 'base' }, run: 'rm -r /gone /d; mkdir /d; touch /d/new' },
        });
        await using registry = await startRegistry();
        const url = `docker://${registry.host}/some/where`;
        const ended = await project.ashlar([
          'publish',
          '--url',
          url,
          '--tag',
          'v1',
          '--tag',
          'v2',
          '--skip-tls',
        ]);
        expect(linesOf(ended)).toEqual([
          `publishing stacker.yaml base to ${url}/base:v1`,
          `publishing stacker.yaml base to ${url}/base:v2`,
          `publishing stacker.yaml one to ${url}/one:v1`,
          `publishing stacker.yaml one to ${url}/one:v2`,
        ]);
        const { layout, image } = await fetched(registry, 'some/where/one:v1', '--src-tls-verify=false');
        expect(image.digest).toBe(project.image('one').digest);
        const bundle = join(layout, '../bundle');
        await outputAsRoot('umoci', ['unpack', '--image', `${layout}:x`, bundle]);
        const tree = await describeTree(join(bundle, 'rootfs'));
        expect(Object.keys(tree).filter(path => /^\.\/(d|gone)/.test(path))).toEqual(['./d', './d/new']);
        const tags = await output('skopeo', ['list-tags', '--tls-verify=false', `${url}/base`]);
        expect(JSON.parse(tags).Tags).toEqual(['v1', 'v2']);
      });

      it('names the blobs that it copies with --progress, each once for all images, and not without', async () => {
        const project = workspace.project();
        project.write('f', `f of ${project.path}\n`);
        await project.build({
          one: { from: scratch, imports: [{ path: 'f', dest: '/f' }] },
          two: { from: { type: 'built', tag: 'one' }, imports: [{ path: 'f', dest: '/g' }] },
        });
        const publishTo = (registry: TestRegistry, ...globals: readonly string[]) => {
          const flags = ['--url', `docker://${registry.host}`, '--tag', 'v1', '--skip-tls'];
          return project.ashlar(['publish', ...flags], { globals });
        };
        const copied = (ended: Ended) => linesOf(ended).filter(line => line.startsWith('Copying blob '));
        const blobs = ['one', 'two'].flatMap(tag => {
          const { layers, manifest } = project.image(tag);
          return [...layers, manifest.config.digest].map(digest => `Copying blob ${digest}`);
        });
        await using registry = await startRegistry();
        const first = copied(await publishTo(registry, '--progress'));
        expect(first.toSorted()).toEqual([...new Set(blobs)].sort());
        expect(first).toHaveLength(4);
        expect(copied(await publishTo(registry, '--progress'))).toEqual([]);
        await using empty = await startRegistry();
        expect(copied(await publishTo(empty))).toEqual([]);
      });

      it('logs in with --username and --password, or with auth.json, and shows no password', async () => {
        const project = await built();
        const auth = { username: 'me', password: 'secret-word' };
        await using registry = await startRegistry({ auth });
        const flags = ['--url', `docker://${registry.host}/a`, '--skip-tls', '--image', 'one'];
        const publish = (...more: readonly string[]) => project.ashlar(['publish', ...flags, ...more]);
        expect(failureOf(await publish('--tag', 'none'))).toContain('wants credentials for a/one');
        const wrong = failureOf(
          await publish('--tag', 'wrong', '--username', 'me', '--password', 'wrong-word'),
        );
        expect(wrong).toContain('refuses the credentials from --username and --password');
        expect(wrong).not.toContain('wrong-word');
        const given = await publish('--tag', 'given', '--username', 'me', '--password', 'secret-word');
        expect(linesOf(given).join('\n')).not.toContain('secret-word');
        const entry = { auth: Buffer.from('me:secret-word').toString('base64') };
        const file = project.write('auth.json', JSON.stringify({ auths: { [registry.host]: entry } }));
        const env = { REGISTRY_AUTH_FILE: file };
        linesOf(await project.ashlar(['publish', ...flags, '--tag', 'file'], { env }));
        // What the command line says wins over a file that would do.
        failureOf(
          await project.ashlar(['publish', ...flags, '--tag', 'x', '--username', 'a', '--password', 'b'], {
            env,
          }),
        );
        const tags = [
          'list-tags',
          '--tls-verify=false',
          '--authfile',
          file,
          `docker://${registry.host}/a/one`,
        ];
        expect(JSON.parse(await output('skopeo', tags)).Tags).toEqual(['file', 'given']);
      });

      it('wants encryption, but for --skip-tls', async () => {
        const project = await built();
        await using registry = await startRegistry();
        const flags = ['--url', `docker://${registry.host}/a`, '--tag', 'v1', '--image', 'one'];
        expect(failureOf(await project.ashlar(['publish', ...flags]))).toContain('--skip-tls');
        linesOf(await project.ashlar(['publish', ...flags, '--skip-tls']));
      });

      it('checks certificates, but for --skip-tls', async () => {
        const project = await built();
        await using registry = await startRegistry({ tls: true });
        const flags = ['--url', `docker://${registry.host}/a`, '--image', 'one'];
        const untrusted = failureOf(await project.ashlar(['publish', ...flags, '--tag', 'untrusted']));
        expect(untrusted).toContain('--skip-tls');
        linesOf(await project.ashlar(['publish', ...flags, '--tag', 'skipped', '--skip-tls']));
        const certificates = project.at('home/.config/containers/certs.d', registry.host);
        mkdirSync(certificates, { recursive: true });
        writeFileSync(join(certificates, 'ca.crt'), await output('cat', [registry.authority ?? '']));
        const env = { HOME: project.at('home') };
        linesOf(await project.ashlar(['publish', ...flags, '--tag', 'trusted'], { env }));
        const { image } = await fetched(registry, 'a/one:trusted', '--src-cert-dir', certificates);
        expect(image.digest).toBe(project.image('one').digest);
        const tags = ['list-tags', '--cert-dir', certificates, `docker://${registry.host}/a/one`];
        expect(JSON.parse(await output('skopeo', tags)).Tags).toEqual(['skipped', 'trusted']);
      });
    });
  },
);
