import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idsOf } from '../../src/disk/ids.ts';
import { bootPartitionNumber, type Layout, layOut, planDisk } from '../../src/disk/layout.ts';
import { partitionNumbers } from '../../src/disk/partition-numbers.ts';
import { MIB } from '../../src/disk/pieces.ts';
import { diskSpec } from './specs.ts';

const ids = idsOf('layouts');
const needed = (least: number) => ({ least, usual: least + MIB });
const content = {
  fileSystems: new Map([['root', needed(300 * MIB)]]),
  esp: 30 * MIB,
  hashTree: () => 3 * MIB - 7,
};

function laidOut(more: Parameters<typeof diskSpec>[0] = {}, sizes = content): Layout {
  const spec = diskSpec(more);
  return layOut(spec, planDisk(spec, ids), sizes);
}

const places = ({ partitions }: Layout) =>
  partitions.map(({ name, number, start, size }) => [name, number, start / MIB, size / MIB]);

const partitionSize = ({ partitions }: Layout, name: string) =>
  partitions.find(partition => partition.name === name)?.size;

const home = { name: 'home', partitionName: 'p.lxhome', partitionType: 'linux', size: 50 * MIB } as const;

describe('the partitions of a disk', () => {
  it('are as small as their content allows, with the ESP large enough for an update', () => {
    const layout = laidOut();
    expect(places(layout)).toEqual([
      ['legacy', 1, 1, 2],
      ['efi', 2, 3, 60],
      ['root', 3, 63, 301],
    ]);
    expect(layout.bytes).toBe((63 + 301 + 1) * MIB);
  });

  it('leave the rest of a disk of fixed size to the root', () => {
    const layout = laidOut({ size: { kind: 'fixed', bytes: 1024 * MIB }, unpartitioned: 100 * MIB });
    expect(layout.bytes).toBe(1024 * MIB);
    expect(places(layout).at(-1)).toEqual(['root', 3, 63, 1024 - 63 - 1 - 100]);
  });

  it('leave it to a last partition where the root has a size', () => {
    const root = { ...diskSpec().root, size: 400 * MIB };
    const size = { kind: 'fixed', bytes: 1024 * MIB } as const;
    expect(places(laidOut({ root, size, partitions: [{ ...home, last: true }] })).slice(-2)).toEqual([
      ['root', 3, 63, 400],
      ['home', 4, 463, 1024 - 463 - 1],
    ]);
    expect(places(laidOut({ root, size })).at(-1)).toEqual(['root', 3, 63, 400]);
  });

  it('give a root that never changes just what it needs', () => {
    const size = { kind: 'fixed', bytes: 1024 * MIB } as const;
    const root = diskSpec().root;
    for (const fixed of [
      { ...root, verity: true },
      { ...root, overlay: true },
      { ...root, type: 'erofs' },
    ] as const)
      expect(partitionSize(laidOut({ root: fixed, size }), 'root')).toBe(300 * MIB);
    expect(laidOut({ root: { ...root, overlay: true } }).partitions.at(-1)?.partitionName).toBe(
      'p.lxreadonly',
    );
  });

  it('come in the order in which KIWI has them', () => {
    const layout = laidOut({
      boot: { type: 'ext4', label: 'BOOT', createOptions: [], size: 300 * MIB },
      swap: { size: 128 * MIB, label: 'SWAP' },
      partitions: [{ ...home, name: 'spare', last: true }, home],
      root: { ...diskSpec().root, verity: true },
    });
    expect(layout.partitions.map(({ partitionName, mountPoint }) => [partitionName, mountPoint])).toEqual([
      ['p.legacy', undefined],
      ['p.UEFI', '/boot/efi'],
      ['p.lxboot', '/boot'],
      ['p.swap', undefined],
      ['p.lxhome', undefined],
      ['p.lxverity', undefined],
      ['p.lxroot', '/'],
      ['p.lxhome', undefined],
    ]);
    expect(partitionSize(layout, 'verity')).toBe(3 * MIB);
  });

  it('have the numbers that are wanted, and the free ones in their order', () => {
    const numbers = { efi: 15, legacy: 14, root: 1 };
    const swap = { size: MIB, label: 'SWAP' };
    expect(laidOut({ numbers, swap }).partitions.map(({ number }) => number)).toEqual([14, 15, 2, 1]);
    expect(() => laidOut({ numbers: { efi: 1, root: 1 } })).toThrow('both have the number 1');
    expect(() => laidOut({ numbers: { efi: 129 } })).toThrow('cannot have the number 129');
  });

  it('say which of them holds /boot', () => {
    const boot = { type: 'ext4', label: 'BOOT', createOptions: [], size: MIB } as const;
    expect(bootPartitionNumber(diskSpec())).toBe(3);
    expect(bootPartitionNumber(diskSpec({ numbers: { root: 1 } }))).toBe(1);
    expect(bootPartitionNumber(diskSpec({ boot, partitions: [home] }))).toBe(3);
    expect(() => bootPartitionNumber(diskSpec({ numbers: { efi: 1, root: 1 } }))).toThrow('the number 1');
  });

  it('begin where they are told', () => {
    expect(laidOut({ firstSector: 4096 }).partitions[0]?.start).toBe(2 * MIB);
    expect(laidOut({ firstSector: 2048, sectorSize: 4096 }).partitions[0]).toMatchObject({
      name: 'efi',
      start: 8 * MIB,
    });
    expect(() => laidOut({ firstSector: 33 })).toThrow('the partition table is there');
  });

  it('of a BIOS disk are in an MBR, those between the first and the last behind room for their chain', () => {
    const partitions = ['a', 'b', 'c', 'd'].map(name => ({ ...home, name, partitionName: name, size: MIB }));
    const layout = laidOut({ firmware: 'bios', table: 'msdos', partitions });
    expect(places(layout)).toEqual([
      ['a', 1, 1, 1],
      ['b', 2, 2, 1],
      ['c', 5, 4, 1],
      ['d', 6, 6, 1],
      ['root', 4, 7, 301],
    ]);
    expect(layout.bytes).toBe(308 * MIB);
    expect(layout.partitions[0]?.uuid).toMatch(/^[0-9a-f]{8}-01$/);
  });

  it('have no place for GRUB where no BIOS starts', () => {
    const names = (more: Parameters<typeof diskSpec>[0]) => laidOut(more).partitions.map(({ name }) => name);
    expect(names({ legacyBoot: false })).toEqual(['efi', 'root']);
    expect(names({ architecture: 'aarch64' })).toEqual(['efi', 'root']);
    expect(names({ firmware: 'bios' })).toEqual(['legacy', 'root']);
    expect(() => names({ firmware: 'bios', sectorSize: 4096 })).toThrow('no BIOS starts');
  });

  it('say both numbers when something has no room', () => {
    const sizes = { ...content, fileSystems: new Map([...content.fileSystems, ['home', needed(60 * MIB)]]) };
    expect(() => laidOut({ partitions: [home] }, sizes)).toThrow(
      'the partition home is to have 50 MiB, but its content needs 60 MiB',
    );
    expect(() => laidOut({ root: { ...diskSpec().root, size: 200 * MIB } })).toThrow(
      'the partition root is to have 200 MiB, but its content needs 300 MiB',
    );
    expect(() => laidOut({ size: { kind: 'fixed', bytes: 300 * MIB } })).toThrow(
      'the disk is to have 300 MiB, but what belongs on it needs 364 MiB',
    );
  });

  it('differ in names and places', () => {
    const at = { ...home, mountPoint: '/home' };
    expect(() => laidOut({ partitions: [at, { ...at, name: 'other' }] })).toThrow('mounted at /home');
    expect(() => laidOut({ partitions: [home, home] })).toThrow('two partitions have the name home');
    for (const mountPoint of ['home', '/home/', '/a/../b', '/.', '//', ''])
      expect(() => laidOut({ partitions: [{ ...home, mountPoint }] })).toThrow('cannot be mounted at');
    for (const mountPoint of ['/home', '/var/..lib', '/.snapshots'])
      expect(() => laidOut({ partitions: [{ ...home, mountPoint }] })).not.toThrow();
  });

  it('never overlap, begin at whole MiB and end before the table does', () => {
    const size = fc.integer({ min: 1, max: 2 ** 32 });
    const partitions = fc.array(fc.tuple(size, fc.boolean()), { maxLength: 6 });
    const wanted = fc.record({
      partitions: partitions.map(all =>
        all.map(([size, last], i) => ({
          ...home,
          name: `data${i}`,
          size,
          ...(last && { last: true as const }),
        })),
      ),
      size: fc.oneof(
        fc.record({ kind: fc.constant('content' as const), additional: fc.nat(2 ** 31) }),
        fc.record({ kind: fc.constant('fixed' as const), bytes: fc.integer({ min: 2 ** 36, max: 2 ** 37 }) }),
      ),
      table: fc.constantFrom('gpt', 'msdos'),
      sectorSize: fc.constantFrom(512, 4096),
      unpartitioned: fc.nat(2 ** 30),
    });
    fc.assert(
      fc.property(wanted, more => {
        const { bytes, partitions } = laidOut(more);
        let end = 34 * 512;
        for (const { start, size } of partitions) {
          expect(start % MIB).toBe(0);
          expect(start).toBeGreaterThanOrEqual(end);
          expect(size % MIB).toBe(0);
          end = start + size;
        }
        expect(bytes % more.sectorSize).toBe(0);
        expect(end + more.unpartitioned + (more.table === 'gpt' ? 33 * 512 : 0)).toBeLessThanOrEqual(bytes);
        expect(new Set(partitions.map(({ number }) => number)).size).toBe(partitions.length);
        expect(new Set(partitions.map(({ uuid }) => uuid)).size).toBe(partitions.length);
      }),
    );
  });
});

