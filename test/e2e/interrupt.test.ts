import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { innerProcessOf, processesOf, startBuild, until } from './processes.ts';
import { useBusybox } from './roots.ts';
import { useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('a build that is ended from outside', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  /** A project of which one layer is done and two run, one of them with a script that ignores signals. */
  async function running() {
    const project = workspace.project('own');
    for (const name of ['slow', 'stubborn']) mkdirSync(project.at(name));
    const script = 'touch /out/began; sleep 1000 & sleep 1000; touch /out/ended';
    project.writeStackerFile({
      done: { from: busybox, run: 'touch /done' },
      slow: { from: busybox, binds: ['slow -> /out'], run: script },
      stubborn: { from: busybox, binds: ['stubborn -> /out'], run: `trap "" INT TERM HUP; ${script}` },
    });
    const build = startBuild(project, ['--jobs', '3']);
    await until(() => ['slow', 'stubborn'].every(name => existsSync(project.at(name, 'began'))));
    await until(() => project.hasLayout() && project.tags().includes('done'));
    return { project, build };
  }

  const ways = [
    ['SIGINT', 'the process'],
    ['SIGINT', 'the group of processes'],
    ['SIGTERM', 'the process'],
    ['SIGHUP', 'the process'],
  ] as const;

  it.each(ways)('by %s to %s leaves no process, no mount and no file', async (signal, target) => {
    const { project, build } = await running();
    process.kill(target === 'the process' ? build.pid : -build.pid, signal);
    const { status, stderr } = await build.ended;
    expect(status).toBe(130);
    expect(stderr).toMatch(/^error: interrupted\n$/m);
    expect(stderr.match(/^error: /gm)).toHaveLength(1);
    expect(processesOf(project.store)).toEqual([]);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(project.path);
    expect(readdirSync(project.at('slow'))).toEqual(['began']);
    expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
    // What was done stays done; the next build works.
    expect(project.tags()).toEqual(['done']);
    const { stdout } = await project.build({
      done: { from: busybox, run: 'touch /done' },
      other: { from: busybox, run: 'echo other' },
    });
    expect(stdout).toBe('+ echo other\nother\n');
    expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
  });

  it('by a second SIGINT ends at once, and the next build removes what is left', async () => {
    const { project, build } = await running();
    process.kill(build.pid, 'SIGINT');
    process.kill(build.pid, 'SIGINT');
    expect((await build.ended).status).toBe(130);
    await until(() => processesOf(project.store).length === 0);
    await project.build({ other: { from: busybox, run: 'echo other' } });
    expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
  });

  it('by SIGKILL leaves no process either', async () => {
    const { project, build } = await running();
    process.kill(build.pid, 'SIGKILL');
    expect((await build.ended).status).toBe(137);
    await until(() => processesOf(project.store).length === 0);
    await project.build({ other: { from: busybox, run: 'echo other' } });
    expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
  });

  it('by the death of its inner process says so, and leaves nothing', async () => {
    const { project, build } = await running();
    process.kill(innerProcessOf(project.store) ?? 0, 'SIGKILL');
    const { status, stderr } = await build.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: the process in the build's own namespaces was killed by SIGKILL\n/m);
    await until(() => processesOf(project.store).length === 0);
    await project.build({ other: { from: busybox, run: 'echo other' } });
    expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
  });

  it('while a script only produces output ends as quickly', async () => {
    const project = workspace.project('own');
    project.writeStackerFile({ one: { from: busybox, run: 'set +x; yes the same line again and again' } });
    const build = startBuild(project);
    let bytes = 0;
    build.child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await until(() => bytes > 1_000_000);
    process.kill(build.pid, 'SIGINT');
    expect((await build.ended).status).toBe(130);
    expect(processesOf(project.store)).toEqual([]);
  });
});
