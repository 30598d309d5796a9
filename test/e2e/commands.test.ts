import { existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decimalSize } from '../../src/cli/size.ts';
import { has, isRoot } from '../support/tools.ts';
import { linesOf, useBusybox } from './roots.ts';
import { execute, failureOf, outputAsRoot, type Project, useWorkspace, type Variables } from './support.ts';

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
      const { status } = await project.ashlar(['clean']);
      expect(status).toBe(0);
      for (const name of ['oci', 'roots', '.stacker']) expect(existsSync(project.at(name))).toBe(false);
      expect(existsSync(project.at('stacker.yaml'))).toBe(true);
      expect((await project.build(file)).stdout).toBe('');
      expect((await project.ashlar(['clean', '--all'])).status).toBe(0);
      expect((await project.ashlar(['clean'])).status).toBe(0);
    });

    it('removes files of other owners and modes, too', async () => {
      const project = workspace.project();
      for (const name of ['f', 'd/closed/g']) project.write(name, name);
      await project.build({
        one: {
          from: busybox,
          imports: [
            { path: 'f', uid: 1000 },
            { path: 'd', uid: 1000, gid: 1000 },
          ],
          run: 'true',
        },
      });
      await outputAsRoot('chmod', ['000', project.at('.stacker/imports/one/d/closed')]);
      expect((await project.ashlar(['clean'])).status).toBe(0);
      for (const name of ['oci', 'roots', '.stacker']) expect(existsSync(project.at(name))).toBe(false);
    });

    it.runIf(isRoot).each([
      { name: 'roots', complaint: 'problem cleaning roots ' },
      { name: 'oci', complaint: 'problem cleaning oci dir ' },
      { name: '.stacker', complaint: 'error deleting stacker dir: ' },
    ])('says that it could not remove $name, and removes the rest', async ({ name, complaint }) => {
      const project = workspace.project();
      await project.build({ one: { from: { type: 'scratch' } } });
      const script = 'mount -t tmpfs none "$0" && exec "$@"';
      const ended = await execute(
        'unshare',
        ['--mount', 'sh', '-c', script, name, project.program, ...project.arguments(['clean'])],
        { cwd: project.path, env: project.environment() },
      );
      expect(failureOf(ended)).toBe('error: cleaning failed\n');
      expect(ended.stderr).toContain(`${complaint}EBUSY: `);
      expect(['roots', 'oci', '.stacker'].filter(other => existsSync(project.at(other)))).toEqual([name]);
    });
  });

  describe.runIf(isRoot)('unpriv-setup', () => {
    const subuid = 'other:100000:65536\nmore:200000:1000';

    /** Runs it where /etc/subuid and /etc/subgid are files of the project. */
    async function setUp(project: Project, flags: readonly string[], env: Variables = {}) {
      for (const name of ['subuid', 'subgid']) if (!existsSync(project.at(name))) project.write(name, subuid);
      const script =
        'for f in subuid subgid; do touch /etc/$f; mount --bind $f /etc/$f || exit 99; done; exec "$@"';
      return execute(
        'unshare',
        [
          '--mount',
          'sh',
          '-c',
          script,
          'sh',
          project.program,
          ...project.arguments(['unpriv-setup', ...flags]),
        ],
        { cwd: project.path, env: project.environment({ SUDO_UID: undefined, SUDO_GID: undefined, ...env }) },
      );
    }

    it('gives a user the first free ids above all others, and directories', async () => {
      const project = workspace.project();
      const globals = { SUDO_UID: '4242', SUDO_GID: '4243', SUDO_USER: 'somebody' };
      const { status, stderr } = await setUp(project, [], globals);
      expect(status, stderr).toBe(0);
      for (const name of ['subuid', 'subgid'])
        expect(linesOf(project.at(name))).toEqual([...subuid.split('\n'), 'somebody:201000:65536']);
      for (const name of ['.stacker', 'roots'])
        expect(lstatSync(project.at(name))).toMatchObject({ uid: 4242, gid: 4243 });
    });

    it('leaves the ids of a user that has some', async () => {
      const project = workspace.project();
      const { status } = await setUp(project, ['--uid', '5000', '--gid', '5000', '--username', 'more']);
      expect(status).toBe(0);
      expect(readFileSync(project.at('subuid'), 'utf8')).toBe(subuid);
    });

    it('wants to know the user, and no directory of an earlier run', async () => {
      const project = workspace.project();
      expect(failureOf(await setUp(project, []))).toMatch(
        /^error: please specify --uid or run unpriv-setup with sudo\n/,
      );
      mkdirSync(project.at('.stacker'));
      expect(failureOf(await setUp(project, ['--uid', '5000']))).toMatch(
        `error: stacker dir ${project.at('.stacker')} already exists, aborting setup\n`,
      );
      expect(readFileSync(project.at('subuid'), 'utf8')).toBe(subuid);
    });
  });

  describe('build --target', () => {
    const built = (tag: string) => ({ type: 'built', tag });
    const scratch = { type: 'scratch' };
    const file = {
      base: { from: scratch, imports: [{ path: 'stacker.yaml', dest: '/f' }] },
      on: { from: built('base'), labels: { a: 'b' } },
      only: { from: built('base'), build_only: true },
      other: { from: scratch },
      copied: { from: scratch, imports: [{ path: 'stacker://on/f', dest: '/g' }] },
    };

    it('publishes only that layer, and builds what it needs', async () => {
      const project = workspace.project('own');
      const { stderr } = await project.build(file, ['--target', 'copied']);
      expect(project.tags()).toEqual(['copied']);
      expect(stderr).toMatch(/preparing image base\.\.\.\n(.*\n)*preparing image on\.\.\.\n/);
      expect(stderr).not.toContain('preparing image other');
    });

    it('can be given several times; order and build_only stay as they are', async () => {
      const project = workspace.project('own');
      await project.build(file, ['--target', 'other', '--target', 'only', '--target', 'on']);
      expect(project.tags()).toEqual(['on', 'other']);
    });

    it('publishes what comes out of the layout that is built', async () => {
      const project = workspace.project('own');
      const again = { from: { type: 'oci', url: 'oci:base' }, labels: { a: 'b' } };
      await project.build({ base: file.base, other: file.other, again }, ['--target', 'again']);
      expect(project.tags()).toEqual(['base', 'again']);
    });

    it('of a layer that is not there says which one may have been meant', async () => {
      const project = workspace.project('own');
      expect(await project.failure(file, ['--target', 'othre'])).toBe(
        'error: there is no layer "othre" to build\nhint: did you mean "other"?\n',
      );
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
      expect(images[1]).toMatchObject({ emit: true, steps: [{ kind: 'copy', items: [{ target: '/f' }] }] });
    });

    it('has the errors of build', async () => {
      const project = workspace.project('own');
      project.writeStackerFile('one: {form: {type: scratch}}');
      expect(failureOf(await project.ashlar(['plan']))).toContain(
        'error: stackerfile: unknown directive form\n',
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
});
