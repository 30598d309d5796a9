import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../../src/support/process.ts';
import { has, isRoot } from '../support/tools.ts';
import { linesOf, useBusybox } from './roots.ts';
import { ashlarProgram, execute, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('run', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };

  describe('the script', () => {
    it('is all items of a list as one script, started with -xe', async () => {
      const project = workspace.project();
      const run = ['x=1', 'echo $x >/one; false || true', 'case $- in *e*) echo e;; esac'];
      const { stdout } = await project.build({ one: { from: busybox, run } });
      expect(stdout.split('\n').slice(0, 2)).toEqual(['+ x=1', '+ echo 1']);
      expect(stdout.endsWith('+ echo e\ne\n')).toBe(true);
      expect(await project.fileOf('one', 'one')).toBe('1\n');
    });

    it('chooses its interpreter by its first line', async () => {
      const project = workspace.project();
      const { stdout } = await project.build({
        awk: { from: busybox, run: '#!/bin/awk -f\nBEGIN { print "I am awk"; exit 0 }\n' },
        quiet: { from: busybox, run: '#!/bin/sh\nfalse\necho still here\n' },
      });
      expect(stdout).toContain('I am awk\n');
      expect(stdout).toContain('still here\n');
      expect(stdout).not.toContain('+ ');
    });

    it('that fails ends the build with status 1, its own status in the message, and the line that failed', async () => {
      const project = workspace.project();
      const text = `one:\n  from: ${JSON.stringify(busybox)}\n  run: |\n    touch /half\n    exit 42\n`;
      const ended = await project.tryBuild(text);
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(
        /^error: run commands failed for image "one" in "stacker\.yaml": execute failed: exit status 42\n {2}--> stacker\.yaml:5:5\n {2}5 \| {5}exit 42\n {4}\| {5}\^{7}\n/m,
      );
      expect(project.tags()).toEqual([]);
    });

    it('is stopped by the first command that fails', async () => {
      const project = workspace.project();
      const { stdout } = await project.tryBuild({ one: { from: busybox, run: ['false', 'echo unreached'] } });
      expect(stdout).toBe('+ false\n');
    });

    it('killed by a signal fails as in a shell', async () => {
      const project = workspace.project();
      const message = await project.failure({ one: { from: busybox, run: 'sh -c "kill -9 \\$\\$"' } });
      expect(message).toContain('execute failed: exit status 137');
    });

    it('needs a shell in the image, and says so when there is none', async () => {
      const project = workspace.project();
      project.write('f', 'x');
      const text = 'one:\n  from: {type: scratch}\n  imports: [{path: f, dest: /f}]\n  run: echo hi\n';
      const message = await project.failure(text);
      expect(message).toContain('error: there is no /bin/sh in the image, which should run the script\n');
      expect(message).toContain('--> stacker.yaml:4:3\n');
    });

    it('whose interpreter is missing fails with the name of the interpreter', async () => {
      const project = workspace.project();
      const message = await project.failure({
        one: { from: busybox, run: '#!/usr/bin/python3\nprint(1)\n' },
      });
      expect(message).toContain(
        'error: there is no /usr/bin/python3 in the image, which should run the script\n',
      );
    });

    it('that is absent, null or changes nothing makes no layer', async () => {
      const project = workspace.project();
      await project.build({
        absent: { from: busybox },
        none: { from: busybox, run: null },
        same: { from: busybox, run: 'ls / >/dev/null' },
      });
      for (const tag of ['absent', 'none', 'same']) expect(project.image(tag).layers).toHaveLength(1);
      expect(project.image('same').config.history?.at(-1)).toMatchObject({
        created_by: 'stacker build',
        empty_layer: true,
      });
    });
  });

  describe('what the script sees', () => {
    it('is root in /, with no input, and both outputs of it are on standard output in their order', async () => {
      const project = workspace.project();
      const run = [
        '#!/bin/sh -e',
        'id -u; pwd; hostname; if read x; then echo input; fi',
        'echo to stderr >&2; echo to stdout; echo again >&2',
      ].join('\n');
      const { stdout, stderr } = await project.build({ one: { from: busybox, run } }, [], {
        input: 'something\n',
      });
      expect(stdout).toBe('0\n/\nstacker\nto stderr\nto stdout\nagain\n');
      expect(stderr).not.toContain('to stderr');
    });

    it('is an environment of exactly the documented variables', async () => {
      const project = workspace.project();
      const file = (layer: object) => ({
        'the-layer': { from: busybox, run: "#!/bin/sh\ntr '\\0' '\\n' </proc/$$/environ | sort", ...layer },
      });
      const variables = {
        FOO: 'foo',
        HOME: '/home/someone',
        http_proxy: 'http://proxy.invalid',
        HTTPS_PROXY: 'https://proxy.invalid',
        TERM: 'dumb',
      };
      const absent = Object.fromEntries(
        ['https_proxy', 'HTTP_PROXY', 'ftp_proxy', 'FTP_PROXY', 'no_proxy', 'NO_PROXY'].map(name => [
          name,
          undefined,
        ]),
      );
      const fixed = [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'STACKER_LAYER_NAME=the-layer',
      ];
      const seen = async (layer: object, env = {}) => {
        const { stdout } = await project.build(
          file({ environment: { IMAGE: 'x' }, ...layer }),
          ['--no-cache'],
          {
            env: { ...absent, ...variables, ...env },
          },
        );
        return stdout.split('\n').filter(Boolean);
      };
      const sorted = (...lines: string[]) => [...fixed, 'container=lxc', ...lines].sort();
      const proxies = ['HTTPS_PROXY=https://proxy.invalid', 'http_proxy=http://proxy.invalid'];
      expect(await seen({})).toEqual(sorted(...proxies, 'TERM=dumb'));
      expect(await seen({}, { SOURCE_DATE_EPOCH: '1' })).toEqual(
        sorted(...proxies, 'TERM=dumb', 'SOURCE_DATE_EPOCH=1'),
      );
      expect(await seen({ build_env: { http_proxy: 'mine', A: '', STACKER_LAYER_NAME: 'other' } })).toEqual(
        sorted('HTTPS_PROXY=https://proxy.invalid', 'TERM=dumb', 'http_proxy=mine', 'A='),
      );
      expect(await seen({ build_env_passthrough: ['FO+', 'HOM'] })).toEqual(sorted('FOO=foo'));
      expect(await seen({ build_env_passthrough: [] })).toEqual(sorted(...proxies, 'TERM=dumb'));
      const everything = await seen({ build_env_passthrough: ['.*'], build_env: { FOO: 'bar' } });
      expect(everything).toEqual(
        expect.arrayContaining(['FOO=bar', 'HOME=/home/someone', 'STACKER_LAYER_NAME=the-layer']),
      );
    });

    it('is proc, a small dev, sys and the name resolution of the host', async () => {
      const project = workspace.project();
      const run = [
        '#!/bin/sh -e',
        'test -d /proc/self; test -d /sys/kernel',
        'for d in null zero full random urandom tty; do test -c /dev/$d; done; test -d /dev/shm; test -L /dev/fd',
        'grep " /sys sysfs " /proc/mounts | cut -d" " -f4 | cut -d, -f1',
        'ls /proc/self/fd | wc -l; cat /etc/resolv.conf >/copy',
        'echo hi >/dev/shm/x',
      ].join('\n');
      const { stdout } = await project.build({ one: { from: busybox, run } });
      // ls itself has the directory open, besides 0, 1 and 2.
      expect(stdout).toBe('ro\n4\n');
      expect(await project.fileOf('one', 'copy')).toBe(readFileSync('/etc/resolv.conf', 'utf8'));
    });

    it('is nothing of the host: no other processes, no open directories', async () => {
      const project = workspace.project();
      const run =
        '#!/bin/sh -e\nls -d /proc/[0-9]* | wc -l; echo $$; readlink /proc/$$/fd/* 2>/dev/null || true\n';
      const { stdout } = await project.build({ one: { from: busybox, run } });
      const [processes, self] = stdout.split('\n');
      expect(Number(processes)).toBeLessThan(5);
      expect(self).toBe('1');
      expect(stdout).not.toContain(workspace.path);
    });

    it('is a network of its own, without an outside, with --network none', async () => {
      const project = workspace.project();
      const run = "#!/bin/sh -e\ntail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '";
      const { stdout } = await project.build({ one: { from: busybox, run } }, ['--network', 'none']);
      expect(stdout).toBe('lo\n');
    });
  });

  describe('what is left of it in the image', () => {
    it.runIf(isRoot)('is no resolv.conf where the machine has none, which is said', async () => {
      const project = workspace.project();
      project.writeStackerFile({ one: { from: busybox, run: 'test ! -e /etc/resolv.conf' } });
      const script = 'cp -a /etc etc; rm -f etc/resolv.conf; mount --bind etc /etc; exec "$0" "$@"';
      const { status, stderr } = await execute(
        'unshare',
        ['--mount', 'sh', '-c', script, ashlarProgram, ...project.arguments(['build'])],
        { cwd: project.path, env: project.environment() },
      );
      expect(stderr).toContain(
        'there is no /etc/resolv.conf on this machine: host names will not be found\n',
      );
      expect(status).toBe(0);
    });

    it('is nothing that was made for running: no mount points, no resolv.conf, no times of directories', async () => {
      const project = workspace.project();
      mkdirSync(project.at('shared'));
      await project.build({
        one: {
          from: busybox,
          imports: ['stacker.yaml'],
          binds: ['shared -> /deep/bind/point'],
          run: 'echo x >/etc/new',
        },
      });
      expect(project.image('one').names(-1)).toEqual(['/', 'etc/', 'etc/new']);
      const root = await project.unpack('one');
      for (const path of ['proc', 'dev', 'sys', 'stacker', '.stacker', 'deep', 'etc/resolv.conf'])
        expect(() => readFileSync(join(root, path))).toThrow('ENOENT');
    });

    it('is what is written beside mount points that the image has itself', async () => {
      const project = workspace.project();
      await project.build({
        base: {
          from: busybox,
          run: 'mkdir -p /stacker/imports /mnt; echo own >/stacker/own',
        },
        one: { from: { type: 'built', tag: 'base' }, run: 'echo x >/mnt/x' },
      });
      expect(project.image('one').names(-1)).toEqual(['/', 'mnt/', 'mnt/x']);
      expect(await project.fileOf('one', 'stacker/own')).toBe('own\n');
    });
  });

  it('works with every runtime alike', async () => {
    const project = workspace.project();
    const layer = {
      from: busybox,
      imports: ['stacker.yaml'],
      run: 'id -u; hostname; cat /stacker/imports/stacker.yaml >/f',
    };
    const runtimes = ['crun', 'runc', 'builtin'].filter(name => name === 'builtin' || has(name));
    const results = [];
    for (const runtime of runtimes) {
      const flags = ['--runtime', runtime, '--no-cache'];
      const env = { SOURCE_DATE_EPOCH: '1700000000' };
      const { status, stdout, stderr } = await project.tryBuild({ one: layer }, flags, { env });
      // Each runtime alone may be refused by this machine (crun by cgroup layouts), but then with a reason.
      if (status !== 0) expect(stderr).toMatch(/^error: (crun|runc) could not start/m);
      else results.push([stdout, project.image('one').digest]);
    }
    expect(results.length).toBeGreaterThan(0);
    expect(new Set(results.map(result => JSON.stringify(result))).size).toBe(1);
  });

  it.skipIf(isRoot)('works with a single user id, and says what that means', async () => {
    const project = workspace.project('own');
    const bin = project.at('bin');
    mkdirSync(bin);
    // Everything that ashlar needs, but no newuidmap.
    for (const name of ['readlink', 'find', 'unshare', 'sh', 'hostname', 'env', 'true', 'crun', 'runc'])
      symlinkSync(findProgram(name) ?? 'missing', join(bin, name));
    const run = '#!/bin/sh\nid -u; touch /new; chown 5:5 /new 2>/dev/null || echo refused\n';
    const { stdout, stderr } = await project.build({ one: { from: busybox, run } }, [], {
      env: { PATH: bin },
    });
    expect(stdout).toBe('0\nrefused\n');
    expect(stderr).toMatch(
      /^only one user id is available .*: owners of files cannot be kept; as root: .+$/m,
    );
    expect(project.image('one').names(-1)).toEqual(['/', 'new']);
  });

  it('runs scripts of several layers with the right names', async () => {
    const project = workspace.project();
    mkdirSync(project.at('out'));
    const layer = { from: busybox, binds: ['out -> /out'], run: 'echo $STACKER_LAYER_NAME >>/out/names' };
    await project.build({ a: layer, b: layer, c: { ...layer, from: scratch, run: null } });
    expect(linesOf(project.at('out/names'))).toEqual(['a', 'b']);
  });
});
