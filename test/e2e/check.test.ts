/** What this machine can do: asked for by `check`, and found out before a build begins. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { ashlarProgram, execute, failureOf, type Project, useWorkspace } from './support.ts';

interface Finding {
  readonly subject: string;
  readonly state: string;
  readonly detail: string;
  readonly cure?: string;
}

describe.skipIf(!has('busybox'))('this machine', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  /** Runs ashlar as a plain user of a user namespace in which `setting` of /proc/sys/user is changed first. */
  function restricted(project: Project, setting: string, value: number, args: readonly string[]) {
    const words = [ashlarProgram, ...project.arguments(args)].map(word => `'${word}'`).join(' ');
    const script = `echo ${value} > /proc/sys/user/${setting} && exec ${words}`;
    return execute('unshare', ['--user', '--map-user=1000', '--keep-caps', 'sh', '-c', script], {
      cwd: project.path,
      env: project.environment(),
    });
  }

  describe('is looked at by check', () => {
    it('which finds that it can build', async () => {
      const project = workspace.project('own');
      const { status, stdout, stderr } = await project.ashlar(['check']);
      expect(status, stdout + stderr).toBe(0);
      for (const subject of ['node', 'unshare', 'namespaces', 'overlay', 'runtime', 'user ids', 'store'])
        expect(stdout).toMatch(new RegExp(`^(ok|degraded) +${subject} `, 'm'));
      expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
    });

    it('which logs the kernel and the file system of the roots as stacker does', async () => {
      const project = workspace.project('own');
      const { stderr } = await project.ashlar(['check']);
      const [kernel, roots] = stderr.split('\n');
      const uname = ['-s', '-r', '-v'].map(flag =>
        execFileSync('uname', [flag], { encoding: 'utf8' }).trim(),
      );
      expect(kernel).toBe(
        `os/kernel: ${uname.join(' ')} ${execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()}`,
      );
      const magic = execFileSync('stat', ['--file-system', '--format=%t', project.path], {
        encoding: 'utf8',
      }).trim();
      expect(roots).toMatch(new RegExp(`^${realpathSync(project.path)}/roots [A-Z0-9]+\\(${magic}\\)$`));
    });

    it('which is JSON on demand', async () => {
      const project = workspace.project('own');
      const { stdout } = await project.ashlar(['check', '--json']);
      const findings: readonly Finding[] = JSON.parse(stdout);
      expect(findings).toContainEqual(expect.objectContaining({ subject: 'overlay', state: 'ok' }));
    });

    it('which says what is missing and how to get it', async () => {
      const project = workspace.project('own');
      // Only what is needed to start ashlar; findProgram looks into the sbin directories itself.
      mkdirSync(project.at('bin'));
      for (const program of ['readlink', 'find', 'unshare', 'sh', 'hostname', 'env'])
        symlinkSync(
          execFileSync('which', [program], { encoding: 'utf8' }).trim(),
          project.at('bin', program),
        );
      const { stdout } = await project.ashlar(['check'], { env: { PATH: project.at('bin') } });
      expect(stdout).toMatch(
        /^degraded +xz +not installed\n +-> for .*: apt install xz-utils \| dnf install xz \| zypper install xz$/m,
      );
      if (!isRoot)
        expect(stdout).toMatch(/^degraded +user ids .*: newuidmap not found in path\n +-> as root: apt/m);
    });

    it('which refuses a roots directory behind a symbolic link, and names the right one', async () => {
      const project = workspace.project('own');
      mkdirSync(project.at('real'));
      symlinkSync('real', project.at('link'));
      const ended = await project.ashlar(['check'], { globals: ['--roots-dir', 'link/roots'] });
      const [link, real] = [
        join(realpathSync(project.path), 'link/roots'),
        join(realpathSync(project.path), 'real/roots'),
      ];
      expect(failureOf(ended)).toBe(
        `error: ${link}: roots dir (--roots-dir) path uses symbolic links, use "${real}" instead\n`,
      );
    });

    it('which tells of limits on namespaces and how to lift them', async () => {
      const project = workspace.project('own');
      const ended = await restricted(project, 'max_user_namespaces', 0, ['check']);
      expect(ended.stdout).toMatch(
        /^missing +namespaces +.*user\.max_user_namespaces is 0\n +-> as root: sysctl /m,
      );
      expect(failureOf(ended)).toMatch(
        /^error: .*user\.max_user_namespaces is 0\nhint: as root: sysctl user\.max_user_namespaces=\d+\n$/,
      );
    });
  });

  describe('is looked at before a build', () => {
    const runs = { one: { from: busybox, run: 'true; echo ran' } };

    it('which warns at once, and stops where something is to be run', async () => {
      const project = workspace.project('own');
      project.writeStackerFile(runs);
      const ended = await restricted(project, 'max_user_namespaces', 0, ['build']);
      expect(ended.stderr).toMatch(
        /^this machine allows no user namespaces: .*; as root: sysctl user\.max_user_namespaces=\d+\n/,
      );
      const failure = failureOf(ended);
      expect(failure).toMatch(/^error: this machine allows no user namespaces: /);
      expect(failure).toMatch(/\n {2}--> stacker\.yaml:\d+:\d+\n/);
      expect(failure).toMatch(/\nhint: as root: sysctl user\.max_user_namespaces=\d+\n$/);
      expect(project.tags()).toEqual([]);
    });

    it('which can do nevertheless what is known from earlier', async () => {
      const project = workspace.project('own');
      await project.build(runs);
      const ended = await restricted(project, 'max_user_namespaces', 0, ['build']);
      expect(ended.status, ended.stderr).toBe(0);
      expect(ended.stderr).toMatch(/found cached layer one\n$/);
    });

    it('which does without what it does not need', async () => {
      const project = workspace.project('own');
      project.writeStackerFile({ one: { from: busybox } });
      const ended = await restricted(project, 'max_user_namespaces', 0, ['build']);
      expect(ended.status, ended.stderr).toBe(0);
      expect(project.tags()).toEqual(['one']);
    });

    it('which says what to do also where the kernel refuses only later', async () => {
      const project = workspace.project('own');
      project.writeStackerFile(runs);
      // The outer namespace has room for one more, which is used up by the inner one; nobody can see that.
      const words = [ashlarProgram, ...project.arguments(['build'])].map(word => `'${word}'`).join(' ');
      const script = `echo 1 > /proc/sys/user/max_user_namespaces && exec unshare --user --map-user=1000 ${words}`;
      const ended = await execute('unshare', ['--user', '--map-root-user', 'sh', '-c', script], {
        cwd: project.path,
        env: project.environment(),
      });
      const failure = failureOf(ended);
      expect(failure).toMatch(
        /^error: this machine refuses the namespaces that a build needs: unshare: .* limit /,
      );
      expect(failure).toMatch(/^hint: as root: sysctl user\.max_user_namespaces=\d+/m);
    });

    it.runIf(isRoot)('which refuses a store on an overlay', async () => {
      const project = workspace.project('own');
      for (const name of ['lower', 'upper', 'work', 'store']) mkdirSync(project.at(name));
      const options = `lowerdir=${project.at('lower')},upperdir=${project.at('upper')},workdir=${project.at('work')}`;
      execFileSync('mount', ['-t', 'overlay', '-o', options, 'overlay', project.store]);
      try {
        const store = realpathSync(project.store);
        expect(await project.failure(runs)).toMatch(
          new RegExp(
            `^error: can't create overlay whiteout on underlying overlayfs in ${store}\nhint: .*--store`,
          ),
        );
        const { stdout } = await project.ashlar(['check']);
        expect(stdout).toContain(`can't create overlay whiteout on underlying overlayfs in ${store}\n`);
        await project.build({ one: { from: busybox } });
      } finally {
        execFileSync('umount', ['--lazy', project.store]);
      }
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(project.path);
    });
  });
});
