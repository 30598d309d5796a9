import { chownSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { has, isRoot } from '../support/tools.ts';
import { linesOf, useBusybox } from './roots.ts';
import { ashlarProgram, execute, failureOf, useWorkspace, type Variables } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('the command line', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  it('without a command prints help', async () => {
    const { status, stdout } = await execute(ashlarProgram, []);
    expect(status).toBe(0);
    expect(stdout).toContain('COMMANDS');
    expect(await execute(ashlarProgram, ['--oci-dir', 'x'])).toEqual({ status, stdout, stderr: '' });
    const version = await execute(ashlarProgram, ['--version']);
    const { version: expected } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    expect(version.stdout).toBe(`${expected}\n`);
    const help = await execute(ashlarProgram, ['build', '--help']);
    expect(help.status).toBe(0);
    expect((await execute(ashlarProgram, ['help', 'build'])).stdout).toBe(help.stdout);
  });

  it('says what was probably meant', async () => {
    const project = workspace.project();
    const failure = async (...line: readonly string[]) => failureOf(await project.ashlar(line));
    expect(await failure('biuld')).toBe("error: unknown command 'biuld'\n(Did you mean build?)\n");
    expect(await failure('build', '--no-cahce')).toBe(
      "error: unknown option '--no-cahce'\n(Did you mean --no-cache?)\n",
    );
    expect(await failure('build', '-j', 'many')).toContain('Expected a whole number, 1 or more.');
    expect(await failure('--storage-type', 'btrfs', 'build')).toContain('Allowed choices are overlay.');
  });

  it.each([
    ['stacker', 'bin/stacker'],
    ['stacker', 'bin/ashlar'],
    ['link', 'bin/ashlar'],
    ['any', 'bin/stacker'],
  ])('is that of stacker under this name: %s -> %s', async (link, program) => {
    const project = workspace.project();
    const target = fileURLToPath(new URL(`../../${program}`, import.meta.url));
    mkdirSync(project.at('bin'));
    symlinkSync(target, project.at('bin', link));
    const { stdout, status } = await execute(project.at('bin', link), []);
    expect(status).toBe(0);
    const name = link === 'stacker' || program === 'bin/stacker' ? 'stacker' : 'ashlar';
    expect(stdout).toContain(`USAGE: ${name} [options] [command]\n`);
    const help = await execute(project.at('bin', link), ['build', '--help']);
    expect(help.stdout).toContain(`USAGE: ${name} build [options]\n`);
    project.writeStackerFile({
      one: { from: busybox, run: 'env >/env', build_env_passthrough: ['ASHLAR_.*', 'NODE_COMPILE_.*'] },
    });
    const build = await execute(project.at('bin', link), [...project.arguments(['build'])], {
      cwd: project.path,
      env: project.environment({ ASHLAR_TEST: 'passed' }),
    });
    expect(build.status, build.stderr).toBe(0);
    const environment = (await project.fileOf('one', 'env')).split('\n');
    expect(environment.filter(line => /^(ASHLAR|NODE_COMPILE)_/.test(line))).toEqual(['ASHLAR_TEST=passed']);
  });

  describe('refuses, before anything else,', () => {
    const refused = async (line: readonly string[], env: Variables = {}) =>
      failureOf(await workspace.project().ashlar(line, { env }));

    it.each([[[]], [['clean']], [['build', '--help']], [['internal-go', 'copy', 'a', 'b']]])(
      'debug and quiet together: %j',
      async line => {
        const project = workspace.project();
        const failure = failureOf(await project.ashlar(line, { globals: ['--debug', '--quiet'] }));
        expect(failure).toBe("error: debug and quiet don't make sense together\n");
      },
    );

    it('debug and quiet together after the command', async () => {
      expect(await refused(['clean', '--debug', '-q'])).toContain(
        "debug and quiet don't make sense together",
      );
    });

    it.each([[['inspect']], [['build', '--help']]])(
      'a SOURCE_DATE_EPOCH that is no number: %j',
      async line => {
        const failure = await refused(line, { SOURCE_DATE_EPOCH: 'yesterday' });
        expect(failure).toContain('error: invalid SOURCE_DATE_EPOCH value "yesterday": ');
      },
    );

    it('a config file that is not one, with its place', async () => {
      const project = workspace.project();
      project.write('conf.yaml', 'oci_dir: [a\n');
      const failure = failureOf(await project.ashlar(['clean'], { globals: ['--config', 'conf.yaml'] }));
      expect(failure).toContain(`error: couldn't parse the config file ${project.at('conf.yaml')}: `);
      expect(failure).toContain('--> conf.yaml:2:1\n');
    });

    it('a roots directory with a colon, as it was given', async () => {
      const project = workspace.project();
      const failure = failureOf(await project.ashlar(['clean'], { globals: ['--roots-dir', 'a:b'] }));
      expect(failure).toBe(
        "error: using ':' in the name of --roots-dir (a:b) is forbidden due to overlay constraints\n",
      );
    });

    it.skipIf(!isRoot)("another user's working files", async () => {
      const project = workspace.project();
      chownSync(project.write('.stacker/build.cache', '{}'), 12345, 0);
      const failure = failureOf(await project.ashlar(['build']));
      expect(failure).toContain('error: previous run of stacker found with uid 12345\n');
    });
  });

  it('takes its directories from flags, the work directory and the config file', async () => {
    const project = workspace.project();
    project.writeStackerFile({ one: { from: { type: 'scratch' } } });
    await project.ashlar(['build'], { globals: ['--work-dir', 'work'] });
    expect(existsSync(project.at('work/oci/index.json'))).toBe(true);
    project.write('conf.yaml', `oci_dir: ${project.at('from-config')}\n`);
    await project.ashlar(['build'], { globals: ['--config', 'conf.yaml'] });
    expect(existsSync(project.at('from-config/index.json'))).toBe(true);
    await project.ashlar(['build'], { globals: ['--config', 'conf.yaml', '--oci-dir', 'from-flag'] });
    expect(existsSync(project.at('from-flag/index.json'))).toBe(true);
  });

  it('takes global flags after the command too', async () => {
    const project = workspace.project();
    project.writeStackerFile({ one: { from: { type: 'scratch' } } });
    const { status } = await project.ashlar(['build', '--oci-dir', 'elsewhere', '-q']);
    expect(status).toBe(0);
    expect(existsSync(project.at('elsewhere/index.json'))).toBe(true);
  });

  it('with --quiet is silent but for errors', async () => {
    const project = workspace.project();
    const globals = ['--quiet'];
    const { stderr } = await project.build({ one: { from: { type: 'scratch' } } }, [], { globals });
    expect(stderr).toBe('');
    expect(await project.failure({ one: {} }, [], { globals })).toContain('error: invalid layer: no base');
  });

  it.each([['inspect'], ['clean'], ['plan'], ['build']])(
    'with --log-file writes the log of %s there, the version first, anew each time',
    async command => {
      const project = workspace.project();
      await project.build({ one: { from: { type: 'scratch' } } });
      const globals = ['--debug', '--log-timestamp', '--log-file', 'log'];
      for (let i = 0; i < 2; i++) {
        const { stderr, status } = await project.ashlar([command], { globals });
        expect(status, stderr).toBe(0);
        expect(stderr).toBe('');
        if (command === 'clean') project.writeStackerFile({ one: { from: { type: 'scratch' } } });
        const lines = linesOf(project.at('log'));
        expect(lines.filter(line => line.includes('stacker version'))).toHaveLength(1);
        for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z /);
        expect(lines[0]).toMatch(/Z stacker version \d/);
      }
      const nowhere = await project.ashlar([command], { globals: ['--log-file', 'none/log'] });
      expect(failureOf(nowhere)).toContain("error: couldn't open the log file none/log\n");
    },
  );

  it('with --debug begins with the version and tells of each step', async () => {
    const project = workspace.project('own');
    const { stderr } = await project.build({ one: { from: busybox, run: 'touch /x' } }, [], {
      globals: ['--debug'],
    });
    expect(stderr).toMatch(/^stacker version \d/);
    expect(stderr).toMatch(/step 1: sha256:/);
    expect(stderr).toMatch(/filesystem one built successfully\n$/);
  });
});
