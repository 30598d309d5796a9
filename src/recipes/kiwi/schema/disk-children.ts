/** What stands in `<type>` about disks: their loader, their first start, volumes and partitions. */
import { type ElementRule, ignored, refused, type ValueForm } from './forms.ts';
import { arch, attribute, named, needed, option, value } from './rows.ts';
import { fileSystems } from './words.ts';

const fileSystem: ValueForm = { words: fileSystems };
const size: ValueForm = { pattern: /^\d+[MG]?$/, like: 'a size like 512M or 4G' };
const volumeSize: ValueForm = { pattern: /^(\d+[MG]?|all)$/, like: 'a size like 512M or 4G, or all' };

export const bootloader: ElementRule = {
  text: 'What loads the kernel.',
  attributes: {
    name: attribute(
      { words: ['grub2', 'systemd_boot', 'zipl', 'grub2_s390x_emu', 'custom'] },
      'The boot loader; `grub2` when not given.',
    ),
    timeout: attribute('integer', 'How many seconds its menu waits; 10 when not given.'),
    timeout_style: attribute({ words: ['countdown', 'hidden'] }, 'What is to be seen meanwhile.'),
    output_console: attribute('text', 'Where the menu is shown: `serial`, `gfxterm`, `console`, or `none`.'),
    input_console: attribute('text', 'Where it is answered; where it is shown when not given.'),
    serial_line: attribute('text', 'How GRUB sets up the serial line.'),
    video_mode: attribute('text', 'The resolution of the menu; `auto` when not given.'),
    bls: attribute(
      'boolean',
      'Whether entries are files of the Boot Loader Specification.',
      ignored('systemd-boot has such files, and GRUB has its entries in grub.cfg'),
    ),
    targettype: attribute('text', 'The kind of disk on s390.', ignored('loaders of s390 are not installed')),
    use_disk_password: attribute(
      'boolean',
      'Whether GRUB opens encrypted disks by itself.',
      ignored('there are no encrypted disks'),
    ),
    grub_template: attribute(
      'text',
      'A file that grub.cfg is made from.',
      ignored('grub.cfg is written without a template'),
    ),
  },
  children: {
    bootloadersettings: [
      '?',
      {
        text: 'Options of the programs that install the boot loader.',
        outcome: ignored('boot loaders are put in place without these programs'),
        children: {
          shimoption: ['*', option('An option of shim-install.')],
          installoption: ['*', option('An option of the installing program.')],
          configoption: ['*', option('An option of the configuring program.')],
          environment: [
            '?',
            {
              text: 'Variables of the environment of GRUB.',
              children: { env: ['+', option('A variable.')] },
            },
          ],
        },
      },
    ],
    securelinux: [
      '*',
      {
        text: 'What Secure Execution on s390 needs.',
        outcome: refused('disks for Secure Execution on s390 are not made'),
        attributes: {
          hkd_sign_cert: attribute('text', 'The certificate that signs host keys.'),
          hkd_ca_cert: attribute('text', 'The certificate of the authority.'),
        },
        children: {
          hkd_cert: ['*', named('A host key document.', 'Its file.')],
          hkd_revocation_list: ['*', named('A list of revoked keys.', 'Its file.')],
        },
      },
    ],
  },
};

const installTime = ignored('it is about media that install the disk, which are not made');

const ofProgram = ignored(
  'it is for the program of the image that grows the root, which finds it in /.profile',
);

