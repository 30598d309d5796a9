import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { startRegistry } from '../support/registry.ts';
import { has, isRoot } from '../support/tools.ts';
import { blobPath, readImage } from './images.ts';
import { busyboxLayout, useBusybox } from './roots.ts';
import { failureOf, output, Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'skopeo', 'busybox', 'docker-registry', 'htpasswd', 'openssl'))(
  'a clear error',
  () => {
    const workspace = useWorkspace();
    const busybox = useBusybox(workspace);

    /** Fails with the message and the place, leaves nothing half-written, and works when the cause is gone. */
    async function fails(
      project: Project,
      text: string,
      message: string | RegExp,
      place?: string,
    ): Promise<string> {
      const failure = await project.failure(text);
      expect(failure.split('\n')[0]).toMatch(message);
      if (place !== undefined) expect(failure).toContain(`--> stacker.yaml:${place}\n`);
      if (project.hasLayout()) expect(project.tags()).not.toContain('one');
      await project.build({ fine: { from: { type: 'scratch' } } });
      expect(readdirSync(join(project.store, 'tmp'))).toEqual([]);
      return failure;
    }

    const from = (source: object) => `one:\n  from: ${JSON.stringify(source)}\n  run: touch /x\n`;

    describe('about a base', () => {
      it('that does not exist', async () => {
        const project = workspace.project('own');
        await fails(
          project,
          from({ type: 'oci', url: 'none:tag' }),
          /^error: couldn't import base layer .*none/,
          '2:29',
        );
        const layout = busyboxLayout(project.path);
        const missing = await fails(
          project,
          from({ type: 'oci', url: `${layout}:none` }),
          /^error: couldn't import base layer .*none/,
        );
        expect(missing).toContain('busybox');
        await fails(project, from({ type: 'tar', url: 'none.tar' }), /^error: .*none\.tar/, '2:29');
        await fails(
          project,
          from({ type: 'built', tag: 'nothing' }),
          /^error: couldn't resolve some dependencies/,
        );
      });

      it('in a registry that cannot be reached', async () => {
        const url = 'docker://127.0.0.1:9/some/image:tag';
        const failure = await fails(
          workspace.project('own'),
          from({ type: 'docker', url, insecure: true }),
          /^error: couldn't import base layer docker:\/\/127\.0\.0\.1:9\/some\/image:tag: .*127\.0\.0\.1:9/,
          '2:32',
        );
        expect(failure).not.toContain('Error:');
        expect(failure).toContain('\nhint: nothing listens on port 9 of 127.0.0.1: check the address');
      });

      it('in a registry that nobody knows', async () => {
        const url = 'docker://no-such-host.invalid/some/image:tag';
        const failure = await fails(
          workspace.project('own'),
          from({ type: 'docker', url }),
          /^error: couldn't import base layer docker:\/\/no-such-host\.invalid\/some\/image:tag: cannot reach no-such-host\.invalid: /,
          '2:32',
        );
        // What is said depends on whether there is a name server at all.
        expect(failure).toMatch(/^hint: check .*name servers in \/etc\/resolv\.conf$/m);
      });

      it('that the registry does not have', async () => {
        await using registry = await startRegistry();
        const url = `docker://${registry.host}/some/image:tag`;
        const failure = await fails(
          workspace.project('own'),
          from({ type: 'docker', url, insecure: true }),
          /^error: couldn't import base layer .*: manifest unknown/,
          '2:32',
        );
        expect(failure).toContain(
          `\nhint: registry ${registry.host} has no such repository, tag or digest\n`,
        );
      });

      it('in a registry that wants credentials, with none, wrong ones and right ones', async () => {
        await using registry = await startRegistry({ auth: { username: 'me', password: 'secret-word' } });
        const project = workspace.project('own');
        const layout = busyboxLayout(project.path);
        const reference = `docker://${registry.host}/base:v1`;
        await output('skopeo', [
          ...['copy', '--quiet', '--dest-tls-verify=false', '--dest-creds', 'me:secret-word'],
          ...[`oci:${layout}:busybox`, reference],
        ]);
        const text = from({ type: 'docker', url: reference, insecure: true });
        await fails(
          project,
          text,
          /^error: couldn't import base layer .*(credentials|unauthorized|401)/i,
          '2:32',
        );
        const auth = (password: string) => {
          const entry = { auth: Buffer.from(`me:${password}`).toString('base64') };
          return project.write('auth.json', JSON.stringify({ auths: { [registry.host]: entry } }));
        };
        const env = { REGISTRY_AUTH_FILE: auth('wrong-word') };
        const wrong = await project.failure(text, [], { env });
        expect(wrong).toMatch(/^error: couldn't import base layer .*(credentials|unauthorized|401)/i);
        expect(wrong).not.toContain('wrong-word');
        auth('secret-word');
        await project.build(text, [], { env });
      });

      it('in a registry with a certificate of an unknown authority', async () => {
        await using registry = await startRegistry({ tls: true });
        const project = workspace.project('own');
        const layout = busyboxLayout(project.path);
        const reference = `docker://${registry.host}/base:v1`;
        await output('skopeo', [
          'copy',
          '--quiet',
          '--dest-tls-verify=false',
          `oci:${layout}:busybox`,
          reference,
        ]);
        await fails(
          project,
          from({ type: 'docker', url: reference }),
          /^error: couldn't import base layer .*certificate/,
        ).then(failure => {
          expect(failure).toMatch(/^hint: .*SSL_CERT_FILE; set insecure: true /m);
        });
        await project.build(from({ type: 'docker', url: reference, insecure: true }));
        const trusting = workspace.project('own');
        await trusting.build(from({ type: 'docker', url: reference }), [], {
          env: { SSL_CERT_FILE: registry.authority },
        });
      });

      it('whose blobs were tampered with: changed, cut short, too long, gone, or links', async () => {
        const changes: readonly (readonly [string, (path: string) => void])[] = [
          ['changed', path => writeFileSync(path, Buffer.alloc(readFileSync(path).length, 'x'))],
          ['cut short', path => truncateSync(path, 100)],
          ['too long', path => writeFileSync(path, 'more', { flag: 'a' })],
          ['gone', path => rmSync(path)],
          [
            'a link',
            path => {
              copyFileSync(path, `${path}.other`);
              rmSync(path);
              symlinkSync(`${path}.other`, path);
            },
          ],
        ];
        for (const [how, change] of changes) {
          for (const what of ['manifest', 'config', 'layer'] as const) {
            const project = workspace.project('own');
            const layout = busyboxLayout(project.path);
            const { digest, manifest } = readImage(layout, 'busybox');
            const digests = {
              manifest: digest,
              config: manifest.config.digest,
              layer: manifest.layers[0]?.digest ?? '',
            };
            const path = blobPath(layout, digests[what]);
            chmodSync(path, 0o644);
            change(path);
            const failure = await project.failure(from({ type: 'oci', url: `${layout}:busybox` }));
            expect(failure, `${what} ${how}`).toContain(digests[what].slice(7, 19));
            expect(project.tags(), `${what} ${how}`).toEqual([]);
            const blobs = readdirSync(join(project.store, 'blobs/sha256'));
            if (what === 'layer') expect(blobs).not.toContain(digests.layer.slice(7));
          }
        }
      });

      it('that is no tar file, or a broken one', async () => {
        const project = workspace.project('own');
        project.write(
          'text.tar',
          'this is not an archive but it is long enough to look like one. '.repeat(100),
        );
        await fails(project, from({ type: 'tar', url: 'text.tar' }), /^error: .*(tar|archive)/, '2:29');
        project.write('cut.tar', readFileSync(busybox.url).subarray(0, 1_000_000));
        await fails(
          project,
          from({ type: 'tar', url: 'cut.tar' }),
          /^error: .*(end|truncated|cut|short)/i,
          '2:29',
        );
        const gzip = execFileSync('gzip', ['-c'], { input: readFileSync(busybox.url), maxBuffer: 1 << 30 });
        project.write('cut.tar.gz', gzip.subarray(0, gzip.length / 2));
        await fails(project, from({ type: 'tar', url: 'cut.tar.gz' }), /^error: /, '2:29');
        mkdirSync(project.at('directory'));
        await fails(
          project,
          from({ type: 'tar', url: 'directory' }),
          /^error: a tar base must be a file, not a directory/,
          '2:29',
        );
      });
    });

    describe('about a file', () => {
      it('that is not there, with what may have been meant', async () => {
        const project = workspace.project('own');
        project.write('sources/program.c', '');
        const imported = (path: string) =>
          `one:\n  from: {type: scratch}\n  imports: [{path: ${path}, dest: /x}]\n`;
        for (const [path, hint] of [
          ['sources/progam.c', 'did you mean "program.c"?'],
          ['surces/program.c', `there is no directory ${project.at('surces')}: did you mean "sources"?`],
          ['sources/other', `in ${project.at('sources')} there is program.c`],
        ] as const) {
          const failure = await fails(
            project,
            imported(path),
            `error: couldn't stat import ${project.at(path)}`,
            '3:20',
          );
          expect(failure).toContain(`\nhint: ${hint}\n`);
        }
      });

      it('of another layer that does not have it', async () => {
        const project = workspace.project('own');
        const base = `base:\n  from: ${JSON.stringify(busybox)}\n`;
        for (const path of ['/etc/nothing', '/nothing/at/all']) {
          const text = `${base}one:\n  from: {type: scratch}\n  imports: [{path: 'stacker://base${path}', dest: /x}]\n`;
          const failure = await fails(project, text, `error: there is no ${path} in the image base`, '5:20');
          expect(failure).toContain('\nhint: look around in it: ashlar chroot base\n');
        }
      });

      it('that has another hash, with the one that it has', async () => {
        const project = workspace.project('own');
        project.write('file', 'content\n');
        const actual = '434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53';
        const text = `one:\n  from: {type: scratch}\n  imports: [{path: file, dest: /x, hash: "${'a'.repeat(64)}"}]\n`;
        const failure = await fails(
          project,
          text,
          `error: The requested hash of ${project.at('file')} import is different than the actual hash: ${'a'.repeat(64)} != ${actual}`,
          '3:20',
        );
        expect(failure).toContain(
          `\nhint: if the file has changed and you trust it, write hash: ${actual}\n`,
        );
      });

      it('that is to be bound and is not there', async () => {
        const project = workspace.project('own');
        project.write('shared/file', '');
        const text = `one:\n  from: ${JSON.stringify(busybox)}\n  binds: [shard -> /shared]\n  run: ls\n`;
        const failure = await fails(
          project,
          text,
          `error: failed to bind mount "${project.at('shard')}" at "/shared": bind mount source "${project.at('shard')}" does not exist, refusing bind mount: `,
          '3:11',
        );
        expect(failure).toContain('\nhint: did you mean "shared"?\n');
      });
    });

    describe('about a download', () => {
      it('that the server does not have, or breaks off', async () => {
        await using server = await serve(({ url }, response) => {
          if (url === '/broken') {
            response.writeHead(200, { 'content-length': '1000' });
            response.write('half', () => response.socket?.destroy());
          } else response.writeHead(404).end('no such file');
        });
        const project = workspace.project('own');
        const file = (name: string) =>
          `one:\n  from: {type: scratch}\n  imports:\n    - path: ${server.url}/${name}\n      dest: /x\n`;
        await fails(project, file('none'), `error: couldn't download ${server.url}/none: 404`, '4:13');
        await fails(project, file('broken'), `error: couldn't download ${server.url}/broken: `, '4:13');
      });
    });

    describe('about the output', () => {
      it('that is a file, or a directory of something else', async () => {
        const project = workspace.project('own');
        project.write('oci', 'a file');
        expect(await project.failure({ one: { from: { type: 'scratch' } } })).toContain(
          `error: parameter oci-dir="${project.oci}" exists but is not a directory.\n`,
        );
        rmSync(project.oci);
        project.write('oci/precious', 'data');
        expect(await project.failure({ one: { from: { type: 'scratch' } } })).toContain(
          `error: parameter oci-dir="${project.oci}" exists but does not look like an OCI Layout.\n`,
        );
        expect(readdirSync(project.oci)).toEqual(['precious']);
      });

      it.runIf(isRoot)('on a disk that is full, of the store or of the layout', async () => {
        for (const what of ['store', 'oci']) {
          const project = workspace.project('own');
          mkdirSync(project.at(what));
          const size = what === 'store' ? 'size=8m' : 'size=1m';
          execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', project.at(what)]);
          try {
            const text = `one:\n  from: ${JSON.stringify(busybox)}\n  run: dd if=/dev/urandom of=/big bs=1M count=20\n`;
            const big = `one:\n  from: ${JSON.stringify(busybox)}\n  imports: [{path: big, dest: /big}]\n`;
            project.write('big', randomBytes(20_000_000));
            const failure = failureOf(await project.tryBuild(what === 'store' ? text : big));
            expect(failure).toMatch(/space|ENOSPC|exit status/i);
            const again = failureOf(await project.tryBuild(big));
            expect(again).toMatch(/^error: .*(space|ENOSPC)/i);
            expect(again).toContain('hint: ');
            const small = {
              one: { from: { type: 'scratch' }, imports: [{ path: 'stacker.yaml', dest: '/f' }] },
            };
            await project.build(small);
          } finally {
            execFileSync('umount', ['--lazy', project.at(what)]);
          }
        }
      });
    });

    describe('about what was asked for', () => {
      it('with an unknown directive, and what was probably meant', async () => {
        const failure = await fails(
          workspace.project('own'),
          'one:\n  from: {type: scratch}\n  enviroment: {A: b}\n',
          'error: stackerfile: unknown directive enviroment',
          '3:3',
        );
        expect(failure).toContain('hint: did you mean "environment"?\n');
      });

      it('in a file that is missing, is no YAML, or is indented with tabs', async () => {
        const project = workspace.project('own');
        expect(failureOf(await project.ashlar(['build', '-f', 'none.yaml']))).toMatch(
          /^error: couldn't read stacker file\n/,
        );
        expect(await project.failure('one: [')).toContain("error: couldn't parse stacker file stacker.yaml");
        const tabs = await project.failure('one:\n\tfrom: {type: scratch}\n');
        expect(tabs).toContain('tab');
        expect(tabs).toContain('--> stacker.yaml:2:1\n');
      });

      it('with a SOURCE_DATE_EPOCH that is no number', async () => {
        const project = workspace.project('own');
        for (const value of ['yesterday', '-1', '1.5', '1e9']) {
          const failure = await project.failure({ one: { from: { type: 'scratch' } } }, [], {
            env: { SOURCE_DATE_EPOCH: value },
          });
          expect(failure).toContain(`error: invalid SOURCE_DATE_EPOCH value "${value}": `);
        }
      });

      it('with flags that contradict each other or do not exist', async () => {
        const project = workspace.project('own');
        const file = { one: { from: { type: 'scratch' } } };
        expect(await project.failure(file, [], { globals: ['--debug', '--quiet'] })).toBe(
          "error: debug and quiet don't make sense together\n",
        );
        expect(await project.failure(file, ['--layer-type', 'zip'])).toContain(
          'error: unknown layer type: zip\n',
        );
        expect(await project.failure(file, ['--substitute', 'X'])).toContain('error: invalid substition X\n');
        expect(await project.failure(file, [], { globals: ['--roots-dir', 'a:b'] })).toContain(
          'is forbidden due to overlay constraints\n',
        );
        const unknown = await project.tryBuild(file, ['--no-such-flag']);
        expect(unknown.status).toBe(1);
        expect(unknown.stderr).toContain("error: unknown option '--no-such-flag'");
        expect((await project.ashlar(['build', '--jobs', '0'])).status).toBe(1);
      });

      it('and nothing but the error with --quiet', async () => {
        const project = workspace.project('own');
        const file = (run: string) => ({ one: { from: busybox, run } });
        expect((await project.build(file('true'), [], { globals: ['-q'] })).stderr).toBe('');
        const { stderr } = await project.tryBuild(file('exit 3'), [], { globals: ['-q'] });
        expect(stderr).toMatch(/^error: run commands failed/);
      });
    });

    it.runIf(isRoot)('about a store of somebody else, which is not touched', async () => {
      const project = workspace.project();
      const store = project.at('theirs');
      mkdirSync(store);
      execFileSync('chown', ['12345', store]);
      const ended = await new Project(project.path, store).tryBuild({ one: { from: { type: 'scratch' } } });
      expect(failureOf(ended)).toContain(`error: the store ${store} belongs to uid 12345\n`);
      expect(readdirSync(store)).toEqual([]);
    });

    it('about a store in a place that cannot be written', async () => {
      const project = workspace.project();
      project.write('file', '');
      const ended = await new Project(project.path, project.at('file/store')).tryBuild({
        one: { from: { type: 'scratch' } },
      });
      expect(failureOf(ended)).toContain(project.at('file'));
    });
  },
);
