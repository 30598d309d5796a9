import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decimalSize } from '../../src/cli/size.ts';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { ashlarProgram, execute, failureOf, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('the command', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  describe('inspect', () => {
    it('prints name, layers, annotations and config of all images or one', async () => {
      const project = workspace.project();
      await project.build({
        one: { from: busybox, run: 'touch /x', annotations: { 'org.a': 'b' }, labels: { c: 'd' } },
        two: { from: { type: 'scratch' } },
      });
      const { status, stdout } = await project.ashlar(['inspect']);
      expect(status).toBe(0);
      const { layers, manifest, config } = project.image('one');
      for (const [i, digest] of layers.entries()) {
        const line = `\tlayer ${i}: ${digest.slice(7, 19)}... (${decimalSize(manifest.layers[i]?.size ?? 0)}, application/vnd.oci.image.layer.v1.tar+gzip)\n`;
        expect(stdout).toContain(line);
      }
      expect(stdout).toMatch(/^one\n\tlayer 0: /);
      expect(stdout).toContain('\nAnnotations:\n');
      expect(stdout).toContain('  org.a: b\n');
      expect(stdout).toContain('\ntwo\n');
      const only = await project.ashlar(['inspect', 'one']);
      const json = only.stdout.slice(only.stdout.indexOf('Image config:\n') + 'Image config:\n'.length);
      expect(JSON.parse(json)).toEqual(config);
      expect(only.stdout).not.toContain('\ntwo\n');
    });

    it('says what there is when there is no such image, or no layout', async () => {
      const project = workspace.project();
      expect(failureOf(await project.ashlar(['inspect']))).toContain(project.oci);
      await project.build({ one: { from: { type: 'scratch' } } });
      const failure = failureOf(await project.ashlar(['inspect', 'none']));
      expect(failure).toContain('error: there is no image none in ');
      expect(failure).toContain('one');
    });

    it('lets nothing of an image steer the terminal', async () => {
      const project = workspace.project();
      const evil = '\u001b[2J\u001b]0;title\u0007\rspoofed\u009b31m';
      await project.build({
        one: {
          from: { type: 'scratch' },
          annotations: { 'org.a': evil, [`k${evil}`]: 'v' },
          labels: { a: evil },
        },
      });
      const { stdout } = await project.ashlar(['inspect']);
      expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      expect(stdout).toContain('spoofed');
    });
  });

  describe('clean', () => {
    it('removes what belongs to the directory and keeps the store', async () => {
      const project = workspace.project('own');
      const file = { one: { from: busybox, run: 'echo ran >/x' } };
      await project.build(file);
      mkdirSync(project.at('roots'));
      mkdirSync(project.at('.stacker'));
      const { status } = await project.ashlar(['clean']);
      expect(status).toBe(0);
      for (const name of ['oci', 'roots', '.stacker']) expect(existsSync(project.at(name))).toBe(false);
      expect(existsSync(project.at('stacker.yaml'))).toBe(true);
      expect((await project.build(file)).stdout).toBe('');
      expect((await project.ashlar(['clean', '--all'])).status).toBe(0);
      expect((await project.ashlar(['clean'])).status).toBe(0);
    });
  });

  describe('plan', () => {
    const file = {
      build: { from: busybox, imports: ['f'], run: ['true', 'touch /x'], build_only: true },
      one: { from: { type: 'tar', url: 'stacker://build/x.tar' }, imports: [{ path: 'f', dest: '/f' }] },
    };

    it('shows what would be built, and does nothing', async () => {
      const project = workspace.project('own');
      project.write('f', '');
      project.writeStackerFile(file);
      const { status, stdout } = await project.ashlar(['plan']);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^build \(build only\)\n {2}from {4}/);
      expect(stdout).toContain(`import  f = ${project.at('f')}\n`);
      expect(stdout).toContain(`copy    ${project.at('f')} -> /f\n`);
      expect(existsSync(project.oci)).toBe(false);
      expect(existsSync(project.store)).toBe(false);
    });

    it('is JSON on demand, the same for the same input', async () => {
      const project = workspace.project('own');
      project.write('f', '');
      project.writeStackerFile(file);
      const plans = [await project.ashlar(['plan', '--json']), await project.ashlar(['plan', '--json'])];
      const [first, second] = plans.map(({ stdout }) => stdout);
      expect(second).toBe(first);
      const { images } = JSON.parse(first ?? '');
      expect(images.map((image: { name: string }) => image.name)).toEqual(['build', 'one']);
      expect(images[0]).toMatchObject({ emit: false, base: { kind: 'tar' }, steps: [{ kind: 'run' }] });
      expect(images[1]).toMatchObject({ emit: true, steps: [{ kind: 'copy', target: '/f' }] });
    });

    it('has the errors of build', async () => {
      const project = workspace.project('own');
      project.writeStackerFile('one: {form: {type: scratch}}');
      expect(failureOf(await project.ashlar(['plan']))).toContain(
        'error: stackerfile: unknown directive form\n',
      );
    });
  });

  describe('check', () => {
    it('finds that this machine can build', async () => {
      const project = workspace.project('own');
      const { status, stdout, stderr } = await project.ashlar(['check']);
      expect(status, stdout + stderr).toBe(0);
      expect(stderr).toMatch(/^os\/kernel: /m);
      for (const subject of ['node', 'unshare', 'namespaces', 'overlay', 'runtime', 'user ids'])
        expect(stdout).toMatch(new RegExp(`^(ok|degraded) +${subject} `, 'm'));
      expect(readdirSync(`${project.store}/tmp`)).toEqual([]);
    });

    it('is JSON on demand', async () => {
      const project = workspace.project('own');
      const { stdout } = await project.ashlar(['check', '--json']);
      const findings: readonly { subject: string; state: string }[] = JSON.parse(stdout);
      expect(findings).toContainEqual(expect.objectContaining({ subject: 'overlay', state: 'ok' }));
    });

    it('says what is missing and how to get it', async () => {
      const project = workspace.project('own');
      // Only what is needed to start ashlar; findProgram looks into the sbin directories itself.
      mkdirSync(project.at('bin'));
      for (const program of ['readlink', 'find', 'unshare', 'sh', 'hostname', 'env'])
        execFileSync('ln', [
          '-s',
          execFileSync('which', [program], { encoding: 'utf8' }).trim(),
          project.at('bin', program),
        ]);
      const { stdout } = await project.ashlar(['check'], { env: { PATH: project.at('bin') } });
      expect(stdout).toMatch(
        /^degraded +xz +not installed\n +-> for .*: apt install xz-utils \| dnf install xz \| zypper install xz$/m,
      );
    });
  });

  describe('build --order-only', () => {
    it('prints the order of the files and builds nothing', async () => {
      const project = workspace.project('own');
      project.write('base/stacker.yaml', 'base: {from: {type: scratch}}\n');
      project.writeStackerFile(
        'config: {prerequisites: [base/stacker.yaml]}\none: {from: {type: built, tag: base}}\n',
      );
      const { stderr } = await project.ashlar(['build', '--order-only']);
      const [base, own] = [project.at('base/stacker.yaml'), project.at('stacker.yaml')];
      expect(stderr).toMatch(
        new RegExp(
          `stacker build order:\n0 build ${base}: requires: \\[\\]\n1 build ${own}: requires: \\[${base}\\]\n$`,
        ),
      );
      expect(existsSync(project.oci)).toBe(false);
    });
  });

  it('line without a command prints help', async () => {
    const { status, stdout } = await execute(ashlarProgram, []);
    expect(status).toBe(0);
    expect(stdout).toContain('COMMANDS');
    const version = await execute(ashlarProgram, ['--version']);
    const { version: expected } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    expect(version.stdout).toBe(`${expected}\n`);
    const unknown = await execute(ashlarProgram, ['biuld']);
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain("error: unknown command 'biuld'");
  });

  it('line takes its directories from flags, the work directory and the config file', async () => {
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

  it('line with --debug begins with the version and tells of each step', async () => {
    const project = workspace.project('own');
    const { stderr } = await project.build({ one: { from: busybox, run: 'touch /x' } }, [], {
      globals: ['--debug'],
    });
    expect(stderr).toMatch(/^stacker version \d/);
    expect(stderr).toMatch(/step 1: sha256:/);
    expect(stderr).toMatch(/filesystem one built successfully\n$/);
  });
});
