import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { useWorkspace } from './support.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

describe.skipIf(!has('umoci', 'busybox', 'git'))('the image', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  describe('config', () => {
    it('has what the directives say', async () => {
      const project = workspace.project();
      await project.build({
        one: {
          from: scratch,
          environment: { B: '2', A: '1' },
          labels: { z: 'last', a: 'first' },
          volumes: ['/data', '/cache'],
          working_dir: '/work',
          user: 'nobody',
          entrypoint: ['/bin/tool', '--flag'],
          cmd: 'one "two words" three\\ words',
          os: 'linux',
          arch: 'arm64',
        },
      });
      const { config } = project.image('one');
      expect(config).toMatchObject({ os: 'linux', architecture: 'arm64' });
      expect(config.config).toEqual({
        Env: ['B=2', 'A=1', PATH],
        Labels: { z: 'last', a: 'first' },
        Volumes: { '/data': {}, '/cache': {} },
        WorkingDir: '/work',
        User: 'nobody',
        Entrypoint: ['/bin/tool', '--flag'],
        Cmd: ['one', 'two words', 'three words'],
      });
    });

    it('replaces inherited variables in their place, and leaves a PATH alone', async () => {
      const project = workspace.project();
      await project.build({
        base: { from: scratch, environment: { PATH: '/bin', A: '1', B: '1' } },
        one: { from: built('base'), environment: { C: '2', A: '2' } },
      });
      expect(project.image('one').config.config?.Env).toEqual(['PATH=/bin', 'A=2', 'B=1', 'C=2']);
    });

    it('inherits entrypoint and cmd one by one; an empty list clears', async () => {
      const project = workspace.project();
      await project.build({
        base: { from: scratch, entrypoint: ['/e'], cmd: ['c'], working_dir: '/w', user: '1000' },
        same: { from: built('base') },
        cmd: { from: built('base'), cmd: ['d'] },
        entry: { from: built('base'), entrypoint: '/f' },
        cleared: { from: built('base'), cmd: [] },
        full: { from: built('base'), full_command: '/g h' },
      });
      const configOf = (tag: string) => project.image(tag).config.config;
      expect(configOf('same')).toMatchObject({
        Entrypoint: ['/e'],
        Cmd: ['c'],
        WorkingDir: '/w',
        User: '1000',
      });
      expect(configOf('cmd')).toMatchObject({ Entrypoint: ['/e'], Cmd: ['d'] });
      expect(configOf('entry')).toMatchObject({ Entrypoint: ['/f'], Cmd: ['c'] });
      expect(configOf('cleared')?.Cmd ?? []).toEqual([]);
      expect(configOf('full')?.Entrypoint).toEqual(['/g', 'h']);
      expect(configOf('full')?.Cmd ?? null).toBeNull();
    });

    it('takes runtime_user for user, a number as text, and refuses two answers', async () => {
      const project = workspace.project();
      await project.build({ one: { from: scratch, runtime_user: 1000 } });
      expect(project.image('one').config.config?.User).toBe('1000');
      await project.failure({ one: { from: scratch, user: 'a', runtime_user: 'b' } });
    });

    it('tells author, time and history', async () => {
      const project = workspace.project();
      project.write('f', 'x');
      mkdirSync(project.at('o'));
      await project.build({
        one: {
          from: busybox,
          overlay_dirs: [{ source: 'o' }],
          imports: [{ path: 'f', dest: '/f' }],
          run: 'touch /x',
        },
      });
      const { config } = project.image('one');
      expect(config.author).toMatch(/^.+@.+$/);
      expect(Date.parse(config.created ?? '')).toBeGreaterThan(Date.now() - 600_000);
      const layers = config.history?.filter(entry => !entry.empty_layer);
      expect(layers).toHaveLength(config.rootfs.diff_ids.length);
      expect(config.history?.map(entry => entry.created_by)).toContain('stacker overlay dir for one');
      expect(config.history?.at(-1)).toMatchObject({ created_by: 'stacker build', empty_layer: true });
    });
  });

  describe('annotations', () => {
    it('are merged over those of the base and are not in index.json', async () => {
      const project = workspace.project();
      await project.build({
        base: { from: scratch, annotations: { 'org.a': '1', 'org.b': '1' } },
        one: { from: built('base'), annotations: { 'org.b': '2' } },
      });
      expect(project.image('one').manifest.annotations).toMatchObject({ 'org.a': '1', 'org.b': '2' });
      const index = execFileSync('cat', [`${project.oci}/index.json`], { encoding: 'utf8' });
      expect(index).not.toContain('org.a');
    });

    it('hold the stacker file after substitution, the version and, in git, its revision', async () => {
      const project = workspace.project();
      const text = '# for ${{WHOM}}\none:\n  from: {type: scratch}\n';
      await project.build(text, ['--substitute', 'WHOM=you']);
      const plain = project.image('one').manifest.annotations;
      expect(plain?.['io.stackeroci.stacker.stacker_yaml']).toBe(text.replace('${{WHOM}}', 'you'));
      expect(plain?.['io.stackeroci.stacker.stacker_version']).toMatch(/\d/);
      expect(plain).not.toHaveProperty(['io.stackeroci.stacker.git_version']);
      const git = (...args: string[]) =>
        execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
          cwd: project.path,
          encoding: 'utf8',
        });
      git('init', '--quiet');
      git('add', 'stacker.yaml');
      git('commit', '--quiet', '-m', 'x');
      const revision = git('rev-parse', 'HEAD').trim();
      await project.build(text, ['--substitute', 'WHOM=you', '--annotations-namespace', 'org.mine']);
      expect(project.image('one').manifest.annotations).toMatchObject({
        'org.mine.stacker.git_version': revision,
      });
      await project.build(`${text}  labels: {a: b}\n`, ['--substitute', 'WHOM=you']);
      expect(project.image('one').manifest.annotations).toMatchObject({
        'io.stackeroci.stacker.git_version': `${revision}-dirty`,
      });
    });
  });

  describe('build_only', () => {
    it('keeps a layer out of the output, but not out of the images on top of it', async () => {
      const project = workspace.project();
      const { stderr } = await project.build({
        low: { from: busybox, run: 'touch /low' },
        hidden: { from: built('low'), run: 'touch /hidden', build_only: true, labels: { a: 'b' } },
        top: { from: built('hidden'), run: 'touch /top' },
        end: { from: built('top'), run: 'touch /end', build_only: true },
      });
      expect(project.tags()).toEqual(['low', 'top']);
      const [low, top] = [project.image('low'), project.image('top')];
      expect(top.layers.slice(0, 2)).toEqual(low.layers);
      expect(top.layers).toHaveLength(4);
      expect(top.config.config?.Labels).toEqual({ a: 'b' });
      expect(stderr).not.toMatch(/(filesystem|cached layer) (hidden|end)/);
    });

    it('still makes the output directory when nothing goes into it', async () => {
      const project = workspace.project();
      const { stderr } = await project.build({ one: { from: busybox, run: 'true', build_only: true } });
      expect(stderr).toContain(`Creating new OCI Layout at "${project.oci}"\n`);
      expect(project.tags()).toEqual([]);
      execFileSync('umoci', ['ls', '--layout', project.oci]);
    });

    it('hands layers on in the order in which they are mounted, whiteouts included', async () => {
      const project = workspace.project();
      project.write('o1/a', '1');
      project.write('o2/b', '2');
      await project.build({
        low: {
          from: busybox,
          overlay_dirs: [{ source: 'o1', dest: '/o' }],
          run: 'echo low >/o/a; mkdir /d; touch /d/x',
          build_only: true,
        },
        mid: {
          from: built('low'),
          overlay_dirs: [{ source: 'o2', dest: '/o' }],
          run: 'rm -r /d; mkdir /d; touch /d/y',
          build_only: true,
        },
        top: { from: built('mid'), run: 'cat /o/a /o/b; ls /d; rm /o/b' },
      });
      const { layers, names } = project.image('top');
      expect(layers).toHaveLength(6);
      expect(names(1)).toContain('o/a');
      expect(names(3)).toContain('o/b');
      expect(names(4)).toEqual(['/', 'd/', 'd/.wh..wh..opq', 'd/y']);
      expect(names(5)).toEqual(['/', 'o/', 'o/.wh.b']);
      const root = await project.unpack('top');
      expect(execFileSync('ls', [`${root}/d`, `${root}/o`], { encoding: 'utf8' })).toMatch(/y\n\n.*:\na\n$/);
    });
  });

  describe('in the layout', () => {
    it('goes to the end when it is built again, and the order is that of the file', async () => {
      const project = workspace.project();
      const file = (label: string) => ({
        c: { from: scratch, labels: { label } },
        a: { from: scratch },
        b: { from: built('c') },
      });
      await project.build(file('1'), ['--jobs', '4']);
      expect(project.tags()).toEqual(['c', 'a', 'b']);
      project.writeStackerFile({ a: { from: scratch, labels: { x: 'y' } } }, 'other.yaml');
      await project.ashlar(['build', '-f', 'other.yaml']);
      expect(project.tags()).toEqual(['c', 'b', 'a']);
    });

    it('is told of in the very last lines', async () => {
      const project = workspace.project();
      const file = (label: string) => ({
        first: { from: busybox, run: 'echo first' },
        hidden: { from: busybox, run: 'echo hidden', build_only: true },
        second: { from: built('first'), run: 'echo second', labels: { label } },
      });
      const fresh = await project.build(file('1'));
      expect(fresh.stderr).toMatch(
        /\nfilesystem first built successfully\n(.*\n)*filesystem second built successfully\n$/,
      );
      const again = await project.build(file('1'));
      expect(again.stderr).toMatch(/\nfound cached layer first\n(.*\n)*found cached layer second\n$/);
      expect(again.stdout).toBe('');
      const changed = await project.build(file('2'));
      expect(changed.stderr).toMatch(
        /found cached layer first\n(.*\n)*filesystem second built successfully\n$/,
      );
      expect(changed.stdout).toBe('');
    });

    it('leaves no blobs behind that no image needs', async () => {
      const project = workspace.project();
      await project.build({ one: { from: busybox, run: 'echo 1 >/f' } });
      const old = project.image('one');
      await project.build({ one: { from: busybox, run: 'echo 2 >/f' } });
      const blobs = execFileSync('ls', [`${project.oci}/blobs/sha256`], { encoding: 'utf8' }).split('\n');
      const present = blobs.filter(Boolean).map(name => `sha256:${name}`);
      const { digest, manifest, layers } = project.image('one');
      expect(present.sort()).toEqual([digest, manifest.config.digest, ...layers].sort());
      expect(present).not.toContain(old.layers[1]);
    });
  });
});
