import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelCommandLine } from '../../../src/disk/boot/command-line.ts';
import { finishedFstab, fstabText } from '../../../src/disk/boot/fstab.ts';
import { nameOfPartition } from '../../../src/disk/boot/partitions.ts';
import type { DiskPartition } from '../../../src/disk/request.ts';
import type { DiskSpec } from '../../../src/disk/types.ts';
import { diskSpec } from '../specs.ts';
import { boot, bootRequest, esp, makeTree, root } from './trees.ts';

const swap: DiskPartition = {
  role: 'swap',
  name: 'swap',
  number: 5,
  partitionName: 'p.swap',
  uuid: '77777777-0000-4000-8000-000000000007',
  fileSystem: { type: 'swap', uuid: '88888888-0000-4000-8000-000000000008', label: 'SWAP' },
};

const data: DiskPartition = {
  role: 'data',
  name: 'data',
  number: 6,
  partitionName: 'p.lxdata',
  uuid: '99999999-0000-4000-8000-000000000009',
  mountPoint: '/srv/my data',
  fileSystem: {
    type: 'xfs',
    uuid: 'aaaaaaaa-0000-4000-8000-00000000000a',
    label: 'DATA',
    mountOptions: 'noatime',
  },
};

const linesOf = (partitions: readonly DiskPartition[], spec: Partial<DiskSpec> = {}) =>
  fstabText({ spec: diskSpec(spec), partitions })
    .split('\n')
    .slice(0, -1);

describe('/etc/fstab', () => {
  it('names every partition, each after the one that it is mounted in', () => {
    expect(linesOf([esp, boot, swap, data, root])).toEqual([
      'UUID=44444444-0000-4000-8000-000000000004 / ext4 defaults 0 1',
      'UUID=66666666-0000-4000-8000-000000000006 /boot ext4 defaults 0 0',
      'UUID=ABCD-1234 /boot/efi vfat umask=0077 0 0',
      'UUID=aaaaaaaa-0000-4000-8000-00000000000a /srv/my\\040data xfs noatime 0 0',
      'UUID=88888888-0000-4000-8000-000000000008 none swap defaults 0 0',
    ]);
  });

  it('names them by label or by partition where that is wanted', () => {
    expect(linesOf([root, swap], { identifiedBy: 'label' })).toEqual([
      'LABEL=ROOT / ext4 defaults 0 1',
      'LABEL=SWAP none swap defaults 0 0',
    ]);
    expect(linesOf([root], { identifiedBy: 'partuuid' })).toEqual([
      `PARTUUID=${root.uuid} / ext4 defaults 0 1`,
    ]);
  });

  it('names by UUID what has a label that is not one word', () => {
    const named = (label: string) =>
      nameOfPartition({ ...root, fileSystem: { type: 'ext4', uuid: 'u-u-i-d', label } }, 'label');
    expect(['ROOT', 'my root', 'a"b', ''].map(named)).toEqual([
      'LABEL=ROOT',
      'UUID=u-u-i-d',
      'UUID=u-u-i-d',
      'UUID=u-u-i-d',
    ]);
  });

  it('keeps options with blanks in their field', () => {
    const fileSystem = { type: 'ext4', uuid: 'u', label: '', mountOptions: 'context="a b"' } as const;
    expect(fstabText({ spec: diskSpec({ grows: false }), partitions: [{ ...root, fileSystem }] })).toBe(
      'UUID=u / ext4 context="a\\040b" 0 1\n',
    );
  });

  it('names squashfs by its partition, as it has no other name', () => {
    const squashfs: DiskPartition = { ...root, fileSystem: { type: 'squashfs', uuid: '', label: '' } };
    expect(linesOf([squashfs])).toEqual([`PARTUUID=${root.uuid} / squashfs defaults 0 1`]);
  });

  it('lets the root grow, and leaves alone one that the initrd has put together', () => {
    expect(linesOf([root], { grows: true })).toEqual([
      'UUID=44444444-0000-4000-8000-000000000004 / ext4 defaults,x-systemd.growfs 0 1',
    ]);
    const { root: spec } = diskSpec();
    expect(linesOf([root], { root: { ...spec, overlay: true } })).toEqual([]);
    expect(linesOf([root], { root: { ...spec, verity: true } })).toEqual(['/dev/mapper/root / ext4 ro 0 0']);
  });

  it('is finished by the files that the description has put beside it', async () => {
    const tree = makeTree({
      'etc/fstab': 'UUID=of-another-disk / ext4 defaults 0 1\n',
      'etc/fstab.append': 'tmpfs /tmp tmpfs defaults 0 0',
      'etc/fstab.script': 'sed -i s/defaults/noatime/ /etc/fstab',
    });
    const seen: string[] = [];
    const { request, ran } = bootRequest(tree, {
      partitions: [root],
      run: async args => {
        ran.push(args);
        seen.push(readFileSync(join(tree, 'etc/fstab'), 'utf8'));
        writeFileSync(join(tree, 'etc/fstab'), 'what the script made of it\n');
        return { status: 0, output: '' };
      },
    });
    expect(await finishedFstab(request)).toBe('what the script made of it\n');
    expect(seen).toEqual([
      'UUID=44444444-0000-4000-8000-000000000004 / ext4 defaults 0 1\ntmpfs /tmp tmpfs defaults 0 0\n',
    ]);
    expect(ran).toEqual([['/bin/bash', '/etc/fstab.script']]);
    expect(['append', 'patch', 'script'].filter(name => existsSync(join(tree, `etc/fstab.${name}`)))).toEqual(
      [],
    );
  });

  it('is not made where a file beside it fails', async () => {
    const tree = makeTree({ 'etc/fstab.patch': 'no patch' });
    const run = async () => ({ status: 1, output: 'patch: **** garbage\n' });
    await expect(finishedFstab(bootRequest(tree, { run }).request)).rejects.toThrow(
      '/etc/fstab.patch failed with: patch: **** garbage',
    );
  });
});

