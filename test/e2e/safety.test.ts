import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { packTar, useBusybox } from './roots.ts';
import { outputAsRoot, type Project, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'busybox'))('a hostile', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);

  /** A tar base of busybox in which `change` may do as it likes, beside a directory that nobody may write to. */
  function rootWith(project: Project, change: (root: string) => void) {
    const root = project.at('root');
    mkdirSync(root);
    execFileSync('tar', ['-C', root, '-xf', busybox.url]);
    change(root);
    packTar(root, project.at('root.tar'));
    return { type: 'tar', url: 'root.tar' };
  }

  function outside(project: Project): string {
    const directory = project.at('outside');
    mkdirSync(directory);
    writeFileSync(join(directory, 'precious'), 'data');
    return directory;
  }

  function untouched(directory: string): void {
    expect(readdirSync(directory)).toEqual(['precious']);
    expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('data');
  }

  describe('image', () => {
    it.each(['dev', 'proc', 'sys'])('with a symbolic link for /%s is refused', async name => {
      const project = workspace.project();
      const target = outside(project);
      const from = rootWith(project, root => symlinkSync(target, join(root, name)));
      const failure = await project.failure({ one: { from, run: 'true' } });
      expect(failure).toContain(`error: /${name} in the image is a symbolic link to ${target}`);
      untouched(target);
    });

    it('with links for mount points gets its mounts inside, and nothing outside is touched', async () => {
      const project = workspace.project();
      const target = outside(project);
      const from = rootWith(project, root => {
        symlinkSync(target, join(root, 'stacker'));
        symlinkSync(join(target, 'precious'), join(root, 'etc/resolv.conf'));
        symlinkSync(`../../../../../../../../../..${target}/bind`, join(root, 'bind'));
      });
      mkdirSync(project.at('bound'));
      const run = 'ls /stacker/imports; touch /bind/written; ls -l / >/list';
      await project.build({ one: { from, imports: ['root.tar'], binds: ['bound -> /bind'], run } });
      untouched(target);
      expect(readdirSync(project.at('bound'))).toEqual(['written']);
      const root = await project.unpack('one');
      for (const name of ['stacker', 'bind']) expect(lstatSync(join(root, name)).isSymbolicLink()).toBe(true);
      expect(project.image('one').names(-1)).toEqual(['/', 'list']);
    });

    it('with links on the way of an import or a dest stays inside', async () => {
      const project = workspace.project();
      const target = outside(project);
      const from = rootWith(project, root => {
        symlinkSync(target, join(root, 'abs'));
        symlinkSync('../../../../../../../../../../..', join(root, 'up'));
      });
      project.write('f', 'x');
      await project.build({
        base: { from, run: 'mkdir -p /own; echo inside >/own/file; ln -s /own /way', build_only: true },
        one: {
          from: { type: 'built', tag: 'base' },
          imports: [
            { path: 'f', dest: '/abs/f' },
            { path: 'f', dest: `/up${target}/g` },
          ],
        },
        two: { from: { type: 'scratch' }, imports: [{ path: 'stacker://base/way/file', dest: '/file' }] },
      });
      untouched(target);
      expect(await project.fileOf('one', `.${target}/f`)).toBe('x');
      expect(await project.fileOf('one', `.${target}/g`)).toBe('x');
      expect(await project.fileOf('two', 'file')).toBe('inside\n');
      const failure = await project.failure({
        base: { from, build_only: true },
        one: { from: { type: 'scratch' }, imports: [{ path: 'stacker://base/abs/precious', dest: '/file' }] },
      });
      expect(failure).toContain('/abs/precious');
    });

    it('whose name is no tag is refused', async () => {
      const project = workspace.project();
      for (const name of ['../escape', 'a/../b', '-x', 'a b'])
        await project.failure(`${JSON.stringify(name)}: {from: {type: scratch}}`);
    });
  });

  describe('script', () => {
    it('that swaps a bind source for a link does not lead the mount elsewhere', async () => {
      const project = workspace.project();
      const target = outside(project);
      mkdirSync(project.at('dir/inner'), { recursive: true });
      // The first layer swaps the directory while the second one waits to bind it.
      await project.build({
        swap: {
          from: busybox,
          binds: ['dir -> /dir'],
          run: `mv /dir/inner /dir/was; ln -s ${target} /dir/inner`,
          build_only: true,
        },
        one: { from: busybox, binds: ['dir/was -> /x'], run: 'touch /x/written' },
      });
      untouched(target);
      expect(readdirSync(project.at('dir/was'))).toEqual(['written']);
    });

    it('cannot write to its imports, to the store, or to what ashlar runs from', async () => {
      const project = workspace.project();
      project.write('imported/f', 'mine');
      const run = [
        '#!/bin/sh',
        'mount -o remount,rw /stacker/imports 2>/dev/null; mount -o remount,bind,rw /stacker/imports 2>/dev/null',
        'echo evil >/stacker/imports/imported/f; rm -rf /stacker/imports/imported; echo evil >/stacker/imports/.stacker-run.sh',
        'for fd in /proc/1/fd/* /proc/self/fd/*; do ls $fd/ ; done 2>/dev/null; exit 0',
      ].join('\n');
      await project.build({ one: { from: busybox, imports: ['imported'], run } });
      expect(readFileSync(project.at('imported/f'), 'utf8')).toBe('mine');
    });

    it('leaves files that only root could remove, and they are removed', async () => {
      const project = workspace.project('own');
      const run =
        'mkdir -p /a/b/c; touch /a/b/c/f; chown -R 5:5 /a; chmod -R 000 /a; chmod 4755 /bin/busybox; false';
      await project.failure({ one: { from: busybox, run } });
      expect(readdirSync(join(project.store, 'tmp'))).toEqual([]);
      const listed = await outputAsRoot('find', [project.store, '-name', 'scratch*']);
      expect(listed).toBe('');
    });
  });

  it('import with links in it keeps them as links', async () => {
    const project = workspace.project();
    const target = outside(project);
    project.write('tree/f', 'x');
    symlinkSync(join(target, 'precious'), project.at('tree/link'));
    await project.build({ one: { from: { type: 'scratch' }, imports: [{ path: 'tree', dest: '/t' }] } });
    const root = await project.unpack('one');
    expect(lstatSync(join(root, 't/link')).isSymbolicLink()).toBe(true);
  });

  it('store directory of links is not written through', async () => {
    const project = workspace.project('own');
    const target = outside(project);
    mkdirSync(project.store);
    symlinkSync(target, join(project.store, 'tmp'));
    await project.tryBuild({ one: { from: busybox, run: 'touch /x' } });
    untouched(target);
  });
});
