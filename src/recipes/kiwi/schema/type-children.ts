/** What stands in `<type>`. */
import { containerconfig } from './container-children.ts';
import { bootloader, oemconfig, partitions, systemdisk } from './disk-children.ts';
import { type Children, type ElementRule, ignored, refused } from './forms.ts';
import { attribute, needed, option, value } from './rows.ts';

const virtual = ignored('it is about virtual machines, which only the formats vmdk and ova describe');
const vagrant = refused('vagrant boxes are not made: leave format="vagrant" and <vagrantconfig> out');
const encrypted = refused('encrypted roots need the device mapper, which ashlar does without');

const initrd: ElementRule = {
  text: 'What the initrd is made of.',
  attributes: {
    action: needed(
      { words: ['add', 'omit', 'set', 'setup'] },
      'Whether parts are added, left out or all there are.',
    ),
  },
  children: {
    dracut: [
      '+',
      {
        text: 'A part that dracut knows.',
        attributes: {
          module: attribute('text', 'A module of dracut.'),
          driver: attribute('text', 'A driver.'),
          uefi: attribute('boolean', 'With `setup`: whether kernel and initrd are one EFI program.'),
        },
      },
    ],
  },
};

const machine: ElementRule = {
  text: 'A virtual machine for the disk.',
  outcome: virtual,
  attributes: Object.fromEntries(
    [
      'min_memory',
      'max_memory',
      'min_cpu',
      'max_cpu',
      'memory',
      'ncpus',
      'guestOS',
      'HWversion',
      'ovftype',
      'xen_loader',
      'domain',
      'arch',
    ].map(name => [name, attribute('text', 'A fact of it.')]),
  ),
  children: {
    'vmconfig-entry': ['*', value('lines', 'A line of its configuration.')],
    vmdisk: [
      '?',
      {
        text: 'Its disk.',
        attributes: Object.fromEntries(
          ['controller', 'device', 'diskmode', 'disktype', 'id'].map(name => [
            name,
            attribute('text', 'A fact of it.'),
          ]),
        ),
      },
    ],
    vmdvd: [
      '*',
      {
        text: 'Its drive.',
        attributes: {
          controller: attribute('text', 'A fact of it.'),
          id: attribute('text', 'A fact of it.'),
        },
      },
    ],
    vmnic: [
      '*',
      {
        text: 'Its network card.',
        attributes: Object.fromEntries(
          ['driver', 'interface', 'mac', 'mode'].map(name => [name, attribute('text', 'A fact of it.')]),
        ),
      },
    ],
  },
};

const vagrantconfig: ElementRule = {
  text: 'A vagrant box.',
  outcome: vagrant,
  attributes: {
    provider: needed({ words: ['libvirt', 'virtualbox'] }, 'What runs it.'),
    virtualsize: attribute('integer', 'The size of its disk in GB.'),
    boxname: attribute('text', 'Its name.'),
    embedded_vagrantfile: attribute('text', 'A Vagrantfile that goes into it.'),
    virtualbox_guest_additions_present: attribute('boolean', 'Whether the tree has the guest additions.'),
  },
};

export const typeChildren: Children = {
  bootloader: ['?', bootloader],
  oemconfig: ['?', oemconfig],
  size: [
    '?',
    {
      text: 'The size of the disk; what is needed when not given.',
      content: 'integer',
      attributes: {
        unit: attribute({ words: ['M', 'G'] }, 'MiB or GiB; `M` when not given.'),
        additive: attribute('boolean', 'Whether that much is added to what is needed.'),
        unpartitioned: attribute('integer', 'How much of it, in the same unit, is in no partition.'),
      },
    },
  ],
  systemdisk: ['?', systemdisk],
  partitions: ['?', partitions],
  containerconfig: ['?', containerconfig],
  initrd: ['*', initrd],
  machine: ['?', machine],
  installmedia: [
    '?',
    {
      text: 'The initrd of install media.',
      outcome: ignored('install media are not made'),
      children: { initrd: ['*', initrd] },
    },
  ],
  vagrantconfig: ['*', vagrantconfig],
  luksformat: [
    '?',
    {
      text: 'Options of LUKS.',
      outcome: encrypted,
      children: { option: ['+', option('One of them.')] },
    },
  ],
};
