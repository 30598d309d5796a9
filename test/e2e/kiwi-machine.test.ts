/**
 * From a container to machines that start, by the commands that users have: the only file that runs machines, as few as
 * prove it, each translated by QEMU. What is built is the example of the manual.
 */
import { cpSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BootVerdict } from '../../src/disk/emulator/index.ts';
import { has } from '../support/tools.ts';
import { ownPath, printedBy, repositoryOf } from './kiwi.ts';
import { type Ended, output, type Project, useWorkspace } from './support.ts';

const PACKAGES = [
  ...['systemd-sysv', 'linux-image-cloud-amd64', 'udev', 'dbus', 'kmod', 'login', 'passwd'],
  ...['grub-efi-amd64-bin', 'grub-pc-bin'],
];

const canBoot = has('qemu-system-x86_64', 'qemu-img', 'mkfs.xfs', 'mke2fs', 'grub-mkimage', 'mmdebstrap');

/** A machine that others use, too, may be several times slower than usual. */
const PATIENCE = '5m';
const TIMEOUT = { timeout: 900_000 };

const workspace = useWorkspace();

describe.skipIf(!canBoot)('a container that becomes a machine', () => {
  let project: Project;
  const disk = (target: string) => project.at(target, 'Debian-VM.x86_64-1.0.0.raw');

  beforeAll(async () => {
    project = workspace.project();
    cpSync(ownPath('examples/kiwi-machine'), project.at('description'), {
      recursive: true,
      filter: file => basename(file) !== 'target',
    });
    symlinkSync(printedBy('debian-packages', 'machine', ...PACKAGES), project.at('repository'));
    await system('stash', '--root', printedBy('debian-root'), '--container-name', 'debian');
    const words = ['--stash', 'debian', '--description', 'description', '--target-dir', 'first'];
    await system('stackbuild', ...words, ...repositoryOf(project.at('repository')));
  }, TIMEOUT.timeout);

  async function system(...words: readonly string[]): Promise<Ended> {
    const ended = await project.ashlar(['system', ...words]);
    if (ended.status !== 0)
      throw new Error(`system ${words.join(' ')} ended with ${ended.status}:\n${ended.stderr}`);
    return ended;
  }

  /** Starts a disk, which must pass and stay as it is; returns the verdict and what was on the console. */
  async function boot(file: string, ...flags: readonly string[]) {
    const before = statSync(file);
    const { stdout, stderr } = await system('boot', file, '--timeout', PATIENCE, '--json', ...flags);
    const after = statSync(file);
    expect([after.mtimeMs, after.size]).toEqual([before.mtimeMs, before.size]);
    const verdict: BootVerdict = JSON.parse(stdout);
    return { verdict, console: stderr };
  }

  it('is a disk in order, of which the checksum is told', TIMEOUT, async () => {
    const told = ['--check', `${disk('first')}.sha256`];
    const sums = await output('sha256sum', told, { cwd: project.at('first') });
    expect(sums).toBe(`${basename(disk('first'))}: OK\n`);
    await checkDisk(disk('first'));
  });

  it('starts with UEFI up to the login prompt', TIMEOUT, async () => {
    const { verdict, console } = await boot(disk('first'));
    expect(verdict).toMatchObject({ passed: true, firmware: 'uefi', expected: 'login:' });
    const reached = verdict.milestones.map(({ name }) => name);
    expect(reached).toEqual(expect.arrayContaining(['firmware', 'loader', 'login']));
    expect(console).toMatch(/READY \/dev\/vda3 xfs/);
    expect(console).toMatch(/^debian-vm login:/m);
  });

  describe('of which only the stash is left', () => {
    beforeAll(async () => {
      const tree = join('first', 'build', 'image-root');
      await system('stash', '--root', tree, '--container-name', 'machine');
      for (const name of ['first', 'description', 'repository'])
        rmSync(project.at(name), { recursive: true, force: true });
      await system('stackbuild', '--stash', 'machine', '--target-dir', 'second');
      project.write('checked/config.xml', CHECKED);
      project.write('checked/root/marker', MARKER, 0o755);
      const words = ['--stash', 'machine', '--description', 'checked', '--target-dir', 'third'];
      await system('stackbuild', ...words);
    }, TIMEOUT.timeout);

    it('is built again, and starts with a BIOS', TIMEOUT, async () => {
      const expected = 'Hostname set to <debian-vm>';
      const { verdict, console } = await boot(disk('second'), '--firmware', 'bios', '--expect', expected);
      expect(verdict).toMatchObject({ passed: true, firmware: 'bios', expected });
      expect(console).toMatch(/^.*XFS \(vda3\): Ending clean mount/m);
    });

    it('starts from a root that is checked, by another description', TIMEOUT, async () => {
      const file = project.at('third/checked.x86_64-1.0.0.raw');
      const { verdict, console } = await boot(file, '--expect', 'E2E-BOOT-OK');
      expect(verdict).toMatchObject({ passed: true, firmware: 'uefi' });
      expect(console).toMatch(/^E2E-BOOT-OK root=\/dev\/dm-0 ext4/m);
    });
  });

  /** What is on it, by the programs that others check it with. */
  async function checkDisk(file: string): Promise<void> {
    expect(await output('sgdisk', ['--verify', file])).toContain('No problems found');
    const { partitiontable } = JSON.parse(await output('sfdisk', ['--json', file])) as PartitionTable;
    const [, esp, root] = partitiontable.partitions;
    for (const [part, program, ...options] of [
      [esp, 'fsck.vfat', '-n'],
      [root, 'xfs_repair', '-n', '-f'],
    ] as const) {
      const { start = 0, size = 0 } = part ?? {};
      const place = [`skip=${start * 512}`, `count=${size * 512}`, 'iflag=skip_bytes,count_bytes'];
      const alone = project.at('partition');
      await output('dd', [`if=${file}`, `of=${alone}`, ...place, 'bs=1M', 'conv=sparse', 'status=none']);
      await output(program, [...options, alone]);
      rmSync(alone);
    }
  }
});

interface PartitionTable {
  readonly partitiontable: {
    /** In sectors of 512 bytes. */
    readonly partitions: readonly { readonly start: number; readonly size: number }[];
  };
}

/** The first program of a system, which need not be started whole once more. */
const MARKER = `#!/bin/sh
mount -t proc proc /proc 2>/dev/null
while read -r device place type _; do
  [ "$place" != / ] || root="$device $type"
done </proc/mounts
echo "E2E-BOOT-OK root=$root"
echo o >/proc/sysrq-trigger
sleep 60
`;

const CHECKED = `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="8.5" name="checked">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <preferences>
    <version>1.0.0</version>
    <packagemanager>apt</packagemanager>
    <type image="oem" filesystem="ext4" firmware="efi" eficsm="false" initrd_system="none" verity_blocks="all"
      kernelcmdline="console=ttyS0,115200 quiet init=/marker">
      <bootloader name="systemd_boot"/>
      <initrd action="setup"><dracut uefi="true"/></initrd>
      <oemconfig><oem-resize>false</oem-resize></oemconfig>
    </type>
  </preferences>
</image>
`;
