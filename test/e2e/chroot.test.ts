/** A command in a temporary copy of a layer that was built. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { lockFile } from '../../src/linux/index.ts';
import { has, isRoot } from '../support/tools.ts';
import { processesOf, startCommand, until } from './processes.ts';
import { busyboxLayout, useBusybox } from './roots.ts';
import { failureOf, type Project, useWorkspace } from './support.ts';
import { onTerminal } from './terminal.ts';

const workspace = useWorkspace();
const busybox = useBusybox(workspace);

const TEMPORARY = 'This chroot is temporary, any changes will be destroyed when it exits.\n';
const runtimes = ['crun', 'runc', 'builtin'];

const layers = {
  tools: { from: busybox, build_only: true, run: 'echo tool > /tool' },
  thing: {
    from: { type: 'built', tag: 'tools' },
    imports: ['note', 'stacker://tools/tool'],
    build_env: { COLOR: 'green' },
    binds: ['shared -> /shared'],
    run: 'echo made > /made',
  },
};

function newProject(): Project {
  const project = workspace.project();
  project.write('note', 'imported\n');
  project.write('shared/old', 'old\n');
  return project;
}

/** In it the layers are built, and stay as they are. */
let project: Project;
/** The same without the stacker file. */
let bare: Project;
beforeAll(async () => {
  [project, bare] = [newProject(), newProject()];
  await Promise.all([project.build(layers), bare.build(layers)]);
  rmSync(bare.at('stacker.yaml'));
});

