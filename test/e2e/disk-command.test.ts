import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/tools.ts';
import { packTar, umoci } from './roots.ts';
import { failureOf, output, type Project, useWorkspace } from './support.ts';

const workspace = useWorkspace();
let project: Project;
let tar = '';

/** What a distribution leaves, as far as disks look at it; GRUB comes from this machine. */
beforeAll(() => {
  project = workspace.project();
  const root = join(workspace.path, 'root');
  const files = {
    'boot/initrd.img-6.1.0-1': 'an initrd',
    'boot/vmlinuz-6.1.0-1': Buffer.alloc(1 << 20, 'a kernel '),
    'etc/os-release': 'ID=test\nVERSION_ID=1\n',
    'etc/passwd': 'root:x:0:0::/root:/bin/sh\n',
    'etc/group': 'root:x:0:\n',
    'usr/lib/modules/6.1.0-1/modules.dep': '',
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  symlinkSync('usr/lib', join(root, 'lib'));
  tar = join(workspace.path, 'machine.tar');
  packTar(root, tar);
});

const disk = async (...args: readonly string[]) => {
  const ended = await project.ashlar(['disk', ...args]);
  if (ended.status !== 0) throw new Error(ended.stderr);
  return ended;
};

const canMakeDisks = has('mke2fs', 'sgdisk', 'qemu-img', 'grub-mkimage', 'debugfs');

describe.skipIf(!canMakeDisks)('ashlar disk', () => {
  it('makes a disk of a tar archive, in the formats that are wanted, and again the same', async () => {
    const args = [tar, '--loader', 'grub', '--format', 'qcow2', '--hostname', 'box', '--size', '+64M'];
    const first = await disk(...args);
    expect(readdirSync(project.path).sort()).toEqual(['machine.qcow2', 'machine.raw']);
    const raw = project.at('machine.raw');
    expect(first.stdout).toMatch(
      /^\S+machine\.raw {2}\S+ MB\n {2}sha256 {2}[0-9a-f]{64}\n {2}tree {4}sha256:[0-9a-f]{64}\n {2}kernel {2}6\.1\.0-1\n {2}1 {2}p\.UEFI .* vfat .*\n {2}2 {2}p\.lxroot .* ext4 .*\n/,
    );
    await output('sgdisk', ['--verify', raw]);
    await output('qemu-img', ['compare', raw, project.at('machine.qcow2')]);
    const [, start] = /^\s+2\s+(\d+)/m.exec(await output('sgdisk', ['--print', raw])) ?? [];
    const hostname = await output('debugfs', [
      '-R',
      'cat /etc/hostname',
      `${raw}?offset=${Number(start) * 512}`,
    ]);
    expect(hostname.trim()).toBe('box');
    const before = readFileSync(raw);
    const second = await disk(...args);
    expect(second.stdout).toContain('machine.raw  ');
    expect(second.stdout).toContain(', as before\n');
    expect(readFileSync(raw).equals(before)).toBe(true);
  });

  it('makes one of an image of the layout, where it is told to, and tells of it as JSON', async () => {
    const layout = project.oci;
    umoci('init', '--layout', layout);
    umoci('new', '--image', `${layout}:machine`);
    umoci('raw', 'add-layer', '--image', `${layout}:machine`, tar);
    const out = project.at('made');
    mkdirSync(out);
    const report = project.at('report.json');
    const { stdout } = await disk('machine', '--loader', 'grub', '--out', out, '--json', '--report', report);
    const [made] = JSON.parse(stdout);
    expect(made).toMatchObject({ kind: 'disk', file: 'machine.raw', path: join(out, 'machine.raw') });
    expect(made.bytes).toBe(statSync(made.path).size);
    expect(made.disk.partitions).toHaveLength(2);
    expect(JSON.parse(readFileSync(report, 'utf8')).images[0].outputs).toMatchObject([
      { file: 'machine.raw', sha256: made.sha256, tree: made.tree, disk: { kernel: '6.1.0-1' } },
    ]);
  });

  it('makes one of a directory, and the same one of what has not changed', async () => {
    const made = async () => {
      const { stdout } = await disk(join(workspace.path, 'root'), '--loader', 'grub', '--json');
      return JSON.parse(stdout)[0];
    };
    const first = await made();
    expect(first).toMatchObject({ file: 'root.raw', cached: false });
    expect(await made()).toMatchObject({ file: 'root.raw', cached: true, sha256: first.sha256 });
    // The name of a directory is its own, however it is written.
    const words = ['disk', '.', '--loader', 'grub', '--json', '--out', project.path];
    const { stdout, stderr } = await project.ashlar(words, { cwd: join(workspace.path, 'root') });
    expect(stdout, stderr).toContain('"file": "root.raw"');
  });

  it('leaves nothing where there is no kernel, and says what is wrong with a command line', async () => {
    const empty = join(workspace.path, 'empty');
    mkdirSync(join(empty, 'etc'), { recursive: true });
    packTar(empty, `${empty}.tar`);
    const out = project.at('none');
    mkdirSync(out);
    const failed = await project.ashlar(['disk', `${empty}.tar`, '--out', out]);
    expect(failureOf(failed)).toContain('kernel');
    expect(readdirSync(out)).toEqual([]);
    expect(failureOf(await project.ashlar(['disk', tar, '--format', 'floppy']))).toContain(
      'floppy is no format of disks',
    );
    expect(failureOf(await project.ashlar(['disk', 'nowhere']))).toContain('nowhere');
  });
});
