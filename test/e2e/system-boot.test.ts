/** Disks that start: the only file that runs machines, as few as prove it, each translated by QEMU. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { bootDisk } from '../../src/disk/emulator/index.ts';
import { makeDisk } from '../../src/disk/index.ts';
import type { DiskSpec } from '../../src/disk/types.ts';
import { diskSpec } from '../disk/specs.ts';
import { has, isRoot } from '../support/tools.ts';
import { useWorkspace } from './support.ts';

const NEEDED = ['mmdebstrap', 'qemu-system-x86_64', 'qemu-img', 'mke2fs', 'grub-mkimage'];
// Machines are slow, and the same for everybody who starts them.
const canBoot = isRoot && has(...NEEDED);

/** Seconds; a machine that others use, too, may be several times slower than usual. */
const PATIENCE = 240;

/**
 * The first program of the system: says that it runs, and from what. With UEFI the system goes on; with a BIOS, where
 * it would be the same once more, the machine is switched off.
 */
const MARKER = `#!/bin/sh
mount -t proc proc /proc 2>/dev/null
while read -r device place type _; do
  [ "$place" != / ] || root="$device $type"
done </proc/mounts
read -r line </proc/cmdline
case $line in *dm-mod*) firmware=verity ;; *) [ -d /sys/firmware/efi ] && firmware=uefi || firmware=bios ;; esac
echo "E2E-BOOT-OK $firmware root=$root"
[ "$firmware" != uefi ] || exec /sbin/init
echo o >/proc/sysrq-trigger
sleep 60
`;

const workspace = useWorkspace();
const signal = new AbortController().signal;

function at(name: string): string {
  return `${workspace.path}/${name}`;
}

async function makeTestDisk(name: string, spec: Partial<DiskSpec>): Promise<string> {
  const scratch = at(`${name}-scratch`);
  mkdirSync(scratch);
  const made = await makeDisk({
    spec: diskSpec({ kernelCommandLine: 'console=ttyS0,115200 quiet init=/marker', ...spec }),
    tree: at('tree'),
    devices: [],
    output: at(name),
    scratch,
    identity: name,
    epoch: 1_700_000_000,
    run: () => Promise.reject(new Error('no program of the tree is needed')),
    signal,
    say: () => {},
    warn: message => {
      throw new Error(message);
    },
  });
  expect(made.initrd).toBe('own');
  return at(name);
}

describe.skipIf(!canBoot)('a disk', () => {
  beforeAll(() => {
    const script = fileURLToPath(new URL('../../scripts/debian-machine', import.meta.url));
    const tar = execFileSync(script, { encoding: 'utf8' }).trim();
    mkdirSync(at('tree'));
    execFileSync('tar', ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-xpf', tar, '-C', at('tree')]);
    writeFileSync(at('tree/marker'), MARKER, { mode: 0o755 });
    writeFileSync(at('tree/etc/hostname'), 'e2e\n');
  });

  it('starts with UEFI up to the login prompt, and with a BIOS, too', { timeout: 600_000 }, async () => {
    const menu = { title: 'End to end', timeout: 0, inputs: [], outputs: [], settings: {} };
    const disk = await makeTestDisk('grub.raw', { loader: 'grub', legacyBoot: true, menu });
    const before = statSync(disk);

    const lines: string[] = [];
    const common = { disk, timeout: PATIENCE, memory: 1024, signal };
    const verdict = await bootDisk({ ...common, firmware: 'uefi', onLine: line => lines.push(line) });
    expect(verdict).toMatchObject({ passed: true, firmware: 'uefi', expected: 'login:' });
    expect(verdict.milestones.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['firmware', 'loader', 'login']),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^E2E-BOOT-OK uefi root=\/dev\/vda3 ext4/));
    expect(lines).toContainEqual(expect.stringMatching(/^e2e login:/));

    const project = workspace.project();
    const flags = ['--firmware', 'bios', '--expect', 'E2E-BOOT-OK', '--timeout', String(PATIENCE), '--json'];
    const { status, stdout, stderr } = await project.ashlar(['system', 'boot', disk, ...flags]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ passed: true, firmware: 'bios', expected: 'E2E-BOOT-OK' });
    expect(stderr).toMatch(/^E2E-BOOT-OK bios root=\/dev\/vda3 ext4/m);

    expect([statSync(disk).mtimeMs, statSync(disk).size]).toEqual([before.mtimeMs, before.size]);
  });

  it('starts from a unified kernel image, with a root that dm-verity checks', {
    timeout: 600_000,
  }, async () => {
    const root = { ...diskSpec().root, verity: true } as const;
    const disk = await makeTestDisk('uki.raw', { loader: 'uki', legacyBoot: false, root });
    const lines: string[] = [];
    const verdict = await bootDisk({
      disk,
      expect: 'E2E-BOOT-OK verity',
      timeout: PATIENCE,
      memory: 1024,
      firmware: 'uefi',
      signal,
      onLine: line => lines.push(line),
    });
    expect(verdict).toMatchObject({ passed: true });
    expect(lines).toContainEqual(expect.stringMatching(/^E2E-BOOT-OK verity root=\/dev\/dm-0 ext4/));
  });
});
