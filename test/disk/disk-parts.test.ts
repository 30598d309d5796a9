import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB } from '../../src/disk/pieces.ts';
import {
  canMakeDisks,
  checkAll,
  divided,
  ext4,
  fileOfEsp,
  filesOfEsp,
  kernel,
  make,
  names,
  none,
  partition,
  tree,
} from './disks.ts';
import { diskSpec } from './specs.ts';

describe.runIf(canMakeDisks)('a disk with several parts', () => {
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