describe.each(runtimes)('chroot with %s', runtime => {
  it('shows the layer with its imports, environment and binds, and passes everything through', async () => {
    const script =
      'cat /made /tool /stacker/imports/note /stacker/imports/tool /shared/old; echo $COLOR $STACKER_LAYER_NAME; cat; echo new > /shared/new; echo bad >&2; exit 42';
    const args = ['chroot', '--runtime', runtime, 'thing', 'sh', '-c', script];
    const ended = await project.ashlar(args, { input: 'typed\n' });
    expect(ended).toEqual({
      status: 42,
      stdout: 'made\ntool\nimported\ntool\nold\ngreen thing\ntyped\n',
      stderr: `${TEMPORARY}bad\n`,
    });
    expect(
      await project.ashlar(['chroot', '--runtime', runtime, 'thing', 'cat', '/shared/new']),
    ).toMatchObject({ status: 0, stdout: 'new\n' });
  });

  it('forgets what was changed', async () => {
    const chroot = (...words: readonly string[]) =>
      project.ashlar(['chroot', '--runtime', runtime, 'thing', ...words]);
    expect(await chroot('sh', '-c', 'rm /made; echo x > /new; ls /made /new')).toMatchObject({
      status: 1,
      stdout: '/new\n',
    });
    expect(await chroot('sh', '-c', 'ls /made /new')).toMatchObject({ status: 1, stdout: '/made\n' });
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'ends with us when we get %s, and leaves nothing behind',
    async signal => {
      const running = startCommand(project, ['chroot', '--runtime', runtime, 'thing', 'sleep', '876543']);
      const seen = () => processesOf(project.store);
      await until(() => seen().some(({ command }) => command.trim() === 'sleep 876543'));
      process.kill(running.pid, signal);
      expect((await running.ended).status).toBe(signal === 'SIGTERM' ? 130 : 137);
      await until(() => seen().length === 0);
      expect(await project.ashlar(['chroot', 'thing', 'cat', '/made'])).toMatchObject({ stdout: 'made\n' });
      expect(readdirSync(join(project.store, 'tmp'))).toEqual([]);
    },
  );
});

describe('chroot', () => {
  it('runs /bin/sh in the first layer of the file when nothing else is said', async () => {
    const ended = await project.ashlar(['chroot'], { input: 'cat /tool; ls /made; exit 9\n' });
    expect(ended).toMatchObject({ status: 9, stdout: 'tool\n' });
    expect(ended.stderr).toContain(TEMPORARY);
  });

  it('is called exec, too, and leaves the words of the command alone', async () => {
    const { stdout } = await project.ashlar(['exec', 'thing', 'echo', '-q', '--debug', 'two  words']);
    expect(stdout).toBe('-q --debug two  words\n');
    expect((await project.ashlar(['chroot', 'thing', '--', 'echo', '--'])).stdout).toBe('--\n');
  });

  it('reads the same files and substitutions as build', async () => {
    const project = workspace.project();
    project.write(
      'other.yaml',
      `\${{NAME}}:\n  from: {type: tar, url: ${busybox.url}}\n  run: echo \${{WORD:none}} > /word\n`,
    );
    const flags = ['-f', 'other.yaml', '--substitute', 'NAME=thing', '--substitute', 'WORD=given'];
    expect((await project.ashlar(['build', ...flags])).status).toBe(0);
    const ended = await project.ashlar(['chroot', ...flags, 'thing', 'cat', '/word']);
    expect(ended).toMatchObject({ status: 0, stdout: 'given\n' });
  });

  it('builds nothing, and says what was never built', async () => {
    const project = newProject();
    await project.build(layers);
    project.writeStackerFile({ ...layers, fresh: { from: busybox, run: 'echo fresh > /fresh' } });
    const ended = await project.ashlar(['chroot', 'fresh', 'true']);
    expect(failureOf(ended)).toContain('error: layer fresh has not been built\n');
    expect(project.tags()).toEqual(['thing']);
  });

  it('keeps changes below the roots directory, whatever the layer is called', async () => {
    const project = newProject();
    const ended = await project.ashlar(['chroot', '..', 'true']);
    expect(failureOf(ended)).toContain('error: layer .. has not been built\n');
    expect(existsSync(project.at('chroot'))).toBe(false);
    expect(existsSync(project.at('roots/%2E%2E/chroot'))).toBe(true);
  });

  it('shows what was built last, whatever the file says now', async () => {
    const project = newProject();
    await project.build(layers);
    const { thing, tools } = layers;
    project.writeStackerFile({ tools, thing: { ...thing, run: 'echo changed > /made' } });
    expect((await project.ashlar(['chroot', 'thing', 'cat', '/made'])).stdout).toBe('made\n');
  });

  it('refuses a layer that the file does not have', async () => {
    expect(failureOf(await project.ashlar(['chroot', 'nothing']))).toMatch(
      /^error: no layer nothing in stackerfile\n/,
    );
  });

  it('says that there is no such command', async () => {
    const ended = await project.ashlar(['chroot', '--runtime', 'crun', 'thing', '/no/such']);
    expect(failureOf(ended)).toMatch(/^error: crun could not start '\/no\/such': /);
  });

  it('needs a file or a name', async () => {
    const project = workspace.project();
    expect(failureOf(await project.ashlar(['chroot']))).toMatch(
      /^error: couldn't find stacker file stacker.yaml, and no layer is named\n/,
    );
  });
});

describe.runIf(has('script')).each(runtimes)('chroot on a terminal with %s', runtime => {
  it('is a terminal there, too, and exits as the shell does', async () => {
    const args = project.arguments(['chroot', '--runtime', runtime, 'thing']);
    const typed = 'test -t 0 -a -t 1 -a -t 2 && echo all $((1+1))\necho size $(stty size)\nexit 42\n';
    const { output } = await onTerminal(project, args, typed);
    expect(output).toMatch(/^all 2$/m);
    expect(output).toMatch(/^size 33 77$/m);
    expect(output).toMatch(/^status 42\nsettings icanon echo\nforeground$/m);
  });
});

describe('chroot without a stacker file', () => {
  it.each(runtimes)('does its best, and keeps what was changed (%s)', async runtime => {
    const chroot = (script: string) =>
      bare.ashlar(['chroot', '--runtime', runtime, 'thing', 'sh', '-c', script]);
    const first = await chroot(
      `rm -f /made; echo kept > /${runtime}; chown 5:6 /${runtime}; echo $STACKER_LAYER_NAME`,
    );
    expect(first).toMatchObject({ status: 0, stdout: 'thing\n' });
    expect(first.stderr).toMatch(/^couldn't find stacker file, chrooting to thing as best effort$/m);
    const second = await chroot(`ls /made; stat -c %u:%g /${runtime}; cat /${runtime}`);
    expect(second).toMatchObject({ status: 0, stdout: '5:6\nkept\n' });
  });

  it('finds layers that are for building only', async () => {
    expect(await bare.ashlar(['chroot', 'tools', 'cat', '/tool'])).toMatchObject({
      status: 0,
      stdout: 'tool\n',
    });
  });

  it('fetches layers of a base that no build has needed', async () => {
    const project = workspace.project('own');
    const base = `${busyboxLayout(workspace.path)}:busybox`;
    await project.build({ thing: { from: { type: 'oci', url: base }, build_only: true } });
    rmSync(project.at('stacker.yaml'));
    const ended = await project.ashlar(['chroot', 'thing', 'echo', 'here']);
    expect(ended).toMatchObject({ status: 0, stdout: 'here\n' });
  });

  it('lets nobody else work with the same changes', async () => {
    await bare.ashlar(['chroot', 'tools', 'true']);
    const changes = bare.at('roots/tools/chroot');
    using lock = lockFile(join(changes, '.lock'), { mode: 'exclusive', wait: true });
    expect(lock).toBeDefined();
    expect(failureOf(await bare.ashlar(['chroot', 'tools', 'true']))).toContain(
      `error: somebody else works in ${changes}\n`,
    );
  });

  it('lets changes go with the roots directory', async () => {
    const project = newProject();
    await project.build(layers);
    rmSync(project.at('stacker.yaml'));
    await project.ashlar(['chroot', 'thing', 'sh', '-c', 'echo kept > /kept; mkdir -m 000 /closed']);
    expect((await project.ashlar(['clean'])).status).toBe(0);
    await project.build(layers);
    rmSync(project.at('stacker.yaml'));
    expect((await project.ashlar(['chroot', 'thing', 'cat', '/kept'])).status).not.toBe(0);
  });
});

describe.runIf(!isRoot)('chroot by a plain user', () => {
  it('is root in the layer', async () => {
    expect(await project.ashlar(['chroot', 'thing', 'id', '-u'])).toMatchObject({ status: 0, stdout: '0\n' });
  });

  it('leaves nothing of imports that belong to others', async () => {
    const project = workspace.project('own');
    project.write('directory/file', 'content\n');
    await project.build({
      thing: { from: busybox, imports: [{ path: 'directory', uid: 5, gid: 6 }], run: 'touch /thing' },
    });
    const stat = ['stat', '-c', '%u:%g', '/stacker/imports/directory/file'];
    expect(await project.ashlar(['chroot', 'thing', ...stat])).toMatchObject({ stdout: '5:6\n' });
    expect(readdirSync(join(project.store, 'tmp'))).toEqual([]);
  });
});
