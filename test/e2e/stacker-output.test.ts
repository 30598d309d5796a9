/** What is printed where: scripts read standard output, people and greps the log, and both the last line. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { processesOf, startCommand, until } from './processes.ts';
import { useBusybox } from './roots.ts';
import { execute, failureOf, stackerProgram, useWorkspace } from './support.ts';

describe.skipIf(!has('busybox'))('the output of stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });
  const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

  it('ends with what became of the last layer that is emitted', async () => {
    const project = workspace.project('own');
    const file = (label: string) => ({
      a: { from: busybox, run: 'echo a' },
      hidden: { from: built('a'), run: 'echo hidden', build_only: true },
      b: { from: built('a'), run: 'echo b >&2', labels: { label } },
    });
    expect(lastLine((await project.build(file('1'))).stderr)).toBe('filesystem b built successfully');
    expect(lastLine((await project.build(file('1'))).stderr)).toBe('found cached layer b');
    const { stderr } = await project.build(file('2'));
    expect(lastLine(stderr)).toBe('filesystem b built successfully');
    expect(stderr).toContain('found cached layer a\n');
    expect(stderr).not.toMatch(/(filesystem|cached layer) hidden/);
    const fresh = await project.build(file('2'), ['--no-cache']);
    expect(fresh.stderr).not.toContain('found cached layer');
    expect(lastLine(fresh.stderr)).toBe('filesystem b built successfully');
  });

  it('is what scripts print on standard output, and log lines without a level on standard error', async () => {
    const project = workspace.project('own');
    const run = '#!/bin/sh\necho to stdout; echo to stderr >&2; printf unfinished';
    const { stdout, stderr } = await project.build({ one: { from: busybox, run } });
    expect(stdout).toBe('to stdout\nto stderr\nunfinished');
    expect(stderr).not.toContain('to std');
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toContain('preparing image one...');
    expect(lines.filter(line => /^\W*(info|debug|INFO|DEBUG|time=)/.test(line))).toEqual([]);
    expect(stderr).not.toMatch(/\x1b|\r/);
  });

  it('has no lines of log with --quiet, and of errors the error alone', async () => {
    const project = workspace.project('own');
    const file = (status: number) => ({
      one: { from: busybox, run: `#!/bin/sh\necho said; exit ${status}` },
    });
    for (const flag of ['--quiet', '-q']) {
      const { stdout, stderr } = await project.build(file(0), ['--no-cache'], { globals: [flag] });
      expect([stdout, stderr]).toEqual(['said\n', '']);
    }
    const failed = await project.tryBuild(file(3), [], { globals: ['--quiet'] });
    expect(failureOf(failed)).toBe(failed.stderr);
    expect(failed.stderr).toMatch(/^error: run commands failed for image "one" in "stacker\.yaml": /);
  });

  it('begins with the version with --debug, in a log file too', async () => {
    const project = workspace.project('own');
    const file = { one: { from: scratch } };
    const { stderr } = await project.build(file, [], { globals: ['--debug'] });
    expect(stderr.split('\n')[0]).toMatch(/stacker version \S+/);
    expect(lastLine(stderr)).toMatch(/^(filesystem one built successfully|found cached layer one)$/);
    const logged = await project.build(file, [], { globals: ['--debug', '--log-file', 'the.log'] });
    expect(logged.stderr).toBe('');
    const log = readFileSync(project.at('the.log'), 'utf8');
    expect(log.split('\n')[0]).toMatch(/stacker version \S+/);
    expect(lastLine(log)).toMatch(/one/);
  });

  it('goes to a log file, with the time of each line when asked, but for scripts and errors', async () => {
    const project = workspace.project('own');
    const globals = ['--log-file', project.at('the.log'), '--log-timestamp'];
    const ok = await project.build({ one: { from: busybox, run: '#!/bin/sh\necho said' } }, [], { globals });
    expect([ok.stdout, ok.stderr]).toEqual(['said\n', '']);
    const lines = readFileSync(project.at('the.log'), 'utf8').trimEnd().split('\n');
    for (const line of lines)
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) /);
    expect(lines.at(-1)).toMatch(/ filesystem one built successfully$/);
    const failed = await project.tryBuild({ one: { from: busybox, run: 'exit 4' } }, [], { globals });
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/^error: run commands failed for image "one"/m);
  });

  it('tells of copied blobs only with --progress', async () => {
    const project = workspace.project('own');
    await project.build({ base: { from: busybox } });
    const child = (label: string) => ({ one: { from: { type: 'oci', url: 'oci:base' }, labels: { label } } });
    const plain = await project.build(child('1'), [], { globals: ['--no-progress'] });
    expect(plain.stderr).not.toContain('Copying blob');
    const usual = await project.build(child('2'));
    expect(usual.stderr).not.toContain('Copying blob');
    const fresh = workspace.project('own');
    const base = { type: 'oci', url: `${project.oci}:base` };
    const shown = await fresh.build({ one: { from: base } }, [], { globals: ['--progress'] });
    expect(shown.stderr).toMatch(/^Copying blob sha256:[0-9a-f]+/m);
  });

  it('is help without arguments, and the version alone when that is asked for', async () => {
    const help = await execute(stackerProgram, []);
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('COMMANDS');
    expect(help.stdout).toMatch(/\bstacker\b/);
    for (const command of ['build', 'recursive-build', 'publish', 'chroot', 'clean', 'inspect', 'grab', 'gc'])
      expect(help.stdout).toMatch(new RegExp(`^ +${command}\\b`, 'm'));
    for (const command of ['check', 'convert', 'unpriv-setup'])
      expect(help.stdout).toMatch(new RegExp(`^ +${command}\\b`, 'm'));
    expect(help.stdout).not.toContain('internal-go');
    const version = await execute(stackerProgram, ['--version']);
    expect([version.status, version.stderr]).toEqual([0, '']);
    expect(version.stdout).toMatch(/\d+\.\d+\.\d+/);
    const { path } = workspace;
    const forBuild = await execute(stackerProgram, ['--debug', 'build', '--help'], { cwd: path });
    expect([forBuild.status, forBuild.stderr]).toEqual([0, expect.stringMatching(/^stacker version \S+\n$/)]);
    expect(forBuild.stdout).toContain('--substitute');
    await execute(stackerProgram, ['--debug', '--log-file', 'help.log', 'build', '--help'], { cwd: path });
    expect(readFileSync(`${path}/help.log`, 'utf8')).toMatch(/^stacker version \S+\n$/);
    const both = await execute(stackerProgram, ['--debug', '--quiet', 'build', '--help']);
    expect(failureOf(both)).toContain("debug and quiet don't make sense together");
  });

  it('ends it, without a word, when nobody reads it any more', async () => {
    const project = workspace.project('own');
    mkdirSync(project.at('out'));
    const run = '#!/bin/sh\ntouch /out/began; while [ ! -e /out/go ]; do sleep 0.05; done; echo lost';
    project.writeStackerFile({ one: { from: busybox, binds: ['out -> /out'], run } });
    const { child, ended } = startCommand(project, ['build']);
    await until(() => existsSync(project.at('out/began')));
    child.stdout?.destroy();
    project.write('out/go', '');
    const { status, stderr } = await ended;
    expect(status).toBe(141);
    expect(stderr).not.toMatch(/^\s+at |error/m);
    await until(() => processesOf(project.store).length === 0);
    await project.ashlar(['build']);
    expect(project.tags()).toEqual(['one']);
  });

  it('is an error where the disk is full', async () => {
    const { status, stdout } = await execute('sh', ['-c', '"$0" 2>&1 >/dev/full', stackerProgram]);
    expect([status, stdout]).toEqual([
      1,
      expect.stringMatching(/^error: cannot write the output: ENOSPC.*\n$/),
    ]);
  });

  it('is the same however flags are written, and with flags that mean nothing here', async () => {
    const project = workspace.project('own');
    project.write('other.yaml', 'one: {from: {type: scratch}, labels: {l: "${{A}}=${{B}}"}}\n');
    const ways = [
      ['build', '--stacker-file', 'other.yaml', '--substitute', 'A=a', '--substitute', 'B=b=c,d'],
      ['build', '--stacker-file=other.yaml', '--substitute=A=a', '--substitute=B=b=c,d'],
      ['build', '-f=other.yaml', '-substitute', 'A=a', '-substitute=B=b=c,d', '-layer-type=tar'],
      [
        ...['--storage-type=overlay', '-no-progress', 'build', '-f', 'other.yaml', '--no-verity'],
        ...[
          '--no-squashfs-verity',
          '--apply-consider-timestamps',
          '--substitute',
          'A=a',
          '--substitute',
          'B=b=c,d',
          '--no-cache',
        ],
      ],
    ];
    for (const words of ways) {
      const { status, stderr } = await project.ashlar(words);
      expect(status, stderr).toBe(0);
      expect(lastLine(stderr)).toMatch(/^(filesystem one built successfully|found cached layer one)$/);
      expect(project.image('one').config.config?.Labels).toEqual({ l: 'a=b=c,d' });
    }
    expect((await project.ashlar(['clean', '-all'])).status).toBe(0);
  });

  it('names the output that it makes, and makes it for build_only layers alone too', async () => {
    const project = workspace.project('own');
    const file = { one: { from: scratch, build_only: true } };
    const { stderr } = await project.build(file);
    expect(stderr).toContain(`Creating new OCI Layout at "${project.oci}"\n`);
    expect(stderr).not.toContain('built successfully');
    expect(existsSync(project.at('oci/oci-layout'))).toBe(true);
    expect((await project.build(file)).stderr).not.toContain('Creating new OCI Layout');
  });
});
