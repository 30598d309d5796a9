/**
 * From a container to machines that start, by the commands that users have: the only file that runs machines, as few as
 * prove it, each translated by QEMU.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BootVerdict } from '../../src/disk/emulator/index.ts';
import { has, isRoot } from '../support/tools.ts';
import { type Ended, type Project, useWorkspace } from './support.ts';

const PACKAGES = [
  ...['systemd-sysv', 'linux-image-cloud-amd64', 'udev', 'dbus', 'kmod', 'login', 'passwd'],
  ...['grub-efi-amd64-bin', 'grub-pc-bin'],
];

/** Once is enough: in CI it is the plain user who builds, since for root everything is easier. */
const isMine = !(isRoot && process.env.CI);
const canBoot = isMine && has('qemu-system-x86_64', 'qemu-img', 'mke2fs', 'grub-mkimage', 'mmdebstrap');

/** A machine that others use, too, may be several times slower than usual. */
const PATIENCE = '5m';
const TIMEOUT = { timeout: 900_000 };

/**
 * The first program of the system: says that it runs, and from what. With UEFI and GRUB the system goes on; otherwise,
 * where it would be the same once more, the machine is switched off.
 */
const MARKER = `#!/bin/sh
mount -t proc proc /proc 2>/dev/null
while read -r device place type _; do
  [ "$place" != / ] || root="$device $type"
done </proc/mounts
read -r line </proc/cmdline
[ -d /sys/firmware/efi ] && firmware=uefi || firmware=bios
case $line in *dm-mod*) firmware=verity ;; esac
echo "E2E-BOOT-OK $firmware root=$root"
[ "$firmware" != uefi ] || exec /sbin/init
echo o >/proc/sysrq-trigger
sleep 60
`;

const description = (repository: string) => `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="7.5" name="machine">
  <description type="system"><author>A</author><contact>a@b.example</contact><specification>S</specification></description>
  <profiles>
    <profile name="Grub" description="for both firmwares" import="true"/>
    <profile name="Uki" description="a unified kernel image, and a root that is checked"/>
  </profiles>
  <preferences>
    <version>1.0.0</version>
    <packagemanager>apt</packagemanager>
    <timezone>UTC</timezone>
  </preferences>
  <preferences profiles="Grub">
    <type image="oem" filesystem="ext4" firmware="efi" initrd_system="none"
      kernelcmdline="console=ttyS0,115200 quiet init=/marker">
      <bootloader name="grub2" timeout="0"/>
      <oemconfig><oem-resize>false</oem-resize></oemconfig>
    </type>
  </preferences>
  <preferences profiles="Uki">
    <type image="oem" filesystem="ext4" firmware="efi" eficsm="false" initrd_system="none" verity_blocks="all"
      kernelcmdline="console=ttyS0,115200 quiet init=/marker">
      <bootloader name="systemd_boot"/>
      <initrd action="setup"><dracut uefi="true"/></initrd>
      <oemconfig><oem-resize>false</oem-resize></oemconfig>
    </type>
  </preferences>
  <users><user name="root" password="$6$salt$hash" home="/root" groups="root"/></users>
  <repository type="apt-deb" alias="machine" repository_gpgcheck="false"><source path="dir://${repository}"/></repository>
  <packages type="image">${PACKAGES.map(name => `<package name="${name}"/>`).join('')}</packages>
</image>
`;

const workspace = useWorkspace();
let project: Project;

function script(name: string, ...args: readonly string[]): string {
  const path = fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
  const env = { ...process.env, HOME: homedir() };
  return execFileSync(path, args, { encoding: 'utf8', env }).trim();
}

async function system(...words: readonly string[]): Promise<Ended> {
  const ended = await project.ashlar(['system', ...words]);
  if (ended.status !== 0)
    throw new Error(`system ${words.join(' ')} ended with ${ended.status}:\n${ended.stderr}`);
  return ended;
}

/** Starts a disk, which must pass; returns the verdict and what was on the console. */
async function boot(disk: string, ...flags: readonly string[]) {
  const before = statSync(disk);
  const { stdout, stderr } = await system('boot', disk, '--timeout', PATIENCE, '--json', ...flags);
  const after = statSync(disk);
  expect([after.mtimeMs, after.size]).toEqual([before.mtimeMs, before.size]);
  const verdict: BootVerdict = JSON.parse(stdout);
  return { verdict, console: stderr };
}

describe.skipIf(!canBoot)('a container that becomes a machine', () => {
  beforeAll(() => {
    project = workspace.project();
    project.write('description/config.xml', description(script('debian-packages', 'machine', ...PACKAGES)));
    project.write('description/root/marker', MARKER, 0o755);
    project.write('description/root/etc/hostname', 'e2e\n');
  });

  it('starts with UEFI up to the login prompt, and with a BIOS, too', TIMEOUT, async () => {
    await system('stash', '--root', script('debian-root'), '--container-name', 'base');
    const words = ['--stash', 'base', '--description', 'description'];
    const { stdout } = await system('stackbuild', ...words, '--target-dir', 'first');
    expect(stdout).toContain('machine.x86_64-1.0.0.raw');
    const disk = project.at('first/machine.x86_64-1.0.0.raw');

    const uefi = await boot(disk);
    expect(uefi.verdict).toMatchObject({ passed: true, firmware: 'uefi', expected: 'login:' });
    const reached = uefi.verdict.milestones.map(({ name }) => name);
    expect(reached).toEqual(expect.arrayContaining(['firmware', 'loader', 'login']));
    expect(uefi.console).toMatch(/^E2E-BOOT-OK uefi root=\/dev\/vda3 ext4/m);
    expect(uefi.console).toMatch(/^e2e login:/m);

    const bios = await boot(disk, '--firmware', 'bios', '--expect', 'E2E-BOOT-OK');
    expect(bios.verdict).toMatchObject({ passed: true, firmware: 'bios', expected: 'E2E-BOOT-OK' });
    expect(bios.console).toMatch(/^E2E-BOOT-OK bios root=\/dev\/vda3 ext4/m);
  });

  it('starts from what its stash becomes, without any repository', TIMEOUT, async () => {
    await system('stash', '--root', join('first', 'build', 'image-root'), '--container-name', 'machine');
    const words = ['--stash', 'machine', '--profile', 'Uki'];
    await system('stackbuild', ...words, '--target-dir', 'second');
    const disk = project.at('second/machine.x86_64-1.0.0.raw');
    const { verdict, console } = await boot(disk, '--expect', 'E2E-BOOT-OK');
    expect(verdict).toMatchObject({ passed: true, firmware: 'uefi' });
    expect(console).toMatch(/^E2E-BOOT-OK verity root=\/dev\/dm-0 ext4/m);
  });
});
