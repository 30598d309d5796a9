import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MIB } from '../../src/disk/pieces.ts';
import { GrowingSeal } from '../../src/layers/index.ts';
import { scratch } from '../layers/support.ts';
import {
  canMakeDisks,
  checkAll,
  divided,
  fileOfEsp,
  grub,
  look,
  make,
  names,
  none,
  partition,
} from './disks.ts';
import { diskSpec } from './specs.ts';

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe.runIf(canMakeDisks)('a disk', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

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

  it('leaves no file behind when its digest cannot be taken', async () => {
    const output = join(scratch(), 'disk');
    const { finish } = GrowingSeal.prototype;
    // What is digested by now ends before the second table.
    const cut = vi.spyOn(GrowingSeal.prototype, 'finish').mockImplementation(function (this: GrowingSeal) {
      truncateSync(output, MIB);
      return finish.call(this);
    });
    await expect(make(diskSpec(none), { output })).rejects.toThrow('cut short');
    expect(cut).toHaveBeenCalledOnce();
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
});
