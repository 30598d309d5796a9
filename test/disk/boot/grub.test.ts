import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootCode } from '../../../src/disk/boot/bios.ts';
import { earlyConfig, grubConfig } from '../../../src/disk/boot/grub-config.ts';
import { grubDefaults } from '../../../src/disk/boot/grub-defaults.ts';
import { signedChain } from '../../../src/disk/boot/signed-chain.ts';
import type { BootMenu } from '../../../src/disk/types.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';
import { makeTree, textOf } from './trees.ts';

const menu: BootMenu = { title: 'Test [ OEM ]', timeout: 10, inputs: [], outputs: [], settings: {} };
const place = { directory: '/boot/grub', search: { kind: 'uuid', uuid: '1234-ABCD' } } as const;
const made = { menu, commandLine: '', findsRoot: true };
const entry = { kernel: '/boot/vmlinuz-6.1', initrd: '/boot/initrd-6.1', commandLine: 'root=UUID=1 quiet' };

function isGrubScript(text: string): boolean {
  const file = join(scratch(), 'grub.cfg');
  writeFileSync(file, text);
  return spawnSync('grub-script-check', [file]).status === 0;
}

describe('the menu of GRUB', () => {
  it('has one entry, which finds its file system by UUID', () => {
    expect(grubConfig(menu, place, entry)).toBe(
      [
        '# Written when this disk was made. Where the system has grub-mkconfig, its updates write this anew.',
        'search --no-floppy --fs-uuid --set=root 1234-ABCD',
        'set default=0',
        'set timeout=10',
        "menuentry 'Test [ OEM ]' --class gnu-linux --class os {",
        '  search --no-floppy --fs-uuid --set=root 1234-ABCD',
        '  linux /boot/vmlinuz-6.1 root=UUID=1 quiet',
        '  initrd /boot/initrd-6.1',
        '}',
        '',
      ].join('\n'),
    );
  });

  it('sets up the consoles that are asked for', () => {
    const text = grubConfig(
      { ...menu, inputs: ['serial', 'console'], outputs: ['gfxterm'], timeoutStyle: 'hidden' },
      place,
      entry,
    );
    expect(text).toContain(
      'set timeout_style=hidden\nserial --unit=0 --speed=115200\nterminal_input serial console\n',
    );
    expect(text).toContain(
      'if loadfont ($root)/boot/grub/fonts/unicode.pf2; then\n  set gfxmode=auto\n  terminal_output gfxterm\nfi',
    );
    const serialLine = '--speed=9600 --unit=1';
    expect(grubConfig({ ...menu, serialLine }, place, entry)).toContain('\nserial --speed=9600 --unit=1\n');
    expect(grubDefaults('', { ...made, menu: { ...menu, serialLine } })).toContain(
      '\nGRUB_SERIAL_COMMAND="serial --speed=9600 --unit=1"\n',
    );
  });

  it('keeps words with blanks together, without the quotes that GRUB adds itself', () => {
    const text = grubConfig(menu, place, {
      ...entry,
      commandLine: 'dm-mod.create="root,,,ro,0 8 verity" $HOME;ls',
    });
    expect(text).toContain("linux /boot/vmlinuz-6.1 'dm-mod.create=root,,,ro,0 8 verity' '$HOME;ls'\n");
  });

  it.skipIf(!has('grub-script-check'))('is a script of GRUB, whatever title and command line are', () => {
    expect(isGrubScript("menuentry 'open {")).toBe(false);
    const line = fc.string({ unit: 'grapheme-ascii', maxLength: 30 });
    fc.assert(
      fc.property(line, line, (title, commandLine) =>
        isGrubScript(grubConfig({ ...menu, title }, place, { ...entry, commandLine })),
      ),
      { numRuns: 25, examples: [["it's a \\ $title", 'a="b c" d=\'e f\' "open']] },
    );
  });

  it.skipIf(!has('grub-script-check'))('is led to by commands that GRUB knows before it is whole', () => {
    expect(earlyConfig(place)).toBe(
      'search.fs_uuid 1234-ABCD root\nset prefix=($root)/boot/grub\nconfigfile ($root)/boot/grub/grub.cfg\n',
    );
    const byFile = earlyConfig({ ...place, search: { kind: 'file', path: '/boot/disk-1' } });
    expect(byFile).toContain('search.file /boot/disk-1 root\n');
    expect(isGrubScript(earlyConfig(place))).toBe(true);
  });
});

