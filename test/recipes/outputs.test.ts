import { describe, expect, it } from 'vitest';
import type { DiskOutput } from '../../src/plan/outputs.ts';
import { failure, layer, load, loadLayer } from './stacker/load.ts';

async function loadDisk(settings: string): Promise<DiskOutput> {
  const { outputs: [output] = [] } = await loadLayer(`outputs:\n  - disk: {${settings}}`);
  if (output?.kind !== 'disk') throw new Error(`the output is ${output?.kind}`);
  return output;
}

describe('outputs of a layer', () => {
  it('are the image alone where nothing is said', async () => {
    for (const directives of ['', 'outputs:']) {
      const image = await loadLayer(directives);
      expect(image).toMatchObject({ emit: true });
      expect(image).not.toHaveProperty('outputs');
      expect(image).not.toHaveProperty('forms');
    }
  });

  it('are forms of its layers, and files that are called as it is', async () => {
    const list =
      '[oci, squashfs, erofs, disk, tar, tar.gz, tar.xz, tar.zst, cpio, {filesystem: ext4}, {filesystem: {type: xfs}}]';
    const { emit, forms, outputs } = await loadLayer(`outputs: ${list}`);
    expect({ emit, forms }).toEqual({ emit: true, forms: ['usual', 'squashfs', 'erofs'] });
    expect(outputs?.map(({ kind, file }) => [kind, file])).toEqual([
      ['disk', 'l.raw'],
      ['archive', 'l.tar'],
      ['archive', 'l.tar.gz'],
      ['archive', 'l.tar.xz'],
      ['archive', 'l.tar.zst'],
      ['archive', 'l.cpio'],
      ['file-system', 'l.ext4'],
      ['file-system', 'l.xfs'],
    ]);
    expect(outputs?.[0]?.at).toMatchObject({ line: 3 });
  });

  it('are no image where none is named', async () => {
    expect(await loadLayer('outputs: [{cpio: }]')).toMatchObject({ emit: false, forms: [] });
    expect(await loadLayer('outputs: [cpio]\nbuild_only: true')).toMatchObject({ emit: false });
    expect(await loadLayer('outputs: [erofs]')).toMatchObject({ emit: true, forms: ['erofs'] });
  });

  it('are file systems with a label and a hash tree', async () => {
    const { outputs } = await loadLayer(
      'outputs: [{filesystem: {type: erofs, label: A, verity: true}}, {filesystem: {type: ext2, verity: no}}]',
    );
    expect(outputs).toMatchObject([
      { fileSystem: { type: 'erofs', label: 'A' }, verity: true, file: 'l.erofs', role: 'filesystem_image' },
      { fileSystem: { type: 'ext2', label: 'ROOT' }, file: 'l.ext2' },
    ]);
    expect(outputs?.[1]).not.toHaveProperty('verity');
  });

  it('are disks with the usual settings', async () => {
    for (const settings of ['', 'size:, label: ""']) {
      const { disk, setup, formats, file, role } = await loadDisk(settings);
      expect({ setup, formats, file, role }).toEqual({
        setup: [{ kind: 'machine-id' }],
        formats: [],
        file: 'l.raw',
        role: 'disk_image',
      });
      expect(disk).toMatchObject({
        architecture: 'x86_64',
        firmware: 'efi',
        loader: 'uki',
        root: { type: 'ext4', label: 'ROOT' },
        size: { kind: 'content' },
        menu: { title: 'l' },
        initrd: { kind: 'found' },
        kernelCommandLine: 'console=tty0 console=ttyS0,115200',
      });
    }
  });

  it('are disks with all that can be said of them', async () => {
    const { disk, setup, formats } = await loadDisk(
      [
        ...['filesystem: squashfs', 'firmware: uefi', 'loader: grub', 'legacy_boot: true', 'size: 1.5G'],
        ...['verity: true', 'cmdline: quiet splash', 'initrd: own', 'label: A', 'title: The System'],
        ...['hostname: box', 'root_password: $6$x', 'format: [qcow2, vhd-fixed, gce, qcow2]'],
      ].join(', '),
    );
    expect(disk).toMatchObject({
      firmware: 'uefi',
      loader: 'grub',
      legacyBoot: true,
      root: { type: 'squashfs', label: 'A', verity: true },
      size: { kind: 'fixed', bytes: 1536 << 20 },
      menu: { title: 'The System' },
      initrd: { kind: 'own' },
      kernelCommandLine: 'quiet splash',
    });
    expect(setup).toMatchObject([
      { kind: 'machine-id' },
      { kind: 'hostname', hostname: 'box' },
      { kind: 'users', users: [{ name: 'root', password: '$6$x' }] },
    ]);
    expect(formats.map(({ file }) => file)).toEqual(['l.qcow2', 'l.vhdfixed', 'l.tar.gz']);
  });

  it.each([
    ['size: +64M', { size: { kind: 'content', additional: 64 << 20 } }],
    ['size: 1048576', { size: { kind: 'fixed', bytes: 1 << 20 } }],
    ['firmware: bios', { firmware: 'bios', table: 'msdos', loader: 'grub' }],
    ['loader: none', { loader: 'none' }],
    ['initrd: tree', { initrd: { kind: 'tree' } }],
    ['hostname: box', { menu: { title: 'box' } }],
  ])('are disks with %s', async (settings, disk) => {
    expect((await loadDisk(settings)).disk).toMatchObject(disk);
  });

  it('are disks for the architecture of the layer', async () => {
    const { outputs } = await loadLayer('arch: arm64\noutputs: [disk]');
    expect(outputs).toMatchObject([{ disk: { architecture: 'aarch64' } }]);
  });

  it('take one word for a format', async () => {
    expect((await loadDisk('format: ova')).formats).toMatchObject([{ format: 'ova', file: 'l.ova' }]);
  });

  it.each([
    ['format: ova', 'firmware=efi'],
    ['format: ova, firmware: bios', 'firmware=bios'],
  ])('say to a format how the disk starts: %s', async (settings, option) => {
    expect((await loadDisk(settings)).formats).toMatchObject([{ options: [option] }]);
  });

  it('warn of what is said twice', async () => {
    const { warnings } = await load(layer('outputs: [{disk: {label: A, label: B}}]'));
    expect(warnings).toMatchObject([{ message: "'label' is given twice, the last one counts" }]);
  });
});

