import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectIdMap, startInNamespaces } from '../../src/sandbox/index.ts';
import { findProgram } from '../../src/support/process.ts';
import { has, isRoot } from '../support/tools.ts';
import type { Reply, Request } from './inside.ts';

let directory: string;
let base: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-sandbox-'));
  base = join(directory, 'base');
  mkdirSync(join(base, 'bin'), { recursive: true });
  mkdirSync(join(directory, 'upper'));
  copyFileSync(findProgram('busybox') ?? '', join(base, 'bin/busybox'));
  symlinkSync('busybox', join(base, 'bin/sh'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function run(script: string, request: Partial<Request> = {}, idMap = detectIdMap()): Promise<Reply> {
  const child = startInNamespaces(new URL('./inside.ts', import.meta.url), idMap);
  child.stderr?.pipe(process.stderr);
  child.send({
    scratch: join(directory, 'scratch'),
    lowers: [base],
    upper: join(directory, 'upper'),
    script,
    mounts: [],
    runtime: 'crun',
    network: 'host',
    ...request,
  } satisfies Request);
  const [reply] = (await once(child, 'message')) as [Reply];
  child.disconnect();
  await once(child, 'exit');
  return reply;
}

const runtimes = ['crun', 'runc', 'builtin'] as const;

describe.runIf(isRoot && has('busybox', 'crun', 'runc')).each(runtimes)('a process run by %s', runtime => {
  it('is stopped at any time, even when it has not begun yet', async () => {
    for (const stopAfter of [0, 10, 20, 30, 40, 60, 80, 120]) {
      const layout = mkdtempSync(join(directory, 'stopped-'));
      mkdirSync(join(layout, 'upper'));
      const where = { scratch: join(layout, 'scratch'), upper: join(layout, 'upper') };
      const reply = await run('busybox sleep 1000', { runtime, stopAfter, ...where });
      expect(reply).toEqual({ error: expect.stringContaining('timeout') });
    }
  });

  it('has a cleared environment, the host name and its exit status', async () => {
    const reply = await run('busybox env | busybox sort; busybox hostname; busybox pwd; exit 7', { runtime });
    expect(reply).toEqual({
      status: 7,
      output: expect.stringMatching(
        /^(HOME=\/\n)?PATH=\/bin\n(PWD=\/\n)?(SHLVL=\d\n)?SOME=value with "quotes"\nstacker\n\/\n$/,
      ),
      runtime,
    });
  });

  it('leaves only its own changes in the upper directory', async () => {
    const reply = await run('echo hello > /made; busybox rm /bin/sh; busybox mkdir /new', {
      runtime,
      mounts: [{ source: '/etc/resolv.conf', target: '/etc/resolv.conf', readOnly: true }],
    });
    expect(reply).toMatchObject({ status: 0 });
    expect(readdirSync(join(directory, 'upper')).sort()).toEqual(['bin', 'made', 'new']);
    expect(lstatSync(join(directory, 'upper/bin/sh')).isCharacterDevice()).toBe(true);
    expect(existsSync(join(base, 'proc'))).toBe(false);
  });

  it('sees mounts of the host, read-only where asked, and nothing of the host changes its place', async () => {
    const shown = join(directory, 'shown');
    mkdirSync(shown);
    writeFileSync(join(shown, 'file'), 'content\n');
    // runc copies standard output and error each by itself, so one of them must do for the order to be known.
    const script =
      'exec 2>&1; busybox cat /a/b/file; echo x > /a/b/file; echo y > /w/file2; busybox grep " /a/b " /proc/mounts';
    const reply = await run(script, {
      runtime,
      mounts: [
        { source: shown, target: '/a/b', readOnly: true },
        { source: shown, target: '/w', readOnly: false },
      ],
    });
    expect(reply).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^content\n.*Read-only file system\n.* \/a\/b .* ro,/s),
    });
    expect(readFileSync(join(shown, 'file2'), 'utf8')).toBe('y\n');
    expect(readdirSync(join(directory, 'upper'))).toEqual([]);
  });

  it('has the standard devices and only its own open files', async () => {
    const script =
      'busybox ls /proc/self/fd; echo > /dev/null; busybox test -c /dev/urandom && busybox test -d /dev/shm';
    expect(await run(script, { runtime })).toMatchObject({ status: 0, output: '0\n1\n2\n3\n' });
  });

  it('can be cut off from the network', async () => {
    const script = 'busybox grep -c : /proc/net/dev';
    expect(await run(script, { runtime, network: 'none' })).toMatchObject({ output: '1\n' });
  });

  it('starts as a user of the tree, in a directory that is made for it', async () => {
    writeAccounts();
    const script = 'busybox id -u; busybox id -G; echo $HOME; busybox pwd; echo > file';
    const identity = { user: 'app', directory: '/link/new' };
    mkdirSync(join(base, 'real'), { mode: 0o777 });
    symlinkSync('/real', join(base, 'link'));
    const reply = await run(`umask; ${script}`, { runtime, identity });
    expect(reply).toEqual({
      status: 1,
      output: expect.stringMatching(
        /^0022\n1000\n1500 10 20\n\/home\/app\n\/real\/new\n.*Permission denied\n$/,
      ),
      runtime,
    });
    expect(lstatSync(join(directory, 'upper/real/new'))).toMatchObject({ uid: 0, gid: 0 });
    expect(lstatSync(join(directory, 'upper/real/new')).mode & 0o7777).toBe(0o755);
  });

  it('has no capabilities unless it runs as root', async () => {
    const script = 'busybox grep -E "^Cap(Eff|Prm|Amb)" /proc/self/status | busybox tr -d "\\t\\n"';
    const identity = { user: '7:8', directory: '/' };
    expect(await run(script, { runtime, identity })).toMatchObject({
      output: 'CapPrm:0000000000000000CapEff:0000000000000000CapAmb:0000000000000000',
    });
  });

  it('follows links to a mount point inside the tree, never outside', async () => {
    mkdirSync(join(base, 'etc'));
    symlinkSync('../run/resolv.conf', join(base, 'etc/resolv.conf'));
    symlinkSync('/../../../../../../tmp', join(base, 'target'));
    writeFileSync(join(directory, 'f'), 'F');
    const reply = await run('busybox cat /etc/resolv.conf; busybox ls /tmp', {
      runtime,
      mounts: [
        { source: join(directory, 'f'), target: '/etc/resolv.conf', readOnly: true },
        { source: join(directory, 'f'), target: '/target/here', readOnly: true },
      ],
    });
    expect(reply).toMatchObject({ status: 0, output: 'Fhere\n' });
    expect(existsSync('/tmp/here')).toBe(false);
    expect(readdirSync(join(directory, 'upper'))).toEqual([]);
  });
});

