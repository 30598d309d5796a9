/** Texts that describe a virtual machine for a disk: VMware's .vmx, and OVF (DMTF DSP0243 1.1). */

export interface Machine {
  readonly name: string;
  /** File name of its disk. */
  readonly disk: string;
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  /** VMware's name of the operating system. */
  readonly guest: string;
  readonly adapter: string;
  readonly firmware: 'bios' | 'efi';
}

/** What options say of a machine, and usual values for the rest. */
export function machineOf(options: ReadonlyMap<string, string>, usualDisk: string): Machine {
  const disk = options.get('disk') ?? usualDisk;
  return {
    name: options.get('name') ?? disk.replace(/\.vmdk$/, ''),
    disk,
    memory: Number(options.get('memory') ?? 1024),
    cpus: Number(options.get('cpus') ?? 1),
    guest: options.get('guest') ?? 'otherlinux-64',
    adapter: options.get('adapter_type') ?? 'lsilogic',
    firmware: options.get('firmware') === 'bios' ? 'bios' : 'efi',
  };
}

export function vmxText({ name, disk, memory, cpus, guest, adapter, firmware }: Machine): string {
  const isIde = adapter === 'ide';
  const lines: readonly (readonly [string, string | number])[] = [
    ['.encoding', 'UTF-8'],
    ['config.version', 8],
    ['virtualHW.version', 10],
    ['displayName', name],
    ['guestOS', guest],
    ['firmware', firmware],
    ['memsize', memory],
    ['numvcpus', cpus],
    ...(isIde
      ? []
      : ([
          ['scsi0.present', 'TRUE'],
          ['scsi0.virtualDev', adapter === 'legacyESX' ? 'buslogic' : adapter],
        ] as const)),
    [`${isIde ? 'ide0:0' : 'scsi0:0'}.present`, 'TRUE'],
    [`${isIde ? 'ide0:0' : 'scsi0:0'}.fileName`, disk],
    ['ethernet0.present', 'TRUE'],
    ['ethernet0.connectionType', 'nat'],
    ['ethernet0.virtualDev', 'e1000'],
    ['pciBridge0.present', 'TRUE'],
  ];
  return lines.map(([key, value]) => `${key} = "${value}"\n`).join('');
}

/** Numbers of CIM_OperatingSystem by the beginning of VMware's names, for 32 and for 64 bits. */
const GUESTS: readonly (readonly [start: string, narrow: number, wide: number])[] = [
  ['rhel', 79, 80],
  ['opensuse', 82, 83],
  ['suse', 82, 83],
  ['sles', 84, 85],
  ['ubuntu', 93, 94],
  ['debian', 95, 96],
  ['centos', 106, 107],
  // Any Linux.
  ['', 36, 101],
];

function guestNumber(guest: string): number {
  const name = guest.toLowerCase();
  const [, narrow = 36, wide = 101] = GUESTS.find(([start]) => name.startsWith(start)) ?? [];
  return name.endsWith('-64') ? wide : narrow;
}

/** `capacity`: bytes of the disk; `size`: of its file. */
export function ovfText(machine: Machine, capacity: number, size: number): string {
  const { name, disk, memory, cpus, guest, firmware } = machine;
  const item = (...pairs: readonly (readonly [string, string | number])[]) => [
    '      <Item>',
    ...pairs.map(([key, value]) => `        <rasd:${key}>${value}</rasd:${key}>`),
    '      </Item>',
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"',
    '    xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"',
    '    xmlns:vmw="http://www.vmware.com/schema/ovf"',
    '    xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"',
    '    xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">',
    '  <References>',
    `    <File ovf:id="file1" ovf:href="${disk}" ovf:size="${size}"/>`,
    '  </References>',
    '  <DiskSection>',
    '    <Info>Virtual disks</Info>',
    `    <Disk ovf:diskId="disk1" ovf:fileRef="file1" ovf:capacity="${capacity}"`,
    '        ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>',
    '  </DiskSection>',
    '  <NetworkSection>',
    '    <Info>Networks</Info>',
    '    <Network ovf:name="nat"><Description>The network of the host</Description></Network>',
    '  </NetworkSection>',
    `  <VirtualSystem ovf:id="${name}">`,
    '    <Info>A virtual machine</Info>',
    `    <Name>${name}</Name>`,
    `    <OperatingSystemSection ovf:id="${guestNumber(guest)}">`,
    '      <Info>The operating system</Info>',
    `      <Description>${guest}</Description>`,
    '    </OperatingSystemSection>',
    '    <VirtualHardwareSection>',
    '      <Info>Virtual hardware</Info>',
    '      <System>',
    '        <vssd:ElementName>Virtual hardware</vssd:ElementName>',
    '        <vssd:InstanceID>0</vssd:InstanceID>',
    `        <vssd:VirtualSystemIdentifier>${name}</vssd:VirtualSystemIdentifier>`,
    '        <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>',
    '      </System>',
    ...item(['ElementName', 'Processors'], ['InstanceID', 1], ['ResourceType', 3], ['VirtualQuantity', cpus]),
    ...item(
      ['AllocationUnits', 'byte * 2^20'],
      ['ElementName', 'Memory'],
      ['InstanceID', 2],
      ['ResourceType', 4],
      ['VirtualQuantity', memory],
    ),
    ...item(
      ['Address', 0],
      ['ElementName', 'SCSI controller'],
      ['InstanceID', 3],
      ['ResourceSubType', 'lsilogic'],
      ['ResourceType', 6],
    ),
    ...item(
      ['AddressOnParent', 0],
      ['ElementName', 'Disk'],
      ['HostResource', 'ovf:/disk/disk1'],
      ['InstanceID', 4],
      ['Parent', 3],
      ['ResourceType', 17],
    ),
    ...item(
      ['AddressOnParent', 1],
      ['AutomaticAllocation', 'true'],
      ['Connection', 'nat'],
      ['ElementName', 'Network'],
      ['InstanceID', 5],
      ['ResourceSubType', 'E1000'],
      ['ResourceType', 10],
    ),
    // A BIOS is what nobody has to ask for.
    ...(firmware === 'efi'
      ? ['      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>']
      : []),
    '    </VirtualHardwareSection>',
    '  </VirtualSystem>',
    '</Envelope>',
    '',
  ].join('\n');
}
