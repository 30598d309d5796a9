import { describe, expect, it } from 'vitest';
import { formatOptions } from '../../../../src/disk/index.ts';
import type { DiskOutput, DiskSpec } from '../../../../src/plan/outputs.ts';
import { diskSpec } from '../../../../src/recipes/kiwi/plan/disk.ts';
import { built, describedIn, imageCalled, preferences, stepCalled } from './support.ts';

const MB = 1 << 20;

async function specOf(attributes: string, children = ''): Promise<DiskSpec> {
  const type = `<type image="oem" ${attributes}>${children}</type>`;
  return diskSpec(await describedIn({ elements: [preferences(type)] }));
}

async function outputOf(attributes: string, children = ''): Promise<DiskOutput> {
  const type = `<type image="oem" filesystem="ext4" ${attributes}>${children}</type>`;
  const plan = await built({ elements: [preferences(type)] });
  const output = imageCalled(plan, 'n result').outputs?.find(({ kind }) => kind === 'disk');
  if (output?.kind !== 'disk') throw new Error('there is no disk');
  return output;
}

describe('the disk of a description', () => {
  it('has the defaults of KIWI', async () => {
    expect(await specOf('filesystem="ext4"')).toEqual({
      architecture: 'x86_64',
      table: 'msdos',
      firmware: 'bios',
      legacyBoot: false,
      loader: 'grub',
      root: { type: 'ext4', label: 'ROOT', createOptions: [] },
      partitions: [],
      size: { kind: 'content', additional: 0 },
      unpartitioned: 0,
      kernelCommandLine: '',
      identifiedBy: 'uuid',
      initrd: { kind: 'found', options: ['--omit', 'multipath'] },
      menu: { title: 'n [ OEM ]', timeout: 10, inputs: [], outputs: [], settings: {} },
      grows: true,
      firstSector: 2048,
      sectorSize: 512,
      numbers: {},
      hybridMbr: false,
      tellsNumbers: true,
    });
  });

  it('keeps the changes of a read-only root on a partition of its own, or in memory', async () => {
    const overlay = 'filesystem="xfs" overlayroot="true" overlayroot_readonly_partsize="500"';
    const MIB = 2 ** 20;
    const keeper = {
      name: 'changes',
      partitionName: 'p.lxroot',
      partitionType: 'linux',
      size: 1024 * MIB,
      fileSystem: { type: 'xfs', label: 'ROOT', createOptions: [] },
      last: true,
    };
    expect(await specOf(overlay)).toMatchObject({
      root: { type: 'squashfs', size: 500 * MIB, overlay: true, changesIn: 'changes' },
      boot: { type: 'xfs' },
      partitions: [keeper],
    });
    const sized = await specOf(
      overlay,
      '<oemconfig><oem-resize>false</oem-resize><oem-systemsize>300</oem-systemsize></oemconfig>',
    );
    expect(sized.partitions).toEqual([{ ...keeper, size: 300 * MIB }]);
    expect((await specOf(overlay, '<size>900</size>')).partitions).toMatchObject([{ size: 64 * MIB }]);
    const { root, partitions } = await specOf(`${overlay} overlayroot_write_partition="false"`);
    expect(root.changesIn).toBeUndefined();
    expect(partitions).toEqual([]);
  });

  it('starts with a BIOS too, unless it is not to', async () => {
    expect(await specOf('filesystem="xfs" firmware="uefi"')).toMatchObject({
      table: 'gpt',
      legacyBoot: true,
    });
    expect(await specOf('filesystem="xfs" firmware="uefi" eficsm="false"')).toMatchObject({
      legacyBoot: false,
    });
    expect(await specOf('filesystem="xfs" firmware="efi" efiparttable="msdos"')).toMatchObject({
      table: 'msdos',
      legacyBoot: false,
    });
    expect(await specOf('filesystem="xfs" firmware="efi" force_mbr="true"')).toMatchObject({
      table: 'msdos',
      firmware: 'efi',
    });
  });

  it('has the partitions that are asked for', async () => {
    const spec = await specOf(
      'filesystem="ext4" firmware="uefi" efipartsize="64" bootpartition="true" bootfilesystem="ext2" spare_part="10" spare_part_mountpoint="/spare" spare_part_fs="xfs"',
      '<oemconfig><oem-swap>true</oem-swap></oemconfig><partitions><partition name="var" size="1G" mountpoint="/var" filesystem="ext3"/></partitions>',
    );
    expect(spec.espSize).toBe(64 * MB);
    expect(spec.boot).toEqual({ type: 'ext2', label: 'BOOT', createOptions: [], size: 300 * MB });
    expect(spec.swap).toEqual({ size: 128 * MB, label: 'SWAP' });
    expect(spec.partitions).toEqual([
      {
        name: 'var',
        partitionName: 'p.lxvar',
        partitionType: 'linux',
        size: 1024 * MB,
        mountPoint: '/var',
        fileSystem: { type: 'ext3', label: 'VAR', createOptions: [] },
      },
      {
        name: 'spare',
        partitionName: 'p.spare',
        partitionType: 'linux',
        size: 10 * MB,
        mountPoint: '/spare',
        fileSystem: { type: 'xfs', label: 'SPARE', createOptions: [] },
      },
    ]);
  });

  it.each([
    ['512', 512],
    ['512M', 512],
    ['4G', 4096],
  ])('has a spare partition of the size %s', async (size, megabytes) => {
    const { partitions } = await specOf(`filesystem="ext4" spare_part="${size}"`);
    expect(partitions).toMatchObject([{ name: 'spare', size: megabytes * MB }]);
  });

  it('has the size that is asked for, or what is added to its content', async () => {
    const size = (text: string) => specOf('filesystem="ext4"', text);
    expect(await size('<size unit="G">2</size>')).toMatchObject({
      size: { kind: 'fixed', bytes: 2048 * MB },
    });
    expect(await size('<size unit="M" additive="true" unpartitioned="100">500</size>')).toMatchObject({
      size: { kind: 'content', additional: 400 * MB },
      unpartitioned: 100 * MB,
    });
  });

  it('gives the root a size of its own only where it does not grow', async () => {
    const oem = (resize: boolean) =>
      specOf(
        'filesystem="ext4"',
        `<oemconfig><oem-systemsize>900</oem-systemsize><oem-resize>${resize}</oem-resize></oemconfig>`,
      );
    expect(await oem(false)).toMatchObject({ grows: false, root: { size: 900 * MB } });
    expect((await oem(true)).root.size).toBeUndefined();
  });

  it('makes volumes of btrfs subvolumes', async () => {
    const volumes =
      '<systemdisk><volume name="@root"/><volume name="home"/><volume name="data" mountpoint="/srv/data" copy_on_write="false"/></systemdisk>';
    expect((await specOf('filesystem="btrfs"', volumes)).root.subvolumes).toEqual([
      { path: '/home', copyOnWrite: true },
      { path: '/srv/data', copyOnWrite: false },
    ]);
  });

  it('shows a menu as the loader is asked to', async () => {
    const { menu, loader } = await specOf(
      'filesystem="ext4" kernelcmdline="quiet"',
      '<bootloader name="grub2" timeout="3" timeout_style="hidden" output_console="serial console" serial_line="serial --speed=9600"/>',
    );
    expect(loader).toBe('grub');
    expect(menu).toEqual({
      title: 'n [ OEM ]',
      timeout: 3,
      timeoutStyle: 'hidden',
      inputs: ['serial', 'console'],
      outputs: ['serial', 'console'],
      serialLine: '--speed=9600',
      settings: {},
    });
  });

  it('has a kernel image in one file where the initrd is to be one', async () => {
    const loader = '<bootloader name="systemd_boot"/>';
    expect((await specOf('filesystem="ext4" firmware="uefi"', loader)).loader).toBe('systemd-boot');
    const uki = `${loader}<initrd action="setup"><dracut uefi="true"/></initrd>`;
    expect((await specOf('filesystem="ext4" firmware="uefi"', uki)).loader).toBe('uki');
  });

  it('lets the tree make the initrd only where that is asked for', async () => {
    expect((await specOf('filesystem="ext4" initrd_system="dracut"')).initrd.kind).toBe('tree');
    const modules = '<initrd action="add"><dracut module="lvm"/><dracut driver="virtio"/></initrd>';
    expect((await specOf('filesystem="ext4"', modules)).initrd).toEqual({
      kind: 'tree',
      options: ['--add', 'lvm', '--add-drivers', 'virtio', '--omit', 'multipath'],
    });
  });

  it.each([
    ['filesystem="ext4"', 1],
    ['filesystem="ext4" firmware="uefi"', 3],
    ['filesystem="ext4" firmware="uefi" eficsm="false"', 2],
    ['filesystem="ext4" firmware="uefi" bootpartition="true"', 3],
    ['filesystem="ext4" firmware="uefi" rootpart_id="2"', 2],
    ['filesystem="ext4" firmware="uefi" efipart_id="1"', 3],
    ['filesystem="ext4" firmware="uefi" efipart_id="3"', 2],
  ])('tells scripts which partition has /boot: %s', async (attributes, number) => {
    const type = `<type image="oem" editbootconfig="edit.sh" ${attributes}/>`;
    const plan = await built({ elements: [preferences(type)], files: { 'edit.sh': '' } });
    const { script } = stepCalled(imageCalled(plan, 'n result').steps, 'run', 'editbootconfig');
    expect(script).toContain(` /image/edit_boot_config.sh 'ext4' '${number}'\n`);
  });

  it.each([
    ['qcow2', 'qcow2', 'qcow2'],
    ['vhd-fixed', 'vhd-fixed', 'vhdfixed'],
    ['gce', 'gce', 'tar.gz'],
  ])('is handed out as %s', async (format, made, suffix) => {
    const output = await outputOf(`format="${format}" formatoptions="a=1,b=2"`);
    expect(output).toMatchObject({ file: 'n.x86_64-1.2.3.raw', role: 'disk_image' });
    expect(output.formats).toEqual([
      { format: made, options: ['a=1', 'b=2'], file: `n.x86_64-1.2.3.${suffix}`, role: 'disk_format_image' },
    ]);
  });

  it.each([
    ['oci:qcow2', 'n.x86_64-1.2.3.qcow2', 'n.x86_64-1.2.3.oci.tar', ['n.x86_64-1.2.3.qcow2']],
    ['docker:raw', 'n.x86_64-1.2.3.raw', 'n.x86_64-1.2.3.docker.tar', []],
  ])('is put into a container: %s', async (format, disk, file, formats) => {
    const config =
      '<containerconfig name="box" tag="2" additionalnames=":3"><labels><label name="a" value="b"/></labels></containerconfig>';
    const output = await outputOf(`format="${format}"`, config);
    expect(output.formats.map(one => one.file)).toEqual(formats);
    expect(output.containers).toEqual([
      {
        format: format.replace(/:.*/, ''),
        disk,
        names: ['box:2', 'box:3'],
        labels: { a: 'b' },
        createdBy: 'kiwi n',
        file,
        role: 'container',
      },
    ]);
    await expect(outputOf(`format="${format}" derived_from="docker://a.example/b"`)).rejects.toThrow(
      'ashlar puts a disk into a container of its own',
    );
  });

  it('describes a machine for every vmdk', async () => {
    expect((await outputOf('format="vmdk"')).formats).toMatchObject([
      { format: 'vmdk', options: [] },
      { format: 'vmx', options: ['name=n', 'firmware=bios', 'disk=n.x86_64-1.2.3.vmdk'] },
    ]);
  });

  it('says in an ova how the machine starts', async () => {
    expect((await outputOf('format="ova" firmware="uefi"')).formats).toMatchObject([
      { format: 'ova', options: ['name=n', 'firmware=efi'] },
    ]);
  });

  it.each(['qcow2', 'vmdk', 'vdi', 'vhd', 'vhd-fixed', 'vhdx', 'ova', 'gce'])(
    'asks of %s what can be',
    async format => {
      const machine =
        '<machine memory="512" ncpus="2" guestOS="suse"><vmdisk controller="pvscsi" diskmode="streamOptimized"/></machine>';
      for (const more of ['', machine])
        for (const one of (await outputOf(`format="${format}"`, more)).formats)
          expect([...formatOptions(one).keys()]).toEqual(one.options.map(word => word.replace(/=.*/, '')));
    },
  );

  it('knows controllers that only VMware has', async () => {
    const disk = (attributes: string) =>
      outputOf('format="vmdk"', `<machine><vmdisk ${attributes}/></machine>`);
    expect((await disk('controller="pvscsi"')).formats).toMatchObject([
      { format: 'vmdk', options: ['adapter_type=lsilogic'] },
      { format: 'vmx', options: expect.arrayContaining(['adapter_type=pvscsi']) },
    ]);
    await expect(disk('controller="floppy"')).rejects.toThrow(
      'controller of <vmdisk>: ashlar does not know floppy',
    );
    await expect(disk('diskmode="monolithicFlat"')).rejects.toThrow('does not know monolithicFlat');
  });

  it('describes the machine of a vmdk', async () => {
    const machine = '<machine memory="512" guestOS="suse"><vmdisk controller="lsilogic" id="0"/></machine>';
    expect((await outputOf('format="vmdk"', machine)).formats).toEqual([
      expect.objectContaining({ format: 'vmdk', options: ['adapter_type=lsilogic'] }),
      {
        format: 'vmx',
        options: [
          'name=n',
          'memory=512',
          'guest=suse',
          'adapter_type=lsilogic',
          'firmware=bios',
          'disk=n.x86_64-1.2.3.vmdk',
        ],
        file: 'n.x86_64-1.2.3.vmx',
        role: 'disk_format_machine_settings',
      },
    ]);
  });
});
