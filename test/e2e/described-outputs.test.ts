import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { chainId, type Digest } from '../../src/oci/index.ts';
import { has } from '../support/tools.ts';
import { writeDescriptor } from './descriptors.ts';
import { useBusybox } from './roots.ts';
import { cekitProgram, execute, output, type Project, useWorkspace } from './support.ts';

const CONTENT = 'dev.ashlar.content';

const workspace = useWorkspace();
const busybox = useBusybox(workspace);

/** What a distribution leaves, as far as disks look at it. */
const machine = [
  'mkdir -p /boot /usr/lib/modules/6.1.0-1',
  'dd if=/dev/zero of=/boot/vmlinuz-6.1.0-1 bs=64k count=1',
  'echo an initrd > /boot/initrd.img-6.1.0-1',
  'echo > /usr/lib/modules/6.1.0-1/modules.dep',
  'echo ID=test > /etc/os-release',
];
const file = {
  tree: {
    from: busybox,
    run: 'echo hello > /greeting',
    outputs: ['oci', 'squashfs', { filesystem: { type: 'ext4', label: 'GREETING' } }, 'tar.xz'],
  },
  next: { from: { type: 'built', tag: 'tree' }, run: 'echo again > /greeting' },
  machine: {
    from: busybox,
    run: machine,
    outputs: [
      { disk: { loader: 'none', hostname: 'box', root_password: '*', size: '+8M', format: 'qcow2' } },
      'cpio',
    ],
  },
};

const canMake = has('mke2fs', 'debugfs', 'mksquashfs', 'xz', 'sgdisk', 'qemu-img', 'mkfs.vfat');

