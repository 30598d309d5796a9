import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { espFiles, prepareBoot } from '../../../src/disk/boot/boot.ts';
import type { BootRequest } from '../../../src/disk/boot/types.ts';
import type { DiskSpec } from '../../../src/disk/types.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';
import { diskSpec } from '../specs.ts';
import {
  addFile,
  boot,
  bootRequest,
  bytesOf,
  esp,
  kernelFiles,
  makeTree,
  root,
  type Told,
  textOf,
} from './trees.ts';

const VERSION = '6.1.0-9-amd64';
const INITRD = `boot/initrd.img-${VERSION}`;
const tree = () =>
  makeTree({
    ...kernelFiles(VERSION),
    [INITRD]: 'initrd of the image',
    'etc/os-release': 'ID=ours\n',
    'etc/kernel/cmdline': 'root=UUID=of-another-disk\n',
    'usr/lib/systemd/boot/efi/systemd-bootx64.efi': 'systemd-boot',
  });

const found = { kind: 'found', options: [] } as const;

function requestFor(spec: Partial<DiskSpec>, more: Partial<BootRequest> = {}): Told {
  return bootRequest(tree(), { spec: diskSpec({ initrd: found, legacyBoot: false, ...spec }), ...more });
}

/** In CI they must be there. */
const hasModules = ['i386-pc', 'x86_64-efi'].every(
  target => process.env.CI || existsSync(`/usr/lib/grub/${target}`),
);

