/** How a build goes on, as somebody at a terminal sees it. */
import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { busyboxLayout, useBusybox } from './roots.ts';
import { ashlarProgram, execute, type Project, useWorkspace, type Variables } from './support.ts';

describe.skipIf(!has('script', 'busybox', 'umoci'))('progress', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const moves = /\u001b\[\d+A\u001b\[J/;

  /** Builds on a terminal of 12 lines and 60 columns; returns all that the terminal was sent. */
  async function onTerminal(
    project: Project,
    flags: readonly string[],
    env: Variables = {},
    meanwhile = '',
  ): Promise<string> {
    const words = [ashlarProgram, ...project.arguments(['build', ...flags])].map(word => `'${word}'`);
    const commands = [
      'stty rows 12 cols 60',
      `${words.join(' ')} & pid=$!`,
      meanwhile,
      'wait $pid; echo status $?',
    ];
    const session = project.write('session', `${commands.join('\n')}\n`);
    const { stdout } = await execute('script', ['-qec', `sh ${session}`, '/dev/null'], {
      cwd: project.path,
      env: {
        ...project.environment({ TERM: 'xterm-256color', NO_COLOR: undefined, ...env }),
        SHELL: '/bin/sh',
      },
      input: '',
    });
    return stdout.replaceAll('\r\n', '\n');
  }

  /** What stays on a terminal that was sent this. */
  function screen(sent: string): string[] {
    const lines = [''];
    for (const piece of sent.replace(/\u001b\[[0-9;]*m/g, '').split(/(\u001b\[\d+A\u001b\[J|\n)/)) {
      const up = /^\u001b\[(\d+)A/.exec(piece)?.[1];
      if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Number(up) + 1, '');
      else if (piece === '\n') lines.push('');
      else lines.push(`${lines.pop()}${piece}`);
    }
    return lines;
  }

  /** One script that prints, and runs until the picture must have been drawn a few times. */
  const file = {
    one: { from: busybox, run: '#!/bin/sh\necho first\nsleep 2\nprintf half; sleep 0.3; echo " a line"\n' },
    two: { from: { type: 'built', tag: 'one' }, run: '#!/bin/sh\necho second\n' },
  };

  /** Builds `file` on a terminal, whatever is known of it; mostly a wait, so that several may go on at once. */
  async function anew(flags: readonly string[], env?: Variables): Promise<string> {
    const project = workspace.project();
    project.writeStackerFile(file);
    return onTerminal(project, ['--no-cache', ...flags], env);
  }

  it('is a picture on a terminal, which leaves nothing behind', async () => {
    const sent = await anew([]);
    expect(sent).toMatch(moves);
    expect(sent).toContain('step 1 of 1: run');
    expect(sent).toContain('waits for one');
    expect(screen(sent).slice(1)).toEqual([
      'preparing image one...',
      'first',
      'half a line',
      'filesystem one built successfully',
      'preparing image two...',
      'second',
      'filesystem two built successfully',
      'status 0',
      '',
    ]);
  });

  it('has no colours with NO_COLOR', async () => {
    const [colored, plain] = await Promise.all([anew([]), anew([], { NO_COLOR: '1' })]);
    const colors = /\u001b\[[0-9;]+m/;
    expect(colored).toMatch(colors);
    expect(plain).toMatch(moves);
    expect(plain).not.toMatch(colors);
  });

  it('is removed before an error is shown', async () => {
    const project = workspace.project();
    project.writeStackerFile({ one: { from: busybox, run: '#!/bin/sh\nsleep 0.3\nexit 1\n' } });
    const lines = screen(await onTerminal(project, ['--no-cache']));
    expect(lines.slice(1, 3)).toEqual([
      'preparing image one...',
      'error: run commands failed for image "one" in "stacker.yaml": execute failed: exit status 1',
    ]);
    expect(lines.at(-2)).toBe('status 1');
  });

  it('is removed when the build is interrupted', async () => {
    const project = workspace.project();
    mkdirSync(project.at('out'));
    const run = '#!/bin/sh\nsleep 0.3\nprintf half\ntouch /out/began\nsleep 1000\n';
    project.writeStackerFile({ one: { from: busybox, binds: ['out -> /out'], run } });
    const interrupt = 'until [ -f out/began ]; do sleep 0.1; done; kill -INT $pid';
    const lines = screen(await onTerminal(project, [], {}, interrupt));
    expect(lines.slice(1)).toEqual([
      'preparing image one...',
      'half',
      'error: interrupted',
      'status 130',
      '',
    ]);
  });

  it('is lines only with --no-progress, in CI and on terminals that can do nothing', async () => {
    const cases = [
      [['--no-progress'], {}],
      [[], { CI: 'true' }],
      [[], { TERM: 'dumb' }],
    ] as const;
    const sent = await Promise.all(cases.map(([flags, env]) => anew(flags, env)));
    for (const text of sent) {
      expect(text).not.toMatch(moves);
      expect(text).not.toContain('waits for');
      expect(text).toContain('filesystem two built successfully\n');
    }
  });

  it('tells of blobs with --progress where there is no terminal, and never without', async () => {
    for (const flag of ['--progress', '--no-progress', undefined]) {
      const project = workspace.project('own');
      mkdirSync(project.path, { recursive: true });
      const layout = busyboxLayout(project.path);
      const { stderr } = await project.build(
        { one: { from: { type: 'oci', url: `${layout}:busybox` } } },
        flag === undefined ? [] : [flag],
      );
      if (flag === '--progress') expect(stderr).toMatch(/^Copying blob sha256:[0-9a-f]{64}$/m);
      else expect(stderr).not.toContain('Copying blob');
    }
  });
});
