import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeDisk } from '../../src/disk/disk.ts';
import { MIB } from '../../src/disk/pieces.ts';
import type { DiskRequest, MadeDisk } from '../../src/disk/request.ts';
import type { DiskSpec } from '../../src/disk/types.ts';
import { scratch } from '../layers/support.ts';
import { has } from '../support/tools.ts';
import { diskSpec } from './specs.ts';

const epoch = 1_700_000_000;
const kernel = Buffer.alloc(3 * MIB, 'a kernel ');

/** A tree as a distribution would leave it, as far as disks care. */
function tree(): string {
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

async function make(spec: DiskSpec, more: Partial<DiskRequest> = {}): Promise<MadeDisk & { disk: string }> {
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

function partition({ partitions }: MadeDisk, name: string) {
  const found = partitions.find(partition => partition.name === name);
  if (!found) throw new Error(`no partition ${name}`);
  return found;
}

/** What debugfs says of the file system in a partition. */
function look(made: MadeDisk & { disk: string }, name: string, command: string): string {
  const { start } = partition(made, name);
  return execFileSync('debugfs', ['-R', command, `${made.disk}?offset=${start}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function names(made: MadeDisk & { disk: string }, name: string, directory: string): string[] {
  const lines = look(made, name, `ls -p ${directory}`).split('\n');
  return lines
    .flatMap(line => line.split('/')[5] ?? [])
    .filter(found => !/^(\.\.?|lost\+found)$/.test(found));
}

function imageOfEsp(made: MadeDisk & { disk: string }): string {
  return `${made.disk}@@${partition(made, 'efi').start}`;
}

function filesOfEsp(made: MadeDisk & { disk: string }): readonly string[] {
  const listed = execFileSync('mdir', ['-b', '-/', '-i', imageOfEsp(made), '::'], { encoding: 'utf8' });
  const paths = listed.split('\n').map(line => line.replace(/^::\//, ''));
  return paths.filter(path => path !== '' && !path.endsWith('/')).sort();
}

function fileOfEsp(made: MadeDisk & { disk: string }, path: string): Buffer {
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
function checkAll({ disk, partitions }: MadeDisk & { disk: string }): readonly string[] {
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

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const grub = { loader: 'grub', initrd: { kind: 'found', options: [] } } as const;
const none = { loader: 'none', legacyBoot: false } as const;
const ext4 = (label: string) => ({ type: 'ext4', label, createOptions: [] }) as const;

const divided = diskSpec({
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

describe.skipIf(!(has(...programs) && hasStub))('a disk', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('has each part of the tree on a partition that fstab names', async () => {
    const made = await make(divided);
    checkAll(made);
    expect(names(made, 'root', '/')).toEqual(
      expect.arrayContaining(['boot', 'config.partids', 'etc', 'home', 'usr', 'var']),
    );
    expect(names(made, 'root', '/boot')).toEqual([]);
    expect(names(made, 'root', '/home')).toEqual([]);
    expect(names(made, 'root', '/var/log')).toEqual(['messages']);
    expect(look(made, 'home', 'cat /me/letter')).toBe('dear you');
    expect(names(made, 'boot', '/')).toEqual(expect.arrayContaining(['efi', 'grub', 'vmlinuz-6.1.0-1']));
    expect(names(made, 'boot', '/efi')).toEqual([]);
    expect(names(made, 'spare', '/')).toEqual([]);
    expect(made).toMatchObject({ kernel: '6.1.0-1', initrd: 'found', rootHash: undefined });

    const uuid = (name: string) => `UUID=${partition(made, name).fileSystem?.uuid}`;
    const fstab = look(made, 'root', 'cat /etc/fstab');
    for (const name of ['root', 'boot', 'efi', 'home', 'swap']) expect(fstab).toContain(`${uuid(name)} `);
    expect(fstab).not.toContain('of-another-disk');
    for (const [name, type] of [
      ['root', 'ext4'],
      ['swap', 'swap'],
      ['efi', 'vfat'],
    ] as const) {
      const probe = ['-p', '-O', String(partition(made, name).start), '-o', 'export', made.disk];
      const said = execFileSync('blkid', probe, { encoding: 'utf8' });
      expect(said).toContain(`UUID=${partition(made, name).fileSystem?.uuid}\n`);
      expect(said).toContain(`TYPE=${type}\n`);
    }
    expect(look(made, 'root', 'cat /config.partids')).toContain('kiwi_RootPart="8"\n');
  });

  it.each([
    ['xfs', 'efi', ['vfat', 'xfs']],
    ['btrfs', 'efi', ['vfat', 'btrfs']],
    ['ext4', 'bios', ['ext4']],
  ] as const)(
    'with a root of %s for %s is in order for the programs that check it',
    async (type, firmware, found) => {
      const table = firmware === 'bios' ? 'msdos' : 'gpt';
      const root = { type, label: 'ROOT', createOptions: [] };
      expect(checkAll(await make(diskSpec({ ...grub, table, firmware, root })))).toEqual(found);
    },
  );

  it('with large sectors has no smaller ones in its xfs', async () => {
    const on = (createOptions: readonly string[]) =>
      make(
        diskSpec({
          ...none,
          sectorSize: 4096,
          firstSector: 256,
          root: { type: 'xfs', label: 'ROOT', createOptions },
        }),
      );
    for (const options of [[], ['-s', 'size=4k']]) {
      const made = await on(options);
      // The superblock says it at byte 102.
      expect(readFileSync(made.disk).readUInt16BE(partition(made, 'root').start + 102)).toBe(4096);
    }
    await expect(on(['-s', 'size=512'])).rejects.toThrow(
      'an xfs on a disk with sectors of 4096 bytes cannot have smaller ones',
    );
  });

  it('starts with GRUB by UEFI and by BIOS', async () => {
    const made = await make(diskSpec(grub));
    const program = fileOfEsp(made, 'EFI/BOOT/BOOTX64.EFI');
    expect(program.subarray(0, 2).toString()).toBe('MZ');
    const disk = readFileSync(made.disk);
    const { start } = partition(made, 'legacy');
    expect(disk.readBigUInt64LE(0x5c)).toBe(BigInt(start / 512));
    expect(disk.readUInt16LE(510)).toBe(0xaa55);
    expect(disk.subarray(start, start + 512).equals(Buffer.alloc(512))).toBe(false);
  });

  it('of a BIOS has GRUB before its first partition', async () => {
    const made = await make(diskSpec({ ...grub, table: 'msdos', firmware: 'bios' }));
    expect(made.partitions.map(({ name }) => name)).toEqual(['root']);
    const disk = readFileSync(made.disk);
    expect(disk.readBigUInt64LE(0x5c)).toBe(1n);
    expect(disk.subarray(512, 1024).equals(Buffer.alloc(512))).toBe(false);
    expect(made.id).toMatch(/^[0-9a-f]{8}$/);
    const listed = execFileSync('sfdisk', ['-d', made.disk], { encoding: 'utf8' });
    expect(listed).toContain(`label-id: 0x${made.id}`);
    expect(listed).toContain('bootable');
  });

  it('is the same to the last byte whenever, wherever and in which time zone it is made', async () => {
    const first = await make(divided);
    vi.stubEnv('TZ', 'Asia/Tokyo');
    vi.stubEnv('LC_ALL', 'C');
    await new Promise(resolve => setTimeout(resolve, 1100));
    const second = await make(divided);
    expect(sha256(second.disk)).toBe(sha256(first.disk));
  });

  it('holds no time that is later than the epoch', async () => {
    const made = await make(diskSpec(none), { epoch: 1_500_000_000 });
    const times = ['/', '/etc', '/etc/fstab', '/home/me/letter'].map(path =>
      look(made, 'root', `stat ${path}`),
    );
    for (const said of times) expect(said).toMatch(/mtime: 0x59682f00/);
  });

  it('is refused before anything is written when its content has no room', async () => {
    const output = join(scratch(), 'disk');
    const wanted = diskSpec({ ...none, size: { kind: 'fixed', bytes: 30 * MIB } });
    await expect(make(wanted, { output })).rejects.toThrow(
      /the disk is to have 30 MiB, but .* needs \d+ MiB/,
    );
    expect(existsSync(output)).toBe(false);
  });

  it('leaves no file behind when it is not finished', async () => {
    const output = join(scratch(), 'disk');
    const ended = new AbortController();
    let wasThere = false;
    const say = (message: string) => {
      if (!message.startsWith('ext4')) return;
      wasThere = existsSync(output);
      ended.abort();
    };
    await expect(make(divided, { output, say, signal: ended.signal })).rejects.toThrow('aborted');
    expect(wasThere).toBe(true);
    expect(existsSync(output)).toBe(false);
  });

  it('is refused when the ESP has no room for what starts', async () => {
    const output = join(scratch(), 'disk');
    const spec = diskSpec({
      loader: 'uki',
      initrd: { kind: 'found', options: [] },
      legacyBoot: false,
      espSize: 3 * MIB,
    });
    await expect(make(spec, { output })).rejects.toThrow('the EFI system partition has 3 MiB');
    expect(existsSync(output)).toBe(false);
  });

  it('is checked by dm-verity against a hash that its ESP knows', async () => {
    const made = await make(
      diskSpec({ loader: 'uki', legacyBoot: false, root: { ...ext4('ROOT'), verity: true } }),
    );
    const { start, size } = partition(made, 'root');
    const hashes = partition(made, 'verity').start;
    const [data, tree] = ['data', 'tree'].map(name => join(dirname(made.disk), name));
    const disk = readFileSync(made.disk);
    writeFileSync(data ?? '', disk.subarray(start, start + size));
    writeFileSync(tree ?? '', disk.subarray(hashes, start));
    execFileSync('veritysetup', ['verify', data ?? '', tree ?? '', made.rootHash ?? ''], { stdio: 'pipe' });
    const program = fileOfEsp(made, 'EFI/BOOT/BOOTX64.EFI');
    expect(program.includes(made.rootHash ?? 'none')).toBe(true);
    checkAll(made);
  });

  it.each([false, true])('has on its ESP what the image has there, /boot apart: %s', async apart => {
    const top = tree();
    mkdirSync(join(top, 'boot/efi/EFI/tools'), { recursive: true });
    writeFileSync(join(top, 'boot/efi/EFI/tools/shell.efi'), kernel);
    const boot = apart ? { boot: { ...ext4('BOOT'), size: 20 * MIB } } : {};
    const made = await make(diskSpec({ ...none, ...boot }), { tree: top });
    expect(filesOfEsp(made)).toEqual(['EFI/tools/shell.efi']);
    expect(fileOfEsp(made, 'EFI/tools/shell.efi').equals(kernel)).toBe(true);
    expect(apart ? names(made, 'boot', '/efi') : names(made, 'root', '/boot/efi')).toEqual([]);
    checkAll(made);
  });

  it('with dm-verity names one place of its kernel, though /usr has a partition of its own', async () => {
    const top = tree();
    const kept = {
      'usr/lib/os-release': 'ID=ours\n',
      'usr/lib/systemd/boot/efi/systemd-bootx64.efi': 'the loader',
    };
    for (const [path, content] of Object.entries(kept)) {
      mkdirSync(join(top, dirname(path)), { recursive: true });
      writeFileSync(join(top, path), content);
    }
    rmSync(join(top, 'etc/os-release'));
    symlinkSync('../usr/lib/os-release', join(top, 'etc/os-release'));
    const usr = { name: 'usr', partitionName: 'p.lxusr', partitionType: 'linux', size: 10 * MIB } as const;
    const made = await make(
      diskSpec({
        ...{ loader: 'systemd-boot', legacyBoot: false, root: { ...ext4('ROOT'), verity: true } },
        partitions: [{ ...usr, mountPoint: '/usr', fileSystem: ext4('USR') }],
      }),
      { tree: top },
    );
    expect(filesOfEsp(made)).toEqual([
      'EFI/BOOT/BOOTX64.EFI',
      'EFI/systemd/systemd-bootx64.efi',
      'loader/entries/ours-6.1.0-1.conf',
      'loader/loader.conf',
      'ours/6.1.0-1/initrd',
      'ours/6.1.0-1/linux',
    ]);
    const entry = fileOfEsp(made, 'loader/entries/ours-6.1.0-1.conf').toString();
    expect(entry).toContain('\nlinux /ours/6.1.0-1/linux\ninitrd /ours/6.1.0-1/initrd\n');
    expect(entry).toContain(made.rootHash);
  });

  it.each(['squashfs', 'erofs'] as const)('leaves out of %s what other partitions hold', async type => {
    const root = { type, label: 'ROOT', createOptions: [], overlay: true } as const;
    const spec = diskSpec({ ...divided, loader: 'uki', legacyBoot: false, root });
    const made = await make(spec);
    const { start, size } = partition(made, 'root');
    const image = join(dirname(made.disk), 'root');
    writeFileSync(image, readFileSync(made.disk).subarray(start, start + size));
    const out = join(dirname(made.disk), 'out');
    const tools = {
      squashfs: ['unsquashfs', '-no-progress', '-d', out, image],
      erofs: ['fsck.erofs', '--no-preserve', `--extract=${out}`, image],
    };
    const [program = '', ...args] = tools[type];
    execFileSync(program, args, { stdio: 'pipe' });
    expect(readFileSync(join(out, 'etc/os-release'), 'utf8')).toBe('ID=test\n');
    expect(['boot', 'home', 'var/log'].map(path => readdirSync(join(out, path)))).toEqual([
      [],
      [],
      ['messages'],
    ]);
    expect(names(made, 'boot', '/')).toContain('vmlinuz-6.1.0-1');
  });

  it('mounts nothing where a link leads elsewhere', async () => {
    const top = tree();
    symlinkSync('/tmp', join(top, 'srv'));
    const [home] = divided.partitions;
    const partitions = home ? [{ ...home, mountPoint: '/srv' }] : [];
    await expect(make(diskSpec({ ...none, partitions }), { tree: top })).rejects.toThrow(
      'no partition can be mounted at /srv: this is no directory of the image',
    );
  });
});