describe('/etc/default/grub', () => {
  it('is filled in, and keeps what it does not concern', () => {
    const before =
      '# Ours\nGRUB_TIMEOUT=5\nGRUB_DISABLE_OS_PROBER=true\nGRUB_DEFAULT=0\n#GRUB_TERMINAL_INPUT=console\n';
    const after = grubDefaults(before, {
      menu: {
        ...menu,
        title: 'Ours $1 "x"',
        inputs: ['serial'],
        settings: { GRUB_THEME: '/boot/grub/themes/a' },
      },
      commandLine: 'quiet root=UUID=1 splash',
      findsRoot: true,
    });
    expect(after).toBe(
      [
        '# Ours',
        'GRUB_TIMEOUT="10"',
        'GRUB_DISABLE_OS_PROBER=true',
        'GRUB_DEFAULT=0',
        '#GRUB_TERMINAL_INPUT=console',
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"',
        'GRUB_DISABLE_LINUX_UUID="false"',
        'GRUB_TERMINAL_INPUT="serial"',
        'GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"',
        'GRUB_DISTRIBUTOR="Ours \\$1 \\"x\\""',
        'GRUB_THEME="/boot/grub/themes/a"',
        '',
      ].join('\n'),
    );
  });

  it('says how the root is named where no program finds that by itself, and forgets that of another disk', () => {
    const before = 'GRUB_CMDLINE_LINUX="console=tty1 root=UUID=of-another-disk"\n';
    const valuesOf = (commandLine: string, findsRoot: boolean, text = before) => {
      const after = grubDefaults(text, { menu, commandLine, findsRoot });
      const script = `${after}printf '%s|' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" "$GRUB_DISABLE_LINUX_UUID"`;
      return execFileSync('sh', ['-c', script], { encoding: 'utf8' });
    };
    expect(valuesOf('quiet root=LABEL=ROOT', false)).toBe('root=LABEL=ROOT console=tty1|quiet||');
    expect(valuesOf('a=1 root=overlay:PARTUUID=1-2 b', false)).toBe(
      'root=overlay:PARTUUID=1-2 console=tty1|a=1 b||',
    );
    expect(valuesOf('quiet root=LABEL=ROOT', false, '')).toBe('root=LABEL=ROOT|quiet||');
    expect(valuesOf('quiet root=UUID=1', true)).toBe('console=tty1|quiet|false|');
    expect(valuesOf('quiet root=UUID=1', true, 'GRUB_CMDLINE_LINUX="console=tty1"\n')).toBe(
      'console=tty1|quiet|false|',
    );
  });

  it.each([
    ['GRUB_CMDLINE_LINUX="console=ttyS0 net.ifnames=0"', 'console=ttyS0 net.ifnames=0'],
    [`GRUB_CMDLINE_LINUX='a root=/dev/sda1 b="c d"' # ours`, 'a b="c d"'],
    ['GRUB_CMDLINE_LINUX=root=/dev/sda1', ''],
    ['GRUB_CMDLINE_LINUX=""', ''],
    ['GRUB_CMDLINE_LINUX="root=\\"UUID=1\\" rd.root=kept $MORE"', 'rd.root=kept of the machine'],
    ['GRUB_CMDLINE_LINUX="a\nb"', 'a\nb'],
    ['GRUB_CMDLINE_LINUX="a root=1"\nGRUB_CMDLINE_LINUX+=" root=2 b"', 'a b'],
    ['GRUB_CMDLINE_LINUX="a root=1"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b"', 'a b'],
  ])('keeps what else kernels are told, in each way of writing it: %s', (before, kept) => {
    const optionsOf = (findsRoot: boolean) => {
      const after = grubDefaults(`${before}\n`, { menu, commandLine: 'root=LABEL=R', findsRoot });
      const script = `MORE='of the machine'\n${after}printf %s "$GRUB_CMDLINE_LINUX"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' });
    };
    expect(optionsOf(true)).toBe(kept);
    expect(optionsOf(false)).toBe(kept === '' ? 'root=LABEL=R' : `root=LABEL=R ${kept}`);
  });

  it('means to a shell what was put in', () => {
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });
    fc.assert(
      fc.property(value, text => {
        const script = `${grubDefaults('', { ...made, menu: { ...menu, title: text } })}printf %s "$GRUB_DISTRIBUTOR"`;
        return execFileSync('sh', ['-c', script], { encoding: 'utf8' }) === text;
      }),
      { numRuns: 25, examples: [['`id` $(id) \\ "\'']] },
    );
  });
});

describe('the code for a BIOS', () => {
  const sector = Buffer.alloc(512, 0xaa);
  const core = Buffer.alloc(1000, 0xbb);

  it('leads from the first sector to GRUB, wherever that is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), at => {
        const code = bootCode({ sector, core }, at, 4096);
        const [first, second] = [Buffer.from(code.first), Buffer.from(code.core)];
        expect(first.length).toBe(440);
        expect(first.readBigUInt64LE(0x5c)).toBe(BigInt(at));
        expect(first.readUInt16BE(0x66)).toBe(0x9090);
        expect(second.length).toBe(1024);
        expect(second.readBigUInt64LE(0x1f4)).toBe(BigInt(at + 1));
        expect([second.readUInt16LE(0x1fc), second.readUInt16LE(0x1fe)]).toEqual([1, 0x820]);
      }),
    );
  });

  it('leaves boot.img and core.img as they are elsewhere', () => {
    const code = bootCode({ sector, core }, 2048, 4096);
    expect([...code.first.subarray(0, 0x5c)].every(byte => byte === 0xaa)).toBe(true);
    expect([...code.first.subarray(0x68)].every(byte => byte === 0xaa)).toBe(true);
    expect([...code.core.subarray(512, 1000)].every(byte => byte === 0xbb)).toBe(true);
    expect([...code.core.subarray(1000)].every(byte => byte === 0)).toBe(true);
  });

  it('is refused where there is no room', () => {
    expect(() => bootCode({ sector, core }, 1, 1)).toThrow(
      'GRUB takes 2 sectors, and there are 1 before the first partition',
    );
  });
});

describe('the chain of signed loaders', () => {
  const early = 'configfile /grub.cfg\n';
  const grub = 'MZ\0/EFI/debian\0search\0EFI/Debian\0x\0EFI/BOOT\0';

  it('is taken from the places of Debian, with a menu where that GRUB looks for it', () => {
    const tree = makeTree({
      'usr/lib/shim/shimx64.efi.signed': 'shim',
      'usr/lib/shim/mmx64.efi.signed': 'keys',
      'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': grub,
    });
    const files = signedChain(tree, 'x86_64', early) ?? [];
    expect(files.map(({ path }) => path)).toEqual([
      'EFI/BOOT/BOOTX64.EFI',
      'EFI/BOOT/grubx64.efi',
      'EFI/BOOT/mmx64.efi',
      'EFI/BOOT/grub.cfg',
      'EFI/debian/grub.cfg',
    ]);
    expect(['EFI/BOOT/BOOTX64.EFI', 'EFI/debian/grub.cfg'].map(path => textOf(files, path))).toEqual([
      'shim',
      early,
    ]);
  });

  it('is taken from the places of SUSE and Fedora', () => {
    const suse = makeTree({
      'usr/share/efi/x86_64/shim.efi': 'shim',
      'usr/share/efi/x86_64/grub.efi': grub,
      'usr/share/efi/x86_64/MokManager.efi': 'keys',
    });
    expect(textOf(signedChain(suse, 'x86_64', early) ?? [], 'EFI/BOOT/mmx64.efi')).toBe('keys');
    const fedora = makeTree({
      'boot/efi/EFI/fedora/shimx64.efi': 'shim',
      'boot/efi/EFI/fedora/grubx64.efi': grub,
    });
    expect(textOf(signedChain(fedora, 'x86_64', early) ?? [], 'EFI/BOOT/BOOTX64.EFI')).toBe('shim');
  });

  it('is not there where a part is missing', () => {
    expect(
      signedChain(makeTree({ 'usr/lib/shim/shimx64.efi.signed': 'shim' }), 'x86_64', early),
    ).toBeUndefined();
  });
});
