import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/http-server.ts';
import { has } from '../support/tools.ts';
import { killIfThere, startBuild, until } from './processes.ts';
import { packTar, useBusybox } from './roots.ts';
import { output, outputAsRoot, type Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('in the directories of a project', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };

  describe('imports/<layer>', () => {
    const staged = (project: Project, ...names: readonly string[]) =>
      project.at('.stacker/imports', ...names);

    it('are the imports as scripts see them, also those of layers that run nothing', async () => {
      const project = workspace.project();
      project.write('f', 'one', 0o640);
      project.write('d/e', 'two');
      project.write('run-too', 'three');
      await project.build({
        quiet: { from: scratch, imports: ['f', 'd', { path: 'd/e', mode: 0o755, uid: 7, gid: 8 }] },
        one: { from: busybox, imports: ['run-too'], run: 'touch /x' },
      });
      expect(readFileSync(staged(project, 'quiet/f'), 'utf8')).toBe('one');
      expect(lstatSync(staged(project, 'quiet/f')).mode & 0o7777).toBe(0o640);
      expect(readFileSync(staged(project, 'quiet/d/e'), 'utf8')).toBe('two');
      expect(await outputAsRoot('stat', ['-c', '%a %u:%g', staged(project, 'quiet/e')])).toBe('755 7:8\n');
      expect(readFileSync(staged(project, 'one/run-too'), 'utf8')).toBe('three');
    });

    it('follow their sources: what changed is copied, what is unchanged is left, what is gone goes', async () => {
      const project = workspace.project();
      for (const name of ['same', 'changed', 'gone']) project.write(name, name);
      await project.build({ one: { from: scratch, imports: ['same', 'changed', 'gone'] } });
      const inode = lstatSync(staged(project, 'one/same')).ino;
      project.write('changed', 'other');
      await project.build({ one: { from: scratch, imports: ['same', 'changed'] } });
      expect(readdirSync(staged(project, 'one')).toSorted()).toEqual(['changed', 'same']);
      expect(readFileSync(staged(project, 'one/changed'), 'utf8')).toBe('other');
      expect(lstatSync(staged(project, 'one/same')).ino).toBe(inode);
      await project.build({ one: { from: scratch } });
      expect(readdirSync(staged(project, 'one'))).toEqual([]);
    });

    it('are mended when somebody has changed or removed them', async () => {
      const project = workspace.project();
      for (const name of ['a', 'b']) project.write(name, name);
      const file = { one: { from: busybox, imports: ['a', 'b'], run: 'cat /stacker/imports/* >/all' } };
      await project.build(file);
      writeFileSync(staged(project, 'one/a'), 'spoilt');
      rmSync(staged(project, 'one/b'));
      writeFileSync(staged(project, 'one/foreign'), '');
      const { stderr } = await project.build(file);
      expect(stderr).toContain('found cached layer one\n');
      expect(['a', 'b'].map(name => readFileSync(staged(project, 'one', name), 'utf8'))).toEqual(['a', 'b']);
      expect(existsSync(staged(project, 'one/foreign'))).toBe(false);
    });

    it('are complete after a build that was killed while it copied them', async () => {
      const project = workspace.project();
      const names = Array.from({ length: 2000 }, (_, i) => `file${i}`);
      for (const name of names) project.write(`many/${name}`, name);
      const file = { one: { from: scratch, imports: ['many'] } };
      project.writeStackerFile(file);
      const build = startBuild(project);
      await until(() => existsSync(staged(project, 'one/many')));
      killIfThere(build.pid);
      await build.ended;
      await project.build(file);
      expect(readdirSync(staged(project, 'one/many'))).toHaveLength(names.length);
      for (const name of names) expect(readFileSync(staged(project, 'one/many', name), 'utf8')).toBe(name);
    });

    it('can be read-only, and files that nobody may read', async () => {
      const project = workspace.project();
      project.write('closed/f', 'x', 0);
      project.write('other', 'y');
      execFileSync('chmod', ['500', project.at('closed')]);
      const file = { one: { from: busybox, imports: ['closed'], run: 'cat /stacker/imports/closed/f >/f' } };
      await project.build(file);
      await project.build({
        one: { ...file.one, imports: ['other'], run: 'cat /stacker/imports/other >/f' },
      });
      expect(readdirSync(staged(project, 'one')).filter(name => !name.startsWith('.'))).toEqual(['other']);
    });

    it('belong to the project, whatever it shares its store with', async () => {
      const projects = [workspace.project(), workspace.project()];
      for (const [i, project] of projects.entries()) {
        project.write('f', `of ${i}`);
        await project.build({ one: { from: scratch, imports: ['f'] } });
      }
      const texts = projects.map(project => readFileSync(staged(project, 'one/f'), 'utf8'));
      expect(texts).toEqual(['of 0', 'of 1']);
    });
  });

  it('nothing is done, and no process of its own is started, when everything is as it was', async () => {
    const project = workspace.project();
    project.write('f', 'f');
    const file = {
      base: { from: busybox, imports: ['f'], run: 'touch /x', build_only: true },
      one: { from: { type: 'built', tag: 'base' }, imports: ['stacker://base/x'], run: 'touch /y' },
    };
    await project.build(file);
    // Namespaces are made by unshare: one that stands before the real one tells that it was called.
    const real = execFileSync('sh', ['-c', 'command -v unshare'], { encoding: 'utf8' }).trim();
    project.write('bin/unshare', `#!/bin/sh\ntouch ${project.at('called')}\nexec ${real} "$@"\n`, 0o755);
    const env = { PATH: `${project.at('bin')}:${process.env.PATH}` };
    const before = await output('find', ['roots', '.stacker', '-printf', '%p %T@\n'], { cwd: project.path });
    await project.build(file, [], { env });
    expect(existsSync(project.at('called'))).toBe(false);
    const after = await output('find', ['roots', '.stacker', '-printf', '%p %T@\n'], { cwd: project.path });
    expect(after).toBe(before);
    await project.build({ ...file, two: { from: busybox, run: 'touch /z' } }, [], { env });
    expect(existsSync(project.at('called'))).toBe(true);
  });

  describe('layer-bases', () => {
    const bases = (project: Project, name: string) => project.at('.stacker/layer-bases', name);

    it('are the tar files that layers start from, local and downloaded', async () => {
      const project = workspace.project();
      project.write('root/f', 'x');
      packTar(project.at('root'), project.at('local.tar'));
      const content = readFileSync(project.at('local.tar'));
      await using server = await serve((_, response) => void response.end(content));
      await project.build({
        one: { from: { type: 'tar', url: 'local.tar' } },
        two: { from: { type: 'tar', url: `${server.url}/far.tar` } },
      });
      for (const name of ['local.tar', 'far.tar'])
        expect(readFileSync(bases(project, name)).equals(content)).toBe(true);
    });

    it('have no link for an address that ends in dots', async () => {
      const content = readFileSync(busybox.url);
      await using server = await serve((_, response) => void response.end(content));
      const project = workspace.project();
      const tar = (name: string) => ({ from: { type: 'tar', url: `${server.url}/?name=/${name}` } });
      await project.build({ up: tar('..'), here: tar('.') });
      expect(existsSync(project.at('.stacker/.lock'))).toBe(true);
      expect(existsSync(project.at('.stacker/layer-bases'))).toBe(false);
      expect(project.tags()).toEqual(['up', 'here']);
    });

    it('can be named as base themselves, and stay what they are', async () => {
      const project = workspace.project();
      project.write('root/f', 'x');
      mkdirSync(project.at('.stacker/layer-bases'), { recursive: true });
      packTar(project.at('root'), bases(project, 'own.tar'));
      packTar(project.at('root'), project.at('linked.tar'));
      const inode = lstatSync(bases(project, 'own.tar')).ino;
      const tar = (url: string) => ({ from: { type: 'tar', url } });
      await project.build({ own: tar('.stacker/layer-bases/own.tar'), first: tar('linked.tar') });
      await project.build({
        own: tar('.stacker/layer-bases/own.tar'),
        again: tar('.stacker/layer-bases/linked.tar'),
      });
      expect(lstatSync(bases(project, 'own.tar')).ino).toBe(inode);
      expect(realpathSync(bases(project, 'linked.tar'))).toBe(realpathSync(project.at('linked.tar')));
      expect(project.image('again').layers).toEqual(project.image('own').layers);
    });

    it('follow a link to another file', async () => {
      const project = workspace.project();
      for (const name of ['a', 'b']) {
        project.write(`${name}/f`, name);
        packTar(project.at(name), project.at(`${name}.tar`));
      }
      const file = { one: { from: { type: 'tar', url: 'current.tar' } } };
      for (const name of ['a', 'b']) {
        rmSync(project.at('current.tar'), { force: true });
        symlinkSync(`${name}.tar`, project.at('current.tar'));
        await project.build(file);
        expect(await project.fileOf('one', 'f')).toBe(name);
        expect(realpathSync(bases(project, 'current.tar'))).toBe(realpathSync(project.at(`${name}.tar`)));
      }
    });
  });

  describe('roots', () => {
    it('show what the script of a layer changed, and the tree of every layer', async () => {
      const project = workspace.project();
      await project.build({
        only: { from: busybox, run: 'mkdir /d; echo x >/d/f; rm /etc/passwd', build_only: true },
        one: { from: { type: 'built', tag: 'only' }, run: 'echo y >/y' },
        same: { from: { type: 'built', tag: 'one' }, run: 'true' },
      });
      const overlay = (name: string) => project.at('roots', name, 'overlay');
      expect(readdirSync(overlay('only')).toSorted()).toEqual(['d', 'etc']);
      expect(readFileSync(join(overlay('only'), 'd/f'), 'utf8')).toBe('x\n');
      expect(lstatSync(join(overlay('only'), 'etc/passwd')).isCharacterDevice()).toBe(true);
      expect(readdirSync(overlay('same'))).toEqual([]);
      const [base, , top] = project.image('one').layers.map(digest => overlay(digest.replace(':', '_')));
      expect(readdirSync(base ?? '')).toContain('bin');
      expect(readdirSync(top ?? '')).toEqual(['y']);
    });

    it('lead nowhere no longer than until the next layer is built', async () => {
      const project = workspace.project('own');
      await project.build({ one: { from: busybox, run: 'echo one >/f' } });
      const before = readdirSync(project.at('roots')).filter(name => name.startsWith('sha256_'));
      await project.build({ two: { from: busybox, run: 'echo two >/f' } });
      await project.ashlar(['gc', '--older-than', '0']);
      await project.build({ two: { from: busybox, run: 'echo three >/f' } });
      const after = readdirSync(project.at('roots'));
      expect(before.filter(name => after.includes(name))).toHaveLength(1);
      expect(after.filter(name => name === 'one')).toEqual([]);
    });

    it('are places that other layers can copy from', async () => {
      const project = workspace.project();
      const overlay = '${{STACKER_ROOTFS_DIR}}/only/overlay';
      await project.build({
        only: { from: busybox, run: 'mkdir /d; echo x >/d/f', build_only: true },
        one: { from: scratch, overlay_dirs: [{ source: overlay, dest: '/all' }], imports: `${overlay}/d/f` },
      });
      expect(await project.fileOf('one', 'all/d/f')).toBe('x\n');
      expect(readFileSync(project.at('.stacker/imports/one/f'), 'utf8')).toBe('x\n');
    });

    it('show the changes of a build-only layer also when another project has built it', async () => {
      const file = { only: { from: busybox, run: 'echo both >/f', build_only: true } };
      const [first, second] = [workspace.project(), workspace.project()];
      await first.build(file);
      const tree = readlinkSync(first.at('roots/only/overlay'));
      await outputAsRoot('rm', ['-rf', join(tree, '..')]);
      await second.build(file);
      expect(readFileSync(second.at('roots/only/overlay/f'), 'utf8')).toBe('both\n');
    });
  });

  it('what stacker left is no obstacle, whoever its files belong to', async () => {
    const project = workspace.project();
    project.write('f', 'new');
    project.write('.stacker/storage.type', 'overlay');
    const left = ['.stacker/imports/one/old/f', 'roots/one/overlay/d/f', 'roots/two/overlay/d/f'];
    for (const name of left) {
      const directory = join(project.write(name, ''), '..');
      await outputAsRoot('sh', ['-c', 'chown -R 1000:1000 "$0"; chmod 000 "$0"', directory]);
    }
    await project.build({
      one: { from: busybox, imports: ['f'], run: 'cat /stacker/imports/f >/f' },
      two: { from: scratch },
    });
    expect(readdirSync(project.at('.stacker/imports/one')).filter(name => !name.startsWith('.'))).toEqual([
      'f',
    ]);
    expect(readdirSync(project.at('roots/one/overlay'))).toEqual(['f']);
    expect(readdirSync(project.at('roots/two/overlay'))).toEqual([]);
  });

  it('storage.type says overlay, and another one is refused', async () => {
    const project = workspace.project();
    const file = { one: { from: scratch } };
    await project.build(file);
    expect(readFileSync(project.at('.stacker/storage.type'), 'utf8')).toBe('overlay');
    project.write('.stacker/storage.type', 'btrfs\n');
    expect(await project.failure(file)).toMatch(
      /^error: previous storage type btrfs not compatible with requested storage overlay\n/,
    );
  });

  it('no cache file of stacker is written, which would take it for its own', async () => {
    const project = workspace.project();
    await project.build({ one: { from: scratch } });
    expect(existsSync(project.at('.stacker/build.cache'))).toBe(false);
  });

  describe('the OCI layout', () => {
    it('is made when it is missing, also when nothing is emitted', async () => {
      const project = workspace.project();
      const file = { one: { from: busybox, run: 'touch /x', build_only: true } };
      const { stderr } = await project.build(file);
      expect(stderr).toContain(`Creating new OCI Layout at "${project.oci}"\n`);
      expect(project.tags()).toEqual([]);
      expect((await project.build(file)).stderr).not.toContain('Creating new OCI Layout');
    });

    it('cannot be a file, or a directory of something else', async () => {
      const project = workspace.project();
      const file = { one: { from: scratch } };
      project.write('oci', '');
      expect(await project.failure(file)).toMatch(
        `error: parameter oci-dir="${project.oci}" exists but is not a directory.\n`,
      );
      rmSync(project.oci);
      project.write('oci/mine', '');
      expect(await project.failure(file)).toMatch(
        `error: parameter oci-dir="${project.oci}" exists but does not look like an OCI Layout.\n`,
      );
    });
  });
});