describe.skipIf(!has('grub-mkimage') || !hasModules)('a disk with GRUB', () => {
  const grub = { loader: 'grub' } as const;

  it('has a loader for each firmware and one menu for both', async () => {
    const { request, said, warned } = requestFor({ ...grub, legacyBoot: true });
    const prepared = await prepareBoot(request);
    expect(prepared.files.map(({ path }) => path)).toEqual([
      '/etc/fstab',
      '/boot/grub/grub.cfg',
      '/etc/default/grub',
      '/etc/kernel/cmdline',
    ]);
    expect(textOf(prepared.files, '/boot/grub/grub.cfg')).toContain(
      `linux /boot/vmlinuz-${VERSION} console=ttyS0 root=UUID=${root.fileSystem?.uuid}\n  initrd /${INITRD}\n`,
    );
    expect(textOf(prepared.files, '/etc/kernel/cmdline')).toBe(
      `console=ttyS0 root=UUID=${root.fileSystem?.uuid}\n`,
    );
    expect(prepared.directories).toEqual(['/boot/efi', '/']);
    const [loader, ...others] = espFiles(prepared);
    expect([loader?.path, others]).toEqual(['EFI/BOOT/BOOTX64.EFI', []]);
    const program = loader ? bytesOf(loader.content) : Buffer.of();
    expect(program.toString('latin1', 0, 2)).toBe('MZ');
    expect(program.includes(`search.fs_uuid ${root.fileSystem?.uuid} root`)).toBe(true);
    expect(prepared.bios?.sector.length).toBe(512);
    expect(warned).toEqual([]);
    expect(said).toContain(
      'GRUB for x86_64-efi: modules of this machine, put together by /usr/bin/grub-mkimage of this machine',
    );
  });

  it.each([
    ['uuid', 'quiet', 'GRUB_DISABLE_LINUX_UUID="false"'],
    ['label', 'quiet', 'GRUB_CMDLINE_LINUX="root=LABEL=ROOT"'],
    ['partuuid', 'quiet', `GRUB_CMDLINE_LINUX="root=PARTUUID=${root.uuid}"`],
    ['uuid', 'quiet root=UUID=given', 'GRUB_CMDLINE_LINUX="root=UUID=given"'],
  ] as const)(
    'has its root named by %s after an update, told %s',
    async (identifiedBy, kernelCommandLine, line) => {
      const { files } = await prepareBoot(requestFor({ ...grub, identifiedBy, kernelCommandLine }).request);
      expect(textOf(files, '/etc/default/grub')?.split('\n')).toContain(line);
    },
  );

  it('is the same twice', async () => {
    const loader = async () => {
      const prepared = await prepareBoot(requestFor(grub).request);
      return espFiles(prepared).map(({ content }) => bytesOf(content).toString('hex'));
    };
    expect(await loader()).toEqual(await loader());
  });

  it('says that the signed loaders are not there', async () => {
    const { request, warned } = requestFor({ ...grub, firmware: 'uefi' });
    await prepareBoot(request);
    expect(warned).toEqual([
      'Signed grub2 efi loader not found: the disk starts only where Secure Boot is off',
    ]);
  });

  it('finds kernel and menu in a partition for /boot', async () => {
    const { request } = requestFor(grub, { partitions: [esp, boot, root] });
    const prepared = await prepareBoot(request);
    const menu = textOf(prepared.files, '/boot/grub/grub.cfg');
    expect(menu).toContain(`search --no-floppy --fs-uuid --set=root ${boot.fileSystem?.uuid}`);
    expect(menu).toContain(`  linux /vmlinuz-${VERSION} `);
    expect(menu).toContain(`  initrd /initrd.img-${VERSION}\n`);
  });

  it('finds an initrd in a partition for /boot that lies beside the modules', async () => {
    const modules = `usr/lib/modules/${VERSION}`;
    const fedora = makeTree({
      ...kernelFiles(VERSION, `${modules}/vmlinuz`),
      [`${modules}/initrd`]: 'initrd beside the modules',
    });
    const { request } = requestFor(grub, { tree: fedora, partitions: [esp, boot, root] });
    const { files } = await prepareBoot(request);
    expect(textOf(files, '/boot/grub/grub.cfg')).toContain(`  initrd /initrd-${VERSION}\n`);
    expect(textOf(files, `/boot/initrd-${VERSION}`)).toBe('initrd beside the modules');
  });

  it('finds a root without UUID by a file that only this disk has', async () => {
    const squashfs = { ...root, fileSystem: { type: 'squashfs', uuid: '', label: '' } } as const;
    const spec = { ...grub, root: { ...diskSpec().root, type: 'squashfs', compression: 'xz' } } as const;
    const { request } = requestFor(spec, { partitions: [esp, squashfs] });
    const prepared = await prepareBoot(request);
    expect(textOf(prepared.files, '/boot/grub/grub.cfg')).toContain(
      `search --no-floppy --file --set=root /boot/disk-${root.uuid}`,
    );
    expect(textOf(prepared.files, `/boot/disk-${root.uuid}`)).toBe('');
  });

  it.skipIf(!has('busybox'))(
    'keeps kernel, initrd and menu of a root with dm-verity on the ESP',
    async () => {
      const spec = { ...grub, root: { ...diskSpec().root, verity: true }, initrd: found } as const;
      const hashes = { ...root, role: 'verity', name: 'verity', uuid: 'hashes' } as const;
      const { request } = requestFor(spec, { partitions: [esp, hashes, root] });
      const withDmInit = {
        ...request,
        tree: makeTree({ ...kernelFiles(VERSION), [`boot/config-${VERSION}`]: 'CONFIG_DM_INIT=y\n' }),
      };
      const prepared = await prepareBoot(withDmInit);
      expect(prepared.files.map(({ path }) => path)).toEqual(['/etc/fstab']);
      const verity = { rootHash: 'ab'.repeat(32), salt: 'cd'.repeat(32), dataSize: 40960 };
      const files = espFiles(prepared, verity);
      expect(files.map(({ path }) => path)).toEqual([
        'EFI/BOOT/BOOTX64.EFI',
        'grub/grub.cfg',
        'linux/kernel',
        'linux/initrd',
      ]);
      expect(textOf(files, 'grub/grub.cfg')).toContain(verity.rootHash);
    },
  );

  it('does not start from squashfs that GRUB cannot decompress', async () => {
    const squashfs = { ...diskSpec().root, type: 'squashfs' } as const;
    await expect(prepareBoot(requestFor({ ...grub, root: squashfs }).request)).rejects.toMatchObject({
      message: 'GRUB cannot read a root file system of type squashfs compressed with zstd',
      hint: expect.stringContaining('or compress with xz'),
    });
  });

  it('looks at the compression of squashfs that options of mksquashfs choose', async () => {
    const compressed = (createOptions: readonly string[], compression: string) => {
      const squashfs = { ...diskSpec().root, type: 'squashfs', createOptions, compression } as const;
      return prepareBoot(requestFor({ ...grub, root: squashfs }).request);
    };
    expect((await compressed(['-comp', 'xz'], 'zstd')).files).not.toEqual([]);
    await expect(compressed(['-comp', 'lz4'], 'xz')).rejects.toThrow('squashfs compressed with lz4');
  });

  it('does not start from erofs, and says what helps', async () => {
    const erofs = { ...diskSpec().root, type: 'erofs' } as const;
    await expect(prepareBoot(requestFor({ ...grub, root: erofs }).request)).rejects.toThrow(
      'GRUB cannot read a root file system of type erofs',
    );
    const { request, warned } = requestFor({ loader: 'systemd-boot', root: erofs, legacyBoot: true });
    expect((await prepareBoot(request)).bios).toBeUndefined();
    expect(warned).toEqual([
      'GRUB cannot read a root file system of type erofs: machines with a BIOS do not start from the disk',
    ]);
  });
});

