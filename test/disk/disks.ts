/** Small disks of a small tree, and what programs say of them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { makeDisk } from '../../src/disk/disk.ts';
import { MIB } from '../../src/disk/pieces.ts';
import type { DiskRequest, MadeDisk } from '../../src/disk/request.ts';
import type { DiskSpec } from '../../src/disk/types.ts';
import { scratch } from '../layers/support.ts';
import { has } from '../support/tools.ts';
import { diskSpec } from './specs.ts';

const epoch = 1_700_000_000;
export const kernel = Buffer.alloc(3 * MIB, 'a kernel ');

/** A tree as a distribution would leave it, as far as disks care. */
export function tree(): string {
  const top = scratch();
  const files: Readonly<Record<string, string | Buffer>> = {
    'boot/config-6.1.0-1': 'CONFIG_DM_INIT=y\n',
    'boot/initrd.img-6.1.0-1': 'an initrd',
    'boot/vmlinuz-6.1.0-1': kernel,
    'etc/fstab': 'UUID=of-another-disk / ext4 defaults 0 1\n',
    'etc/os-release': 'ID=test\n',
    'home/me/letter': 'dear you',
    'usr/lib/modules/6.1.0-1/modules.dep': '',
    'var/log/messages': 'hello',
    'stub.efi': '',
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(top, dirname(path)), { recursive: true });
    writeFileSync(join(top, path), content);
    utimesSync(join(top, path), 1_600_000_000, 1_600_000_000);
  }
  return top;
}

export async function make(
  spec: DiskSpec,
  more: Partial<DiskRequest> = {},
): Promise<MadeDisk & { disk: string }> {
  const directory = scratch();
  mkdirSync(join(directory, 'scratch'));
  const request: DiskRequest = {
    spec,
    tree: more.tree ?? tree(),
    devices: [],
    output: join(directory, 'disk'),
    scratch: join(directory, 'scratch'),
    identity: 'a test',
    epoch,
    run: async () => ({ status: 127, output: 'nothing runs here' }),
    signal: new AbortController().signal,
    say: () => {},
    warn: () => {},
    ...more,
  };
  const { disk, sha256 } = await makeDisk(request);
  expect(sha256).toBe(createHash('sha256').update(readFileSync(request.output)).digest('hex'));
  return { ...disk, disk: request.output };
}

export function partition({ partitions }: MadeDisk, name: string) {
  const found = partitions.find(partition => partition.name === name);
  if (!found) throw new Error(`no partition ${name}`);
  return found;
}

/** What debugfs says of the file system in a partition. */
export function look(made: MadeDisk & { disk: string }, name: string, command: string): string {
  const { start } = partition(made, name);
  return execFileSync('debugfs', ['-R', command, `${made.disk}?offset=${start}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

export function names(made: MadeDisk & { disk: string }, name: string, directory: string): string[] {
  const lines = look(made, name, `ls -p ${directory}`).split('\n');
  return lines
    .flatMap(line => line.split('/')[5] ?? [])
    .filter(found => !/^(\.\.?|lost\+found)$/.test(found));
}

function imageOfEsp(made: MadeDisk & { disk: string }): string {
  return `${made.disk}@@${partition(made, 'efi').start}`;
}

export function filesOfEsp(made: MadeDisk & { disk: string }): readonly string[] {
  const listed = execFileSync('mdir', ['-b', '-/', '-i', imageOfEsp(made), '::'], { encoding: 'utf8' });
  const paths = listed.split('\n').map(line => line.replace(/^::\//, ''));
  return paths.filter(path => path !== '' && !path.endsWith('/')).sort();
}

export function fileOfEsp(made: MadeDisk & { disk: string }, path: string): Buffer {
  return execFileSync('mcopy', ['-n', '-i', imageOfEsp(made), `::${path}`, '-'], { maxBuffer: 64 * MIB });
}

const CHECKS: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  ext2: ['e2fsck', '-fn'],
  ext4: ['e2fsck', '-fn'],
  xfs: ['xfs_repair', '-n', '-f'],
  btrfs: ['btrfs', 'check'],
  vfat: ['fsck.vfat', '-n'],
};

/** By the programs that others check disks with; returns the types of the file systems. */
export function checkAll({ disk, partitions }: MadeDisk & { disk: string }): readonly string[] {
  const table = execFileSync('blkid', ['-p', '-o', 'value', '-s', 'PTTYPE', disk], { encoding: 'utf8' });
  if (table !== 'dos\n')
    expect(execFileSync('sgdisk', ['--verify', disk], { encoding: 'utf8' })).toContain('No problems found');
  const alone = `${disk}-partition`;
  return partitions.flatMap(({ fileSystem, start, size }) => {
    const [program, ...args] = CHECKS[fileSystem?.type ?? ''] ?? [];
    if (!fileSystem || program === undefined) return [];
    const place = [`skip=${start}`, `count=${size}`, 'iflag=skip_bytes,count_bytes', 'conv=sparse'];
    execFileSync('dd', [`if=${disk}`, `of=${alone}`, ...place, 'bs=1M', 'status=none']);
    execFileSync(program, [...args, alone], { stdio: 'pipe' });
    return [fileSystem.type];
  });
}

export const grub = { loader: 'grub', initrd: { kind: 'found', options: [] } } as const;
export const none = { loader: 'none', legacyBoot: false } as const;
export const ext4 = (label: string) => ({ type: 'ext4', label, createOptions: [] }) as const;

export const divided = diskSpec({
  ...grub,
  boot: { ...ext4('BOOT'), size: 20 * MIB },
  swap: { size: 8 * MIB, label: 'SWAP' },
  partitions: [
    {
      name: 'home',
      partitionName: 'p.lxhome',
      partitionType: 'linux',
      size: 10 * MIB,
      mountPoint: '/home',
      fileSystem: ext4('HOME'),
    },
    { name: 'raw', partitionName: 'p.lxraw', partitionType: 'linux', size: MIB, mountPoint: '/var/log' },
    {
      name: 'spare',
      partitionName: 'p.spare',
      partitionType: 'linux',
      size: 8 * MIB,
      fileSystem: { type: 'ext2', label: 'SPARE', createOptions: [] },
    },
  ],
  tellsNumbers: true,
});

const programs = [
  ...['mke2fs', 'e2fsck', 'debugfs', 'blkid', 'sgdisk', 'sfdisk', 'mcopy', 'grub-mkimage', 'veritysetup'],
  ...['mksquashfs', 'unsquashfs', 'mkfs.erofs', 'fsck.erofs', 'mkfs.xfs', 'xfs_repair', 'btrfs', 'fsck.vfat'],
];
const hasStub = existsSync('/usr/lib/systemd/boot/efi/linuxx64.efi.stub') || process.env.CI !== undefined;
/** Whether all is here that tests of disks take. */
export const canMakeDisks = has(...programs) && hasStub;