describe('ids', () => {
  it('are the same for the same content, and for no other', () => {
    const spec = diskSpec();
    expect(planDisk(spec, idsOf('layouts'))).toEqual(planDisk(spec, ids));
    const other = planDisk(spec, idsOf('other'));
    expect(other.id).not.toBe(planDisk(spec, ids).id);
    expect(other.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(other.partitions[1]?.fileSystem?.uuid).toMatch(/^[0-9A-F]{4}-[0-9A-F]{4}$/);
  });
});

describe('/config.partids', () => {
  it('names partitions as programs of KIWI know them', () => {
    const swap = { size: MIB, label: 'SWAP' };
    const spec = diskSpec({ swap, partitions: [{ ...home, name: 'spare' }, home] });
    expect(partitionNumbers(spec, planDisk(spec, ids).partitions)).toBe(
      [
        'kiwi_BiosGrub="1"',
        'kiwi_BootPart="6"',
        'kiwi_EfiPart="2"',
        'kiwi_HomePart="5"',
        'kiwi_RootPart="6"',
        'kiwi_SparePart="4"',
        'kiwi_SwapPart="3"',
        '',
      ].join('\n'),
    );
  });

  it('calls root what keeps the changes of a root that stays as it is', () => {
    const keeper = { ...home, name: 'changes', last: true } as const;
    const root = { ...diskSpec().root, overlay: true, changesIn: 'changes' } as const;
    const spec = diskSpec({ legacyBoot: false, root, partitions: [keeper] });
    expect(partitionNumbers(spec, planDisk(spec, ids).partitions).split('\n')).toEqual([
      'kiwi_BootPart="2"',
      'kiwi_EfiPart="1"',
      'kiwi_ROPart="2"',
      'kiwi_RWPart="3"',
      'kiwi_RootPart="3"',
      '',
    ]);
  });
});
