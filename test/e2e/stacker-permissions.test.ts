/** Trees that a plain user's hands cannot touch: built, built upon, built again and cleaned all the same. */
import { existsSync, mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { stackerProgram, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

describe.skipIf(!has('umoci', 'busybox'))('stacker copes with', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const built = (tag: string) => ({ type: 'built', tag });
  const directories = ['.stacker', 'roots', 'oci'];

  const closed = [
    'mkdir -p /closed/in /dark /others; echo text >/closed/in/f; touch /closed/in/g /dark/f /others/f',
    'chmod 0 /closed/in/f /dark; chmod 400 /closed/in/g; chmod 500 /closed/in /closed',
    'chown 1000:1000 /others /others/f; chmod 700 /others; chmod 600 /others/f; chmod u+s /closed/in/g',
  ];

  it('files of mode 000 and directories of mode 500, of root and of others, from build to clean', async () => {
    const project = workspace.project('own');
    const file = (text: string) => ({
      low: { from: busybox, run: [...closed, `echo ${text} >/version`] },
      mid: { from: built('low'), run: 'rm /closed/in/g; echo more >>/closed/in/f', build_only: true },
      top: { from: built('mid'), run: 'cat /closed/in/f >/seen; rm -r /dark; mv /closed/in /moved' },
    });
    for (const version of ['1', '2']) {
      await project.build(file(version));
      const low = await describeTree(await project.unpack('low'));
      expect(low['./closed']).toMatchObject({ mode: '500', owner: '0:0' });
      expect(low['./closed/in/f']).toMatchObject({ mode: '0', owner: '0:0' });
      expect(low['./closed/in/g']).toMatchObject({ mode: '4400' });
      expect(low['./dark']).toMatchObject({ type: 'd', mode: '0' });
      expect(low['./others/f']).toMatchObject({ mode: '600', owner: '1000:1000' });
      const top = await describeTree(await project.unpack('top'));
      expect(top['./moved/f']).toMatchObject({ mode: '0' });
      for (const gone of ['./closed/in', './moved/g', './dark']) expect(top[gone]).toBeUndefined();
      expect(await project.fileOf('top', 'seen')).toBe('text\nmore\n');
    }
    await project.build(file('2'), ['--no-cache']);
    expect((await project.ashlar(['clean'])).status).toBe(0);
    for (const name of directories) expect(existsSync(project.at(name))).toBe(false);
    await project.build(file('3'));
    expect(await project.fileOf('low', 'version')).toBe('3\n');
  });

  it('such files out of other layers, as imports with and without dest', async () => {
    const project = workspace.project('own');
    const file = (text: string) => ({
      source: { from: busybox, run: [...closed, `echo ${text} >/version`], build_only: true },
      one: {
        from: busybox,
        imports: ['stacker://source/closed', { path: 'stacker://source/closed', dest: '/copy' }],
        run: `cp -a /stacker/imports/closed/in/f /f; echo ${text} >/text`,
      },
    });
    await project.build(file('1'));
    await project.build(file('2'));
    const tree = await describeTree(await project.unpack('one'));
    expect(tree['./f']).toMatchObject({ mode: '0' });
    expect(tree['./copy/in/f']).toMatchObject({ mode: '0' });
    expect((await project.ashlar(['clean'])).status).toBe(0);
    for (const name of directories) expect(existsSync(project.at(name))).toBe(false);
  });

  it('such files that a script that failed has left behind', async () => {
    const project = workspace.project('own');
    const file = (end: string) => ({ one: { from: busybox, run: [...closed, end] } });
    expect(await project.failure(file('exit 9'))).toContain('execute failed: exit status 9');
    await project.build(file('true'));
    expect(project.tags()).toEqual(['one']);
    expect((await project.ashlar(['clean'])).status).toBe(0);
    for (const name of directories) expect(existsSync(project.at(name))).toBe(false);
  });

  it('what a script wrote through a bind and gave to another user', async () => {
    const project = workspace.project('own');
    mkdirSync(project.at('out'));
    const run = 'mkdir /out/d; touch /out/d/f; chown -R 1000 /out/d; chmod 500 /out/d; chmod 0 /out/d/f';
    await project.build({ one: { from: busybox, binds: ['out -> /out'], run } });
    const tree = await describeTree(project.at('out'));
    expect(tree['./d/f']).toMatchObject({ type: 'f', mode: '0' });
    expect(project.image('one').layers).toHaveLength(1);
  });

  it.skipIf(isRoot)('a newuidmap that may map nothing, and says so', async () => {
    const project = workspace.project('own');
    const program = project.write('bin/newuidmap', '#!/bin/sh\nexit 1\n', 0o755);
    const env = { PATH: `${project.at('bin')}:${process.env.PATH}` };
    const { stdout } = await project.ashlar(['check'], { env });
    expect(stdout).toContain(`${program} does not have either setuid-root or security caps\n`);
    const { stderr } = await project.build({ one: { from: busybox, run: 'touch /one' } }, [], { env });
    expect(stderr).toMatch(/^only one user id is available/m);
    expect(project.image('one').names(-1)).toEqual(['/', 'one']);
  });
});