describe('the command line of the kernel', () => {
  const lineOf = (spec: Partial<DiskSpec>, verity?: Parameters<typeof kernelCommandLine>[1]) =>
    kernelCommandLine(
      { spec: diskSpec(spec), partitions: [esp, { ...root, role: 'verity', uuid: 'hashes' }, root] },
      verity,
    );

  it('names the root', () => {
    expect(lineOf({ kernelCommandLine: 'quiet' })).toBe(
      'quiet root=UUID=44444444-0000-4000-8000-000000000004',
    );
    expect(lineOf({ kernelCommandLine: '', identifiedBy: 'label' })).toBe('root=LABEL=ROOT');
  });

  it('is left alone where it names one already', () => {
    expect(lineOf({ kernelCommandLine: 'quiet root=/dev/sda1' })).toBe('quiet root=/dev/sda1');
    expect(lineOf({ kernelCommandLine: 'rd.root=1' })).toMatch(/^rd\.root=1 root=UUID=/);
  });

  it('asks for changes in memory', () => {
    const spec = { ...diskSpec().root, overlay: true } as const;
    expect(lineOf({ root: spec, kernelCommandLine: '' })).toBe(`root=overlay:PARTUUID=${root.uuid}`);
  });

  it('says where changes are kept', () => {
    const spec = diskSpec({ root: { ...diskSpec().root, overlay: true, changesIn: 'changes' } });
    const keeper = { ...root, role: 'data', name: 'changes', uuid: 'kept' } as const;
    expect(kernelCommandLine({ spec: { ...spec, kernelCommandLine: '' }, partitions: [root, keeper] })).toBe(
      `rd.root.overlay.write=PARTUUID=kept root=overlay:PARTUUID=${root.uuid}`,
    );
  });

  it('describes a root that dm-verity checks in the words of the kernel', () => {
    const verity = { rootHash: 'ab'.repeat(32), salt: 'cd'.repeat(32), dataSize: 40960 };
    expect(lineOf({ kernelCommandLine: 'quiet' }, verity)).toBe(
      `quiet ro dm-mod.create="root,,,ro,0 80 verity 1 PARTUUID=${root.uuid} PARTUUID=hashes 4096 4096 10 1 sha256 ` +
        `${verity.rootHash} ${verity.salt}" root=/dev/dm-0`,
    );
  });
});