describe.skipIf(!canMake)('outputs of a description', () => {
  let project: Project;
  let stdout = '';
  beforeAll(async () => {
    project = workspace.project();
    ({ stdout } = await project.build(file, ['--report', project.at('report.json')]));
  });
  const result = (name: string) => project.at('results', name);
  const made = ['tree.ext4', 'tree.tar.xz', 'machine.raw', 'machine.qcow2', 'machine.cpio'];

  it('are beside the layout, and their paths on standard output', () => {
    // What scripts say comes before.
    expect(stdout.endsWith(`\n${made.map(result).join('\n')}\n`)).toBe(true);
    expect(readdirSync(project.at('results')).sort()).toEqual([...made].sort());
    expect(project.tags()).toEqual(['tree', 'tree-squashfs', 'next']);
  });

  it('hold what the image holds', async () => {
    await output('e2fsck', ['-fn', result('tree.ext4')]);
    expect(await output('debugfs', ['-R', 'cat /greeting', result('tree.ext4')])).toBe('hello\n');
    expect(await output('tar', ['-xOf', result('tree.tar.xz'), 'greeting'])).toBe('hello\n');
    await output('sgdisk', ['--verify', result('machine.raw')]);
    await output('qemu-img', ['compare', result('machine.raw'), result('machine.qcow2')]);
  });

  it('tell by one name what tree they are made of', () => {
    const { config, manifest } = project.image('tree');
    const content = chainId(config.rootfs.diff_ids as readonly Digest[]);
    const { images } = JSON.parse(readFileSync(project.at('report.json'), 'utf8'));
    const trees = images.map(({ outputs }: { outputs: { tree: string }[] }) =>
      outputs.map(({ tree }) => tree),
    );
    expect(trees[0]).toEqual([content, content]);
    // What makes a machine of the tree does not make another tree of it.
    expect(new Set(trees[2]).size).toBe(1);
    expect(manifest.annotations?.[CONTENT]).toBe(content);
    expect(project.image('tree-squashfs').manifest.annotations?.[CONTENT]).toBe(content);
    // Of another tree, and one of which nothing else is made.
    expect(project.image('next').manifest.annotations).not.toHaveProperty([CONTENT]);
  });

  it('set up the machine in the disk alone', async () => {
    const [, start] = /^\s+2\s+(\d+)/m.exec(await output('sgdisk', ['--print', result('machine.raw')])) ?? [];
    const root = `${result('machine.raw')}?offset=${Number(start) * 512}`;
    expect((await output('debugfs', ['-R', 'cat /etc/hostname', root])).trim()).toBe('box');
    const { stdout: names } = await execute('sh', [
      '-c',
      'cpio -t --quiet < "$1"',
      'sh',
      result('machine.cpio'),
    ]);
    expect(await output('debugfs', ['-R', 'cat /etc/shadow', root])).toMatch(/^root:\*:/);
    expect(names).toContain('boot/vmlinuz-6.1.0-1\n');
    expect(names).not.toContain('etc/hostname');
  });

  it('are copied where nothing has changed, to the directory that is named', async () => {
    const before = made.map(name => readFileSync(result(name)));
    const moved = `# All is elsewhere in the file.\n${JSON.stringify(file)}`;
    const again = await project.build(moved, ['--results', 'elsewhere']);
    expect(again.stdout).toBe(`${made.map(name => project.at('elsewhere', name)).join('\n')}\n`);
    for (const name of made) expect(again.stderr).toContain(`found cached result ${name} `);
    for (const [i, name] of made.entries())
      expect(readFileSync(project.at('elsewhere', name)).equals(before[i] ?? Buffer.of())).toBe(true);
  });

  it('are shown by plan, and are no matter for explain', async () => {
    const plan = await project.ashlar(['plan']);
    expect(plan.stdout).toContain(
      '  output  the image\n  output  the image as squashfs\n  output  tree.ext4 (file-system)\n  output  tree.tar.xz (archive)\n',
    );
    expect(plan.stdout).toContain('\nmachine\n  from ');
    expect(plan.stdout).toContain('  output  machine.raw (disk)\n  output  machine.qcow2 (qcow2)\n');
    const explained = await project.ashlar(['explain']);
    expect(explained.stdout).toBe('tree: up to date\nnext: up to date\nmachine: up to date\n');
  });

  it('are published as the forms of layers that they name', async () => {
    const to = project.at('published');
    const ended = await project.ashlar(['publish', '--url', `oci:${to}`, '--tag', '1']);
    expect(ended.status).toBe(0);
    const index = JSON.parse(readFileSync(`${to}/index.json`, 'utf8'));
    const names = index.manifests.map(
      ({ annotations }: { annotations: Record<string, string> }) =>
        annotations['org.opencontainers.image.ref.name'],
    );
    expect(names).toEqual(['tree_1', 'tree_1-squashfs', 'next_1']);
  });

  it('are none of images that others of the command line are built on', async () => {
    rmSync(project.at('results'), { recursive: true });
    const { stdout: paths } = await project.build(file, ['--target', 'next']);
    expect(paths).toBe('');
    expect(existsSync(project.at('results'))).toBe(false);
  });
});

describe.skipIf(!canMake)('outputs that cannot be made', () => {
  it('end the build with their place, and leave no file', async () => {
    const project = workspace.project();
    const text = `a: {from: {type: tar, url: ${busybox.url}}, outputs: [tar, disk]}\n`;
    const message = await project.failure(text);
    expect(message).toContain('kernel');
    expect(message).toContain(`stacker.yaml:1:${text.indexOf('disk') + 1}`);
    expect(existsSync(project.at('results'))).toBe(false);
  });
});

describe.skipIf(!canMake)('outputs of a CEKit descriptor', () => {
  it('are made by cekit build', async () => {
    const project = workspace.project();
    const files = { 'image.yaml': 'name: app\nversion: 1\nfrom: scratch\noutputs: [cpio, erofs]\n' };
    writeDescriptor(project, { ...files, file: 'x' });
    const overrides = '{artifacts: [{path: file, dest: /}]}';
    const flags = ['--overrides', overrides];
    const cekit = await execute(cekitProgram, ['build', ...flags], {
      cwd: project.path,
      env: project.environment({ ASHLAR_STORE: project.store }),
    });
    expect(cekit).toMatchObject({ status: 0, stdout: `${project.at('results/app.cpio')}\n` });
    expect(project.tags()).toEqual(['app:1-erofs', 'app:latest-erofs']);
  });
});
