import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { processesOf, startBuild, until } from './processes.ts';
import { useBusybox } from './roots.ts';
import { execute, failureOf, useWorkspace } from './support.ts';

/** A process that holds a lock as scripts do. */
async function holdLock(
  path: string,
  ...flags: readonly string[]
): Promise<AsyncDisposable & { child: ChildProcess }> {
  const child = spawn('flock', [...flags, '--no-fork', path, 'sh', '-c', 'echo locked; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    child,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

describe.skipIf(!has('umoci', 'busybox', 'flock'))('locks', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const file = { one: { from: { type: 'scratch' } } };

  it.each(['.stacker', 'roots'])('of %s that a script holds make a build say who it is', async name => {
    const project = workspace.project();
    mkdirSync(project.at(name));
    const path = project.at(name, '.lock');
    await using holder = await holdLock(path);
    const failure = await project.failure(file);
    const { pid } = holder.child;
    expect(failure).toMatch(
      `error: couldn't acquire lock on ${path}: lock owned by pid ${pid} (sleep 1000)\n`,
    );
    expect(project.hasLayout()).toBe(false);
    const clean = failureOf(await project.ashlar(['clean']));
    expect(clean).toMatch(`error: couldn't acquire lock on ${path}: lock owned by pid ${pid} (sleep 1000)\n`);
    expect(existsSync(path)).toBe(true);
  });

  it('that flock has taken for a shell are of that shell', async () => {
    const project = workspace.project();
    project.writeStackerFile(file);
    mkdirSync(project.at('roots'));
    const path = project.at('roots/.lock');
    const script = `exec 9>'${path}'; flock 9; echo $$; '${project.program}' --store '${project.store}' build`;
    const { status, stdout, stderr } = await execute('sh', ['-c', script], {
      cwd: project.path,
      env: project.environment(),
    });
    expect(status).toBe(1);
    expect(stderr).toContain(
      `couldn't acquire lock on ${path}: lock owned by pid ${stdout.trim()} (sh -c exec 9>`,
    );
  });

  it('are free again when the build is over', async () => {
    const project = workspace.project();
    await project.build(file);
    for (const name of ['.stacker', 'roots']) {
      const { status } = await execute('flock', ['--nonblock', project.at(name, '.lock'), 'true']);
      expect(status).toBe(0);
    }
  });

  it('are held while a build runs, and by all of it', async () => {
    const project = workspace.project('own');
    mkdirSync(project.at('out'));
    const slow = { from: busybox, binds: ['out -> /out'], run: 'touch /out/began; sleep 1000' };
    project.writeStackerFile({ slow });
    const build = startBuild(project);
    await until(() => existsSync(project.at('out/began')));
    const second = failureOf(await project.ashlar(['build']));
    expect(second).toContain(`couldn't acquire lock on ${project.at('.stacker/.lock')}: lock owned by pid `);
    // The next build waits for what a killed one leaves running.
    process.kill(build.pid, 'SIGKILL');
    await project.build(file);
    expect(processesOf(project.store)).toEqual([]);
    await build.ended;
  });

  it('do not keep builds with directories of their own apart', async () => {
    const project = workspace.project();
    mkdirSync(project.at('.stacker'));
    await using _ = await holdLock(project.at('.stacker/.lock'));
    await project.build(file, [], { globals: ['--stacker-dir', 'mine', '--roots-dir', 'my-roots'] });
  });

  it('are one when both directories are one', async () => {
    const project = workspace.project();
    await project.build(file, [], { globals: ['--stacker-dir', 'both', '--roots-dir', 'both'] });
  });

  it('are not fooled by a directory that was removed and made again', async () => {
    const project = workspace.project();
    await project.build(file);
    await using _ = await holdLock(project.at('.stacker/.lock'));
    rmSync(project.at('.stacker'), { recursive: true });
    await project.build(file);
  });

  it.runIf(isRoot)('of different mounts under one path are different', async () => {
    const project = workspace.project();
    mkdirSync(project.at('roots'));
    await using _ = await holdLock(project.at('roots/.lock'));
    project.writeStackerFile(file);
    const script = 'mount -t tmpfs none roots && exec "$@"';
    const { status, stderr } = await execute(
      'unshare',
      ['--mount', 'sh', '-c', script, 'sh', project.program, ...project.arguments(['build'])],
      { cwd: project.path, env: project.environment() },
    );
    expect(status, stderr).toBe(0);
  });

  it('that are shared keep builds out, but not each other', async () => {
    const project = workspace.project();
    await project.build(file);
    await using _ = await holdLock(project.at('.stacker/.lock'), '--shared');
    expect(await project.failure(file)).toContain("couldn't acquire lock on ");
    const publish = await project.ashlar(['publish', '--url', 'oci:there', '--tag', 'v', '--show-only']);
    expect(publish.status, publish.stderr).toBe(0);
  });
});
