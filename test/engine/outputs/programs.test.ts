import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkOutputPrograms, formatPrograms, treePrograms } from '../../../src/engine/outputs/programs.ts';
import type { Output } from '../../../src/plan/outputs.ts';
import { simpleDisk } from '../../../src/plan/simple-disk.ts';

const at = { file: 'plan', line: 1, column: 1 };
afterEach(() => void vi.unstubAllEnvs());

const squashfs: Output = {
  kind: 'file-system',
  fileSystem: { type: 'squashfs', label: '', createOptions: [] },
  file: 'x',
  role: '',
  at,
};

describe('the programs of outputs', () => {
  it('are those of all file systems of a disk', () => {
    const disk = simpleDisk({ architecture: 'x86_64', title: '', fileSystem: 'btrfs' });
    const boot = { type: 'ext4', label: 'BOOT', createOptions: [], size: 1 } as const;
    expect(Object.keys(treePrograms({ kind: 'disk', disk: { ...disk, boot } })).sort()).toEqual([
      'mke2fs',
      'mkfs.btrfs',
    ]);
    expect(Object.keys(formatPrograms('qcow2'))).toEqual(['qemu-img']);
    expect(formatPrograms('gce')).toEqual({});
  });

  it.skipIf(existsSync('/usr/sbin/mksquashfs'))(
    'are missed before anything is made, with what to install',
    () => {
      vi.stubEnv('PATH', '/nowhere');
      let thrown: unknown;
      try {
        checkOutputPrograms([squashfs]);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({
        message: "cannot find the program 'mksquashfs', which a file system squashfs needs",
        hint: 'apt install squashfs-tools | dnf install squashfs-tools | zypper install squashfs',
      });
    },
  );
});

describe('a disk that is asked for in a few words', () => {
  it('has what follows from them', () => {
    const disk = (rest: object) => simpleDisk({ architecture: 'x86_64', title: '', ...rest });
    expect(disk({})).toMatchObject({ table: 'gpt', firmware: 'efi', loader: 'uki', grows: true });
    expect(disk({ legacyBoot: true })).toMatchObject({ loader: 'grub', legacyBoot: true });
    expect(disk({ firmware: 'bios' })).toMatchObject({ table: 'msdos', loader: 'grub' });
    expect(disk({ verity: true })).toMatchObject({ grows: false, root: { verity: true } });
    expect(disk({ fileSystem: 'erofs' }).size).toEqual({ kind: 'content', additional: 0 });
    expect(simpleDisk({ architecture: 'aarch64', title: '' }).kernelCommandLine).toContain('ttyAMA0');
  });
});