export const oemconfig: ElementRule = {
  text: 'How the disk behaves when it starts for the first time.',
  children: {
    'oem-resize': [
      '?',
      value('boolean', 'Whether the root grows to the size of its disk; `true` when not given.'),
    ],
    'oem-resize-once': [
      '?',
      value('boolean', 'Whether it does so only once; `true` when not given.', ofProgram),
    ],
    'oem-swap': ['?', value('boolean', 'Whether there is a swap partition.')],
    'oem-swapsize': ['?', value('integer', 'Its size in MiB; 128 when not given.')],
    'oem-swapname': [
      '?',
      value(
        'text',
        'The name of its volume; `LVSwap` when not given.',
        ignored('swap is a partition, and no volume of LVM'),
      ),
    ],
    'oem-systemsize': ['?', value('integer', 'The size of the root in MiB.')],
    'oem-boot-title': ['?', value('text', 'The title in the boot menu.')],
    'oem-bootwait': [
      '?',
      value('boolean', 'Whether the installer waits before it starts the system.', installTime),
    ],
    'oem-multipath-scan': ['?', value('boolean', 'Whether disks are looked for on several paths.')],
    'oem-unattended': ['?', value('boolean', 'Whether the installer asks nothing.', installTime)],
    'oem-unattended-id': ['?', value('text', 'The disk that it then takes.', installTime)],
    'oem-skip-verify': ['?', value('boolean', 'Whether it does not verify the disk.', installTime)],
    'oem-device-filter': ['?', value('text', 'Disks that it does not offer.', installTime)],
    'oem-nic-filter': ['?', value('text', 'Network cards that it does not use.', installTime)],
    'oem-ramdisk-size': ['?', value('integer', 'The size of a disk in memory in MiB.', installTime)],
    'oem-reboot': ['?', value('boolean', 'Whether the machine restarts after it.', installTime)],
    'oem-reboot-interactive': ['?', value('boolean', 'Whether it asks before.', installTime)],
    'oem-shutdown': ['?', value('boolean', 'Whether the machine stops after it.', installTime)],
    'oem-shutdown-interactive': ['?', value('boolean', 'Whether it asks before.', installTime)],
    'oem-silent-boot': ['?', value('boolean', 'Whether the start says nothing.', installTime)],
    'oem-silent-install': ['?', value('boolean', 'Whether it shows no progress.', installTime)],
    'oem-silent-verify': ['?', value('boolean', 'Whether it verifies without progress.', installTime)],
    'oem-vmcp-parmfile': ['?', value('text', 'A file of parameters on s390.', installTime)],
    'oem-partition-install': ['?', value('boolean', 'Whether it installs to a partition.', installTime)],
    'oem-inplace-recovery': ['?', value('boolean', 'A system for recovery.', installTime)],
    'oem-recovery': ['?', value('boolean', 'A system for recovery.', installTime)],
    'oem-recoveryID': ['?', value('text', 'A system for recovery.', installTime)],
    'oem-recovery-part-size': ['?', value('integer', 'A system for recovery.', installTime)],
    'oem-kiwi-initrd': ['?', value('boolean', 'Whether the initrd is the one of KIWI.', installTime)],
    'oem-dataonly': ['?', value('boolean', 'Whether the disk holds data only.', installTime)],
  },
};

export const systemdisk: ElementRule = {
  text: 'Volumes of the disk.',
  attributes: {
    name: attribute('text', 'The name of the volume group; `systemVG` when not given.'),
    preferlvm: attribute('boolean', 'Whether volumes are of LVM even on btrfs.'),
  },
  children: {
    volume: [
      '*',
      {
        text: 'One of them.',
        attributes: {
          name: needed('text', 'Its name, which is its path when no other is given; `@root` is the root.'),
          parent: attribute(
            'text',
            'The subvolume that it is below.',
            ignored('subvolumes lie where they are seen in the tree'),
          ),
          size: attribute(volumeSize, 'Its size.'),
          freespace: attribute(volumeSize, 'How much is free in it.'),
          mountpoint: attribute('text', 'Where it is mounted.'),
          label: attribute('text', 'The label of its file system.', ignored('subvolumes have no labels')),
          copy_on_write: attribute(
            'boolean',
            'Whether files in it are copied when written to; `true` when not given.',
          ),
          quota: attribute(
            'text',
            'How large it may become.',
            ignored('quota are for the running system to switch on'),
          ),
          filesystem_check: attribute(
            'boolean',
            'Whether it is checked at the start.',
            ignored('subvolumes are checked with the root'),
          ),
          ...arch,
        },
      },
    ],
  },
};

export const partitions: ElementRule = {
  text: 'Further partitions.',
  children: {
    partition: [
      '*',
      {
        text: 'One of them.',
        attributes: {
          name: needed({ pattern: /^[\w.-]+$/, like: 'letters, digits, and _ . -' }, 'Its name.'),
          size: needed(size, 'Its size, in MiB where no unit says otherwise.'),
          partition_name: attribute('text', 'Its name in the table; `p.lx` and its name when not given.'),
          partition_type: attribute({ words: ['t.linux', 't.raid'] }, 'Its type in the table.'),
          mountpoint: attribute('text', 'Where it is mounted.'),
          filesystem: attribute(fileSystem, 'Its file system.'),
          label: attribute('text', 'The label of that.'),
          part_id: attribute('integer', 'Its number.'),
          clone: attribute(
            'integer',
            'How many copies of it there are.',
            refused('copies of partitions are not made'),
          ),
        },
      },
    ],
  },
};