function writeAccounts(): void {
  mkdirSync(join(base, 'etc'));
  writeFileSync(join(base, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\napp:x:1000:1500::/home/app:/bin/sh\n');
  writeFileSync(join(base, 'etc/group'), 'wheel:x:10:root,app\nextra:x:20:app\n');
}

describe.runIf(isRoot && has('busybox', 'crun', 'runc'))('where only one id exists', () => {
  const single = { kind: 'single', reason: '', cure: '' } as const;

  it.each(runtimes)('root runs by %s without the groups that it has in the tree', async runtime => {
    writeAccounts();
    const identity = { user: 'root', directory: '/' };
    const script = 'busybox id -u; busybox id -g; echo $HOME';
    expect(await run(script, { runtime, identity }, single)).toMatchObject({ output: '0\n0\n/root\n' });
  });

  it('nobody else can run', async () => {
    writeAccounts();
    const identity = { user: 'app', directory: '/' };
    expect(await run('true', { identity }, single)).toEqual({
      error: 'cannot run as app (1000:1500): that id does not exist in this build',
    });
  });
});

describe.runIf(isRoot && has('busybox', 'crun', 'runc'))('running in a tree', () => {
  it('names the users that there are when it is to run as another one', async () => {
    writeAccounts();
    expect(await run('true', { identity: { user: 'ap', directory: '/' } })).toEqual({
      error: 'there is no user "ap" in /etc/passwd of the image',
    });
  });

  it('says that the directory to start in is a file', async () => {
    expect(await run('true', { identity: { user: '0', directory: '/bin/busybox/x' } })).toEqual({
      error: 'cannot start in /bin/busybox/x: /bin/busybox in the image is not a directory',
    });
  });

  it('makes the directory to start in inside the tree, wherever links lead', async () => {
    const outside = join(directory, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(base, 'link'));
    const identity = { user: '0', directory: '/missing/../link/new' };
    expect(await run('busybox pwd', { identity })).toMatchObject({ output: `${outside}/new\n` });
    expect(readdirSync(outside)).toEqual([]);
  });

  it('starts in no directory that is not of the image', async () => {
    symlinkSync('/proc/self/fd', join(base, 'fds'));
    for (const [place, real] of [
      ['/fds/7', '/proc/self/fd/7'],
      ['/bin/../sys', '/sys'],
    ] as const) {
      const identity = { user: '0', directory: place };
      expect(await run('true', { identity, scratch: join(directory, real.replaceAll('/', '-')) })).toEqual({
        error: `cannot start in ${place}: ${real} is not the image's own`,
      });
    }
  });

  it('refuses a tree whose /dev or /proc is a symbolic link', async () => {
    symlinkSync('/tmp', join(base, 'dev'));
    expect(await run('true')).toEqual({ error: '/dev in the image is a symbolic link to /tmp' });
  });

  it('does not change the time or mode of a directory that a mount point was made in', async () => {
    mkdirSync(join(base, 'srv'), { mode: 0o711 });
    utimesSync(join(base, 'srv'), 1000, 1000);
    const mounts = [{ source: directory, target: '/srv/x', readOnly: true }];
    const reply = await run('busybox stat -c "%a %Y" /srv; echo > /srv/f', { mounts });
    expect(reply).toMatchObject({ output: '711 1000\n' });
    expect(lstatSync(join(directory, 'upper/srv')).mode & 0o777).toBe(0o711);
    expect(readdirSync(join(directory, 'upper/srv'))).toEqual(['f']);
  });

  it('says that the program is not in the tree', async () => {
    rmSync(join(base, 'bin/sh'));
    for (const runtime of ['crun', 'runc'] as const) {
      expect(await run('true', { runtime, scratch: join(directory, runtime) })).toEqual({
        error: expect.stringMatching(/could not start '\/bin\/sh': .*no such file/i),
      });
    }
  });

  it('finds a runtime that really works here', async () => {
    const reply = await run('true', { runtime: 'probe' });
    expect(reply).toMatchObject({ status: 0, runtime: expect.stringMatching(/^(crun|runc)$/) });
  });
});
