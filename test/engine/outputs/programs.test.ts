import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  checkOutputPrograms,
  formatPrograms,
  programParts,
  treePrograms,
} from '../../../src/engine/outputs/programs.ts';
import type { Output } from '../../../src/plan/outputs.ts';
import { simpleDisk } from '../../../src/plan/simple-disk.ts';
import { useStore } from '../stores.ts';

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

const ingredients = vi.hoisted(() => ({ programs: [] as string[], files: [''], directories: [''] }));
vi.mock('../../../src/disk/index.ts', async original => ({
  ...(await original<object>()),
  INGREDIENTS: ingredients,
}));

describe('what else of this machine gets into disks', () => {
  const stored = useStore();

  it('counts for the key, and for that of nothing else', async () => {
    const { directory } = stored;
    const [busybox, modules] = [join(directory, 'busybox'), join(directory, 'x86_64-efi')];
    Object.assign(ingredients, { files: [busybox, `${busybox}-none`], directories: [modules] });
    mkdirSync(modules);
    for (const path of [busybox, join(modules, 'kernel.img'), join(modules, 'ext2.mod')])
      writeFileSync(path, 'one');
    const parts = (kind: Output['kind'] = 'disk') => programParts({}, kind, stored.build());
    const first = await parts();
    expect(first.map(([name]) => name)).toEqual([`file ${busybox}`, `directory ${modules}`]);
    expect(await parts()).toEqual(first);
    expect(await parts('archive')).toEqual([]);
    writeFileSync(busybox, 'other');
    const second = await parts();
    expect(second[0]).not.toEqual(first[0]);
    expect(second[1]).toEqual(first[1]);
    writeFileSync(join(modules, 'ext2.mod'), 'another');
    expect((await parts())[1]).not.toEqual(first[1]);
  });
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