describe('a disk with systemd-boot', () => {
  it('has an entry that names kernel and initrd beside it', async () => {
    const { request } = requestFor({ loader: 'systemd-boot', kernelCommandLine: 'quiet' });
    const files = espFiles(await prepareBoot(request));
    expect(textOf(files, 'EFI/BOOT/BOOTX64.EFI')).toBe('systemd-boot');
    expect(textOf(files, 'loader/loader.conf')).toBe(`timeout 0\ndefault ours-${VERSION}.conf\n`);
    expect(textOf(files, `loader/entries/ours-${VERSION}.conf`)).toBe(
      [
        'title Test',
        `version ${VERSION}`,
        `linux /ours/${VERSION}/linux`,
        `initrd /ours/${VERSION}/initrd`,
        `options quiet root=UUID=${root.fileSystem?.uuid}`,
        '',
      ].join('\n'),
    );
    expect(textOf(files, `ours/${VERSION}/initrd`)).toBe('initrd of the image');
  });

  it('keeps what lies in a partition for /boot after that has left the tree', async () => {
    const { request } = requestFor({ loader: 'systemd-boot' }, { partitions: [esp, boot, root] });
    const prepared = await prepareBoot(request);
    rmSync(join(request.tree, 'boot'), { recursive: true });
    expect(textOf(espFiles(prepared), `ours/${VERSION}/linux`)).toBe(`kernel ${VERSION}`);
  });
});

describe('what the image has for the ESP', () => {
  const brought = {
    'boot/efi/efi/boot/bootx64.efi': 'a loader of another disk',
    'boot/efi/EFI/ours/grub.cfg': 'the menu of another disk',
    'boot/efi/EFI/ours/tool.efi': 'a tool',
    'boot/efi/EFI/ours/lost.efi': '-> nowhere',
    'boot/efi/EFI/ours/link.efi': '-> tool.efi',
    'boot/efi/loader/entries/old.conf': 'an entry of another disk',
    'boot/efi/startup.nsh': '',
  };
  const prepared = async (loader: DiskSpec['loader']) => {
    const { request, warned } = requestFor({ loader });
    for (const [path, content] of Object.entries(brought)) addFile(request.tree, path, content);
    execFileSync('mkfifo', [join(request.tree, 'boot/efi/EFI/ours/pipe.efi')]);
    writeFileSync(Buffer.from(`${request.tree}/boot/efi/EFI/ours/na\xffme.efi`, 'latin1'), '');
    const files = espFiles(await prepareBoot(request));
    return { files, warned, paths: files.map(({ path }) => path) };
  };

  it('comes there, but for loaders of the same name and menus of another disk', async () => {
    const { files, warned, paths } = await prepared('systemd-boot');
    expect(paths.slice(-2)).toEqual(['EFI/ours/tool.efi', 'startup.nsh']);
    expect(paths.filter(path => /bootx64/i.test(path))).toEqual([
      'EFI/BOOT/BOOTX64.EFI',
      'EFI/systemd/systemd-bootx64.efi',
    ]);
    expect(paths.filter(path => path.startsWith('loader/entries/'))).toEqual([
      `loader/entries/ours-${VERSION}.conf`,
    ]);
    expect([textOf(files, 'EFI/BOOT/BOOTX64.EFI'), textOf(files, 'EFI/ours/tool.efi')]).toEqual([
      'systemd-boot',
      'a tool',
    ]);
    expect(warned.map(text => text.replace('/boot/efi/EFI/ours/', ''))).toEqual([
      'link.efi of the image does not come onto the ESP: it leads to /boot/efi/EFI/ours/tool.efi',
      'lost.efi of the image does not come onto the ESP: its name is no text, or it leads to nothing',
      'na\ufffdme.efi of the image does not come onto the ESP: its name is no text, or it leads to nothing',
      'pipe.efi of the image does not come onto the ESP: it is neither file nor directory',
    ]);
  });

  it('is all that is there without a loader of ours', async () => {
    const { files, paths } = await prepared('none');
    expect(paths).toEqual([
      'EFI/ours/grub.cfg',
      'EFI/ours/tool.efi',
      'efi/boot/bootx64.efi',
      'loader/entries/old.conf',
      'startup.nsh',
    ]);
    expect(textOf(files, 'EFI/ours/grub.cfg')).toBe('the menu of another disk');
  });
});

