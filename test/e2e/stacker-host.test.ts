/** Directories of the host that layers write through binds and read as overlay_dirs. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { linesOf, useBusybox } from './roots.ts';
import { output, stackerProgram, useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

describe.skipIf(!has('umoci', 'busybox'))('stacker', () => {
  const workspace = useWorkspace(stackerProgram);
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };
  const built = (tag: string) => ({ type: 'built', tag });

  describe('with binds', () => {
    it('knows every form of them, relative to the file, and mounts what is mounted below', async () => {
      const project = workspace.project();
      for (const name of ['a', 'b', 'c', 'd', 'd/nested']) mkdirSync(project.at(name));
      const at = (name: string) => project.at(name);
      await project.build({
        list: {
          from: busybox,
          binds: ['a -> /a', `${at('b')}   ->\t/b`, { source: 'c', dest: '/c' }, { source: at('d') }],
          run: `for d in /a /b /c ${at('d/nested')}; do echo $STACKER_LAYER_NAME >>$d/names; done`,
        },
        text: { from: busybox, binds: 'a -> /a', run: 'echo $STACKER_LAYER_NAME >>/a/names' },
      });
      expect(linesOf(at('a/names'))).toEqual(['list', 'text']);
      for (const name of ['b', 'c', 'd/nested']) expect(linesOf(at(`${name}/names`))).toEqual(['list']);
      for (const tag of ['list', 'text']) expect(project.image(tag).layers).toHaveLength(1);
    });

    it('builds a layer anew each time, and what stands on it only when it came out different', async () => {
      const project = workspace.project('own');
      project.write('in/version', '1');
      const file = {
        one: {
          from: busybox,
          binds: ['in -> /in'],
          run: '#!/bin/sh\necho ran one; cat /in/version >/v; touch -d @1600000000 /v /',
        },
        two: { from: built('one'), run: '#!/bin/sh\necho ran two; cat /v >/w' },
      };
      const reason = 'rebuilding cached layer due to use of binds in stacker file\n';
      const first = await project.build(file);
      expect(first.stdout).toBe('ran one\nran two\n');
      expect(first.stderr).not.toContain(reason);
      const second = await project.build(file);
      expect(second.stdout).toBe('ran one\n');
      expect(second.stderr).toContain(reason);
      expect(second.stderr).toContain('filesystem one built successfully\n');
      project.write('in/version', '2');
      const third = await project.build(file);
      expect(third.stdout).toBe('ran one\nran two\n');
      expect(await project.fileOf('two', 'w')).toBe('2');
    });

    it('refuses a source that is not there, before anything runs', async () => {
      const project = workspace.project();
      const source = project.at('none');
      const ended = await project.tryBuild({
        one: { from: busybox, binds: [{ source: 'none', dest: '/n' }], run: '#!/bin/sh\necho ran' },
      });
      expect([ended.status, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toContain(
        `error: failed to bind mount "${source}" at "/n": bind mount source "${source}" does not exist, refusing bind mount: `,
      );
    });
  });

  describe('with overlay_dirs', () => {
    it('takes what earlier layers of this build wrote there, in their order, also out of other files', async () => {
      const project = workspace.project();
      mkdirSync(project.at('out'));
      project.writeStackerFile(
        {
          first: {
            from: busybox,
            binds: ['out -> /out'],
            run: 'sleep 0.2; echo 1 >/out/log',
            build_only: true,
          },
        },
        'first.yaml',
      );
      await project.build({
        config: { prerequisites: ['first.yaml'] },
        second: {
          from: busybox,
          binds: ['out -> /out'],
          run: 'sleep 0.2; echo 2 >>/out/log',
          build_only: true,
        },
        third: { from: scratch, overlay_dirs: [{ source: 'out', dest: '/result' }] },
        fourth: { from: busybox, imports: ['out/log'], run: 'cp /stacker/imports/log /copy' },
      });
      expect(await project.fileOf('third', 'result/log')).toBe('1\n2\n');
      expect(await project.fileOf('fourth', 'copy')).toBe('1\n2\n');
    });

    it('keeps sources of one name apart, and lays later ones over earlier ones and below run', async () => {
      const project = workspace.project();
      project.write('x/tree/f', 'x');
      project.write('x/tree/x', 'x');
      project.write('y/tree/f', 'y');
      await project.build({
        one: {
          from: busybox,
          overlay_dirs: [{ source: 'x/tree' }, { source: 'y/tree', dest: '/' }],
          run: 'cat /f /x >/seen; echo run >/f',
        },
        two: {
          from: scratch,
          overlay_dirs: [
            { source: 'x/tree', dest: '/a/b' },
            { source: 'y/tree', dest: '/c/' },
          ],
        },
      });
      expect(await project.fileOf('one', 'seen')).toBe('yx');
      expect(await project.fileOf('one', 'f')).toBe('run\n');
      expect(project.image('two').names(0)).toEqual(['/', 'a/', 'a/b/', 'a/b/f', 'a/b/x']);
      expect(project.image('two').names(1)).toEqual(['/', 'c/', 'c/f']);
    });

    it('drops from the image what is gone from the directory', async () => {
      const project = workspace.project();
      project.write('o/kept', '');
      project.write('o/gone', '');
      const file = { one: { from: scratch, overlay_dirs: [{ source: 'o' }] } };
      await project.build(file);
      expect(project.image('one').names(0)).toEqual(['/', 'gone', 'kept']);
      await project.ashlar(['clean']);
      rmSync(project.at('o/gone'));
      await project.build(file);
      expect(project.image('one').names(0)).toEqual(['/', 'kept']);
    });

    it('takes links, closed directories and files that only their owner may read', async () => {
      const project = workspace.project();
      project.write('o/closed/f', 'secret', 0o400);
      symlinkSync('../outside', project.at('o/closed/link'));
      symlinkSync('closed', project.at('o/way'));
      writeFileSync(project.at('o/none'), '', { mode: 0o000 });
      chmodSync(project.at('o/closed'), 0o500);
      try {
        await project.build({ one: { from: scratch, overlay_dirs: [{ source: 'o', dest: '/o' }] } });
      } finally {
        chmodSync(project.at('o/closed'), 0o700);
      }
      const tree = await describeTree(await project.unpack('one'));
      expect(tree['./o/closed']).toMatchObject({ type: 'd', mode: '500', owner: '0:0' });
      expect(tree['./o/closed/f']).toMatchObject({ mode: '400', owner: '0:0' });
      expect(tree['./o/closed/link']).toMatchObject({ type: 'l', target: '../outside' });
      expect(tree['./o/way']).toMatchObject({ type: 'l', target: 'closed' });
      expect(tree['./o/none']).toMatchObject({ mode: '0' });
    });
  });

  it.runIf(has('setfattr'))(
    'makes the same image of attributes, variables and labels in any order',
    async () => {
      const attributes = ['user.b', 'user.a', 'user.c'];
      const digests = [];
      for (const names of [attributes, attributes.toReversed()]) {
        const project = workspace.project('own');
        const path = project.write('o/f', 'f');
        for (const name of names) await output('setfattr', ['-n', name, '-v', name, path]);
        const labels = names.map(name => `echo -n ${name} >/oci-labels/${name}`).join('\n');
        const one = {
          from: busybox,
          overlay_dirs: [{ source: 'o', dest: '/o' }],
          environment: { B: '1', A: '2', C: '3' },
          run: 'cp -a /o/f /copy',
          generate_labels: labels,
        };
        // The file itself has the order of its commands in it.
        await project.build({ one }, ['--no-stacker-yaml'], { env: { SOURCE_DATE_EPOCH: '1700000000' } });
        expect(project.image('one').config.config?.Labels).toEqual({
          'user.a': 'user.a',
          'user.b': 'user.b',
          'user.c': 'user.c',
        });
        digests.push(project.image('one').digest);
      }
      expect(digests[1]).toBe(digests[0]);
    },
  );
});
