import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { useBusybox } from './roots.ts';
import { useWorkspace } from './support.ts';
import { describeTree } from './trees.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe.skipIf(!has('umoci', 'busybox', 'getfattr'))('directories of the host', () => {
  const workspace = useWorkspace();
  const busybox = useBusybox(workspace);
  const scratch = { type: 'scratch' };

  describe('as overlay_dirs', () => {
    it('are one layer each, in order, below run, with everything but the owner', async () => {
      const project = workspace.project();
      project.write('o1/etc/conf', 'one', 0o604);
      project.write('o2/conf', 'two');
      mkdirSync(project.at('o1/empty'), { mode: 0o711 });
      symlinkSync('conf', project.at('o1/etc/link'));
      utimesSync(project.at('o1/etc/conf'), 1_234_567_890, 1_234_567_890);
      execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', project.at('o1/etc/conf')]);
      const { stdout } = await project.build({
        one: {
          from: busybox,
          overlay_dirs: [{ source: 'o1' }, { source: 'o2', dest: '/etc' }],
          run: 'cat /etc/conf; rm /etc/link',
        },
      });
      expect(stdout).toContain('two');
      const { layers, config } = project.image('one');
      expect(layers).toHaveLength(4);
      const overlays = config.history?.filter(entry => entry.created_by === 'stacker overlay dir for one');
      expect(overlays).toHaveLength(2);
      const root = await project.unpack('one');
      const tree = await describeTree(root);
      expect(tree['./etc/link']).toBeUndefined();
      expect(tree['./empty']).toMatchObject({ type: 'd', mode: '711', owner: '0:0' });
      expect(tree['./etc/conf']).toMatchObject({ sha256: sha256('two'), owner: '0:0' });
      await project.build({ two: { from: busybox, overlay_dirs: [{ source: 'o1' }] } });
      const two = await describeTree(await project.unpack('two'));
      expect(two['./etc/conf']).toMatchObject({
        mode: '604',
        owner: '0:0',
        mtime: 1_234_567_890,
        xattrs: { 'user.note': `0x${Buffer.from('kept').toString('hex')}` },
      });
    });

    it('that are missing or files are errors', async () => {
      const project = workspace.project();
      project.write('f', '');
      const file = (source: string) => ({ one: { from: scratch, overlay_dirs: [{ source }] } });
      expect(await project.failure(file('none'))).toContain(
        `error: Given overlay_dir ${project.at('none')} doesn't exists\n`,
      );
      expect(await project.failure(file('f'))).toContain(
        `error: Given overlay_dir ${project.at('f')} should be a directory\n`,
      );
    });

    it('may be made by an earlier layer through a bind, without any other word of order', async () => {
      const project = workspace.project();
      mkdirSync(project.at('shared'));
      await project.build({
        build: {
          from: busybox,
          binds: ['shared -> /shared'],
          run: 'sleep 0.3; mkdir /shared/tree; echo made >/shared/tree/file',
          build_only: true,
        },
        one: { from: scratch, overlay_dirs: [{ source: 'shared/tree', dest: '/here' }] },
      });
      expect(await project.fileOf('one', 'here/file')).toBe('made\n');
    });
  });

  describe('as binds', () => {
    it('are writable, of files and directories, and what is written stays on the host only', async () => {
      const project = workspace.project();
      mkdirSync(project.at('out'));
      writeFileSync(project.at('log'), '');
      await project.build({
        one: {
          from: busybox,
          binds: ['out -> /new/place', { source: project.at('log'), dest: '/log' }],
          run: 'echo x >/new/place/result; echo y >>/log; echo z >/in-image',
        },
      });
      expect(project.image('one').names(-1)).toEqual(['/', 'in-image']);
      expect(readFileSync(project.at('out/result'), 'utf8')).toBe('x\n');
      expect(readFileSync(project.at('log'), 'utf8')).toBe('y\n');
    });

    it('without a dest are mounted at their own path', async () => {
      const project = workspace.project();
      mkdirSync(project.at('out'));
      await project.build({
        one: { from: busybox, binds: [project.at('out')], run: `touch ${project.at('out/x')}` },
      });
      expect(project.image('one').layers).toHaveLength(1);
    });

    it('are run anew in every build, with the reason', async () => {
      const project = workspace.project();
      mkdirSync(project.at('out'));
      const one = { from: busybox, binds: ['out -> /out'], run: 'echo ran >>/out/times' };
      const first = await project.build({ one });
      const reason = 'rebuilding cached layer due to use of binds in stacker file\n';
      expect(first.stderr).not.toContain(reason);
      const second = await project.build({ one });
      expect(second.stderr).toContain(reason);
      expect(second.stderr).toMatch(/filesystem one built successfully\n$/);
      expect(readFileSync(project.at('out/times'), 'utf8')).toBe('ran\nran\n');
    });

    it('of what does not exist are refused', async () => {
      const project = workspace.project();
      const source = project.at('none');
      const message = await project.failure({ one: { from: busybox, binds: ['none -> /out'], run: 'true' } });
      expect(message).toContain(
        `error: failed to bind mount "${source}" at "/out": bind mount source "${source}" does not exist, refusing bind mount: `,
      );
    });
  });

  it('that an earlier layer leaves in --roots-dir may be used by a later one', async () => {
    const project = workspace.project();
    await project.build({
      one: { from: busybox, run: 'sleep 1; mkdir /made; echo made >/made/file', build_only: true },
      two: { from: scratch, imports: [{ path: '${{STACKER_ROOTFS_DIR}}/one/overlay/made/file', dest: '/' }] },
      three: { from: scratch, overlay_dirs: [{ source: '${{STACKER_ROOTFS_DIR}}/one/overlay/made' }] },
    });
    expect(await project.fileOf('two', 'file')).toBe('made\n');
    expect(await project.fileOf('three', 'file')).toBe('made\n');
  });
});