describe('programs of the image that run while its disk is made', () => {
  it('get no file of this machine onto the disk', async () => {
    const outside = join(scratch(), 'secret');
    writeFileSync(outside, 'secret of the host');
    const top = tree();
    mkdirSync(join(top, 'usr/sbin'));
    writeFileSync(join(top, 'usr/sbin/mkinitramfs'), '#!');
    const { request } = bootRequest(top, {
      spec: diskSpec({ loader: 'systemd-boot', legacyBoot: false, initrd: { kind: 'tree', options: [] } }),
      partitions: [esp, boot, root],
      run: async () => {
        rmSync(join(top, `boot/vmlinuz-${VERSION}`));
        symlinkSync(outside, join(top, `boot/vmlinuz-${VERSION}`));
        return { status: 0, output: '' };
      },
    });
    await expect(prepareBoot(request)).rejects.toThrow(
      `/boot/vmlinuz-${VERSION} of the image was replaced while the disk was made`,
    );
  });
});

describe('a disk without a loader', () => {
  it('needs no kernel', async () => {
    const spec = diskSpec({ loader: 'none', legacyBoot: true });
    const prepared = await prepareBoot(bootRequest(makeTree({ 'etc/passwd': '' }), { spec }).request);
    expect([prepared.kernel, prepared.bios, espFiles(prepared)]).toEqual([undefined, undefined, []]);
  });
});

describe('a root that grows', () => {
  it('is grown by systemd where the image has what that takes', async () => {
    const files = { 'usr/lib/systemd/systemd-growfs': '#!', 'usr/bin/systemd-repart': '#!' };
    const spec = diskSpec({ loader: 'none', grows: true });
    const prepared = await prepareBoot(bootRequest(makeTree(files), { spec }).request);
    expect(textOf(prepared.files, '/etc/repart.d/50-root.conf')).toBe('[Partition]\nType=root\n');
  });

  it('is warned about where nothing in the image does it', async () => {
    const { request, warned } = bootRequest(makeTree({ 'etc/passwd': '' }), {
      spec: diskSpec({ loader: 'none', grows: true }),
    });
    await prepareBoot(request);
    expect(warned).toEqual([
      'nothing in the image makes the root grow at its first start: it keeps its size',
    ]);
  });
});

describe('dm-verity', () => {
  it.skipIf(!has('busybox'))('leaves a BIOS without a loader, and says so', async () => {
    const files = {
      ...kernelFiles(VERSION),
      [`boot/config-${VERSION}`]: 'CONFIG_DM_INIT=y\n',
      'usr/lib/systemd/boot/efi/systemd-bootx64.efi': 'systemd-boot',
    };
    const root = { ...diskSpec().root, verity: true } as const;
    const spec = diskSpec({ loader: 'systemd-boot', legacyBoot: true, root });
    const { request, warned } = bootRequest(makeTree(files), { spec });
    expect((await prepareBoot(request)).bios).toBeUndefined();
    expect(warned).toContain('dm-verity checks the root: machines with a BIOS do not start from the disk');
  });

  it('is refused for a BIOS and for another root', async () => {
    const verity = { ...diskSpec().root, verity: true } as const;
    await expect(prepareBoot(requestFor({ root: verity, firmware: 'bios' }).request)).rejects.toThrow(
      'a root with dm-verity starts by UEFI only',
    );
    await expect(
      prepareBoot(requestFor({ root: verity, kernelCommandLine: 'root=/dev/sda1' }).request),
    ).rejects.toThrow('names another root than the one that dm-verity checks');
  });
});