/** A list, what is said of it, the text that it points at, and part of the hint if there is one. */
const mistakes: readonly (readonly string[])[] = [
  ['oci', '\'outputs\' expected a list, found string: "oci"', 'oci', 'for example outputs: [oci'],
  ['{disk: }', "'outputs' expected a list, found map: ", '{disk'],
  ['[]', "'outputs' names nothing", '[]', 'there are oci, squashfs, erofs, disk'],
  ['[oic]', 'unknown output oic', 'oic', 'did you mean "oci"?'],
  ['[ext4]', 'unknown output ext4', 'ext4', 'write filesystem: ext4'],
  ['[qcow2]', 'unknown output qcow2', 'qcow2', 'write disk: {format: qcow2}'],
  ['[raw]', 'unknown output raw', 'raw', 'write disk'],
  ['[x-y-z]', 'unknown output x-y-z', 'x-y-z', 'there are oci'],
  ['[{dsk: {}}]', 'unknown output dsk', 'dsk', 'did you mean "disk"?'],
  ['[5]', "an entry of 'outputs' expected a word, or a map of one word and its settings, found int: 5", '5'],
  ['[{disk: , tar: }]', "an entry of 'outputs' expected a word, or a map of one word", '{disk'],
  ['[{}]', "an entry of 'outputs' expected a word, or a map of one word", '{}'],
  ['[oci, oci]', "'oci' is given twice in 'outputs'", 'oci]'],
  ['[disk, {disk: {size: 4G}}]', "'disk' is given twice in 'outputs'", 'disk: {'],
  ['[{filesystem: xfs}, {filesystem: {type: xfs}}]', "'filesystem: xfs' is given twice", 'filesystem: {'],
  ['[{oci: {a: b}}]', '\'oci\' has no settings: {"a": "b"}', '{a', 'write it alone: - oci'],
  ['[{tar.gz: 9}]', "'tar.gz' has no settings: 9", '9', 'write it alone: - tar.gz'],
  ['[{disk: big}]', '\'disk\' expected a map of settings, found string: "big"', 'big'],
  ['[{disk: {sice: 4G}}]', "unknown setting sice of 'disk'", 'sice', 'did you mean "size"?'],
  ['[{disk: {colour: red}}]', "unknown setting colour of 'disk'", 'colour', 'there are filesystem, firmware'],
  ['[{disk: {size: big}}]', '\'disk.size\' expected a size like 4G or +1G, found string: "big"', 'big'],
  ['[{disk: {size: [4G]}}]', "'disk.size' expected a size like 4G or +1G, found list", '[4G'],
  ['[{disk: {size: 99999999T}}]', "'disk.size' expected a size", '99999999T'],
  ['[{disk: {verity: 1}}]', "'disk.verity' expected true or false, found int: 1", '1}'],
  ['[{disk: {legacy_boot: maybe}}]', "'disk.legacy_boot' expected true or false", 'maybe'],
  ['[{disk: {cmdline: [quiet]}}]', "'disk.cmdline' expected text, found list", '[quiet'],
  [
    '[{disk: {filesystem: ntfs}}]',
    "'disk.filesystem' expected one of ext4, btrfs, xfs, squashfs, erofs",
    'ntfs',
  ],
  ['[{disk: {filesystem: exf4}}]', "'disk.filesystem' expected one of", 'exf4', 'did you mean "ext4"?'],
  ['[{disk: {firmware: elf}}]', "'disk.firmware' expected one of efi, uefi, bios", 'elf'],
  ['[{disk: {loader: lilo}}]', "'disk.loader' expected one of uki, grub, systemd-boot, none", 'lilo'],
  ['[{disk: {initrd: {}}}]', "'disk.initrd' expected one of found, own, tree, found map", '{}'],
  ['[{disk: {format: [qcow2, qcow]}}]', "'disk.format' expected one of qcow2, vmdk", 'qcow]', 'did you mean'],
  ['[filesystem]', "'filesystem' does not say which", 'filesystem', 'for example filesystem: ext4'],
  ['[{filesystem: {label: A}}]', "'filesystem' does not say which", '{label'],
  ['[{filesystem: fat}]', "'filesystem' expected one of ext4", 'fat'],
  ['[{filesystem: {type: ext4, size: 4G}}]', "unknown setting size of 'filesystem'", 'size'],
];

describe('a mistake in outputs', () => {
  it.each(mistakes)('is found in %s', async (list = '', message = '', at = '', hint = '') => {
    const text = layer(`outputs: ${list}`);
    const { error } = await failure(text);
    expect(error.message).toContain(message);
    const line = text.split('\n').findIndex(one => one.includes('outputs:'));
    const column = text.split('\n')[line]?.indexOf(at, '  outputs: '.length) ?? -1;
    expect(error.at).toMatchObject({ line: line + 1, column: column + 1 });
    expect(error.hint ?? '').toContain(hint);
  });

  it('is that a layer is to be an image, and build_only', async () => {
    const { error } = await failure(layer('build_only: true\noutputs: [cpio, squashfs]'));
    expect(error.message).toBe("a 'build_only' layer is no image of the output, as its 'outputs' say");
    expect(error.at).toMatchObject({ line: 4, column: 12 });
  });
});
