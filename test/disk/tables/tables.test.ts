import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idsOf, uuidOf } from '../../../src/disk/ids.ts';
import { MIB, type Piece, writePieces } from '../../../src/disk/pieces.ts';
import { type GuidTable, guidTable } from '../../../src/disk/tables/gpt.ts';
import { msdosTable } from '../../../src/disk/tables/mbr.ts';
import { type PartitionKind, typeGuid } from '../../../src/disk/tables/partition-types.ts';
import { scratch } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';

const ids = idsOf('a disk for tests');

function written(pieces: readonly Piece[], bytes: number): string {
  const disk = join(scratch(), 'disk');
  const fd = openSync(disk, 'w');
  ftruncateSync(fd, bytes);
  writePieces(fd, pieces);
  closeSync(fd);
  expect(statSync(disk).size).toBe(bytes);
  return disk;
}

interface Listed {
  readonly partitiontable: {
    readonly label: string;
    readonly id: string;
    readonly partitions: readonly Readonly<Record<string, string | number | boolean>>[];
  };
}

function listed(disk: string): Listed['partitiontable'] {
  const parsed: Listed = JSON.parse(execFileSync('sfdisk', ['-J', disk], { encoding: 'utf8' }));
  return parsed.partitiontable;
}

function partition(number: number, kind: PartitionKind, start: number, sectors: number) {
  return { number, kind, start, sectors, id: uuidOf(ids, `${number}`), name: `p.lx${kind}` };
}

const usual = [
  partition(1, 'legacy', 2048, 4096),
  partition(2, 'efi', 6144, 67584),
  partition(3, 'root', 73728, 100000),
];

function gpt(options: Partial<GuidTable> = {}): string {
  const sectorSize = options.sectorSize ?? 512;
  const sectors = (100 * MIB) / sectorSize;
  const table = { sectorSize, sectors, partitions: usual, id: uuidOf(ids, 'disk'), hybrid: false };
  const pieces = guidTable({ ...table, architecture: 'x86_64', signature: 0x12345678, ...options });
  return written(pieces, (options.sectors ?? sectors) * sectorSize);
}

describe.skipIf(!has('sgdisk', 'sfdisk', 'fdisk'))('a GPT', () => {
  it('has no problems, and all ids, names and places', () => {
    const disk = gpt();
    expect(execFileSync('sgdisk', ['-v', disk], { encoding: 'utf8' })).toContain('No problems found');
    const table = listed(disk);
    expect(table).toMatchObject({ label: 'gpt', id: uuidOf(ids, 'disk').toUpperCase(), lastlba: 204766 });
    expect(table.partitions).toEqual(
      usual.map(({ number, kind, start, sectors, id, name }) => ({
        node: `${disk}${number}`,
        start,
        size: sectors,
        type: typeGuid(kind, 'x86_64'),
        uuid: id.toUpperCase(),
        name,
      })),
    );
  });

  it('is recovered from its end', () => {
    const disk = gpt();
    execFileSync('dd', [
      'if=/dev/zero',
      `of=${disk}`,
      'bs=512',
      'seek=1',
      'count=33',
      'conv=notrunc',
      'status=none',
    ]);
    const said = execFileSync('sgdisk', ['-p', disk], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(said).toMatch(/3 +73728 +173727 .* p\.lxroot/);
  });

  it('suits sectors of 4096 bytes', () => {
    const partitions = [partition(1, 'efi', 256, 8192), partition(2, 'root', 8448, 1024)];
    const disk = gpt({ sectorSize: 4096, partitions });
    const said = execFileSync('fdisk', ['-b', '4096', '-l', disk], { encoding: 'utf8' });
    expect(said).toMatch(/disk1 +256 +8447 +8192 +32M EFI System\n.*disk2 +8448 +9471 +1024 +4M Linux root/);
  });

  it('keeps chosen numbers and names that are not ASCII', () => {
    const partitions = [
      { ...partition(15, 'efi', 2048, 2048), name: 'Größe' },
      partition(128, 'swap', 4096, 2048),
      partition(1, 'linux', 8192, 2048),
    ];
    const disk = gpt({ partitions });
    expect(execFileSync('sgdisk', ['-v', disk], { encoding: 'utf8' })).toContain('No problems found');
    expect(listed(disk).partitions.map(({ node, name }) => [String(node).replace(disk, ''), name])).toEqual([
      ['1', 'p.lxlinux'],
      ['15', 'Größe'],
      ['128', 'p.lxswap'],
    ]);
  });

  it('protects itself by an MBR over the whole disk, which can name partitions, too', () => {
    const types = (disk: string) =>
      execFileSync('sfdisk', ['--label-nested', 'dos', '-d', disk], { encoding: 'utf8' })
        .split('\n')
        .flatMap(line => /start= *(\d+), size= *(\d+), type=(\w+)/.exec(line)?.slice(1).join(' ') ?? []);
    expect(types(gpt())).toEqual(['1 204799 ee']);
    expect(types(gpt({ hybrid: true }))).toEqual([
      '1 2047 ee',
      '2048 4096 da',
      '6144 67584 ef',
      '73728 100000 83',
    ]);
    expect(execFileSync('sgdisk', ['-p', gpt({ hybrid: true })], { encoding: 'utf8' })).toContain('p.lxroot');
  });

  it('of any partitions has no problems', () => {
    const kinds = fc.constantFrom<PartitionKind>('linux', 'swap', 'root', 'boot', 'raid', 'verity');
    const partitions = fc.array(fc.tuple(kinds, fc.integer({ min: 1, max: 9000 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(partitions, wanted => {
        let start = 2048;
        const placed = wanted.map(([kind, sectors], i) => {
          const made = partition(i + 1, kind, start, sectors);
          start = Math.ceil((start + sectors) / 2048) * 2048;
          return made;
        });
        const disk = gpt({ partitions: placed, sectors: start + 2048 });
        expect(execFileSync('sgdisk', ['-v', disk], { encoding: 'utf8' })).toContain('No problems found');
        const found = listed(disk).partitions.map(found => [found.start, found.size]);
        expect(found).toEqual(placed.map(({ start, sectors }) => [start, sectors]));
      }),
      { numRuns: 10 },
    );
  });

  it('refuses what it cannot say', () => {
    expect(() =>
      gpt({ partitions: [{ ...partition(1, 'root', 2048, 2048), name: 'n'.repeat(37) }] }),
    ).toThrow('more than 36 characters');
    expect(() => gpt({ architecture: 'vax' })).toThrow('no type of partition is known');
  });

  it('knows the types of roots as util-linux does', () => {
    const known = execFileSync('sfdisk', ['--label', 'gpt', '-T'], { encoding: 'utf8' });
    const names = { x86_64: 'x86-64', i686: 'x86', aarch64: 'ARM-64', armv7l: 'ARM', riscv64: 'RISC-V-64' };
    const others = {
      ppc64le: 'PPC64LE',
      ppc64: 'PPC64',
      ppc: 'PPC',
      s390x: 'S390X',
      loongarch64: 'LoongArch-64',
    };
    for (const [architecture, name] of Object.entries({ ...names, ...others })) {
      expect(known).toContain(`${typeGuid('root', architecture)}  Linux root (${name})`);
      expect(known).toContain(`${typeGuid('verity', architecture)}  Linux root verity (${name})`);
    }
  });
});

describe.skipIf(!has('sfdisk'))('a table of type msdos', () => {
  function msdos(partitions: readonly ReturnType<typeof partition>[], active?: number): string {
    const table = { sectorSize: 512, sectors: 204800, signature: 0xdeadbeef, partitions, active } as const;
    return written(msdosTable(table), 100 * MIB);
  }
  const places = (disk: string) =>
    listed(disk).partitions.map(({ node, start, size, type }) => [
      Number(String(node).replace(disk, '')),
      start,
      size,
      type,
    ]);

  it('has an id, types, and one partition to start from', () => {
    const disk = msdos([partition(1, 'swap', 2048, 2048), partition(2, 'root', 4096, 100000)], 2);
    const table = listed(disk);
    expect(table).toMatchObject({ label: 'dos', id: '0xdeadbeef' });
    expect(places(disk)).toEqual([
      [1, 2048, 2048, '82'],
      [2, 4096, 100000, '83'],
    ]);
    expect(table.partitions.map(({ bootable }) => bootable)).toEqual([undefined, true]);
  });

  it('puts what four places cannot hold into an extended partition', () => {
    const starts = [1, 2, 3, 5, 6, 7].map((number, i) => partition(number, 'linux', 4096 * (i + 1), 2048));
    expect(places(msdos(starts))).toEqual([
      [1, 4096, 2048, '83'],
      [2, 8192, 2048, '83'],
      [3, 12288, 2048, '83'],
      [4, 14336, 12288, 'f'],
      [5, 16384, 2048, '83'],
      [6, 20480, 2048, '83'],
      [7, 24576, 2048, '83'],
    ]);
    const withRest = [1, 2, 5, 6, 4].map((number, i) => partition(number, 'linux', 4096 * (i + 1), 2048));
    expect(places(msdos(withRest, 4))).toEqual([
      [1, 4096, 2048, '83'],
      [2, 8192, 2048, '83'],
      [3, 10240, 8192, 'f'],
      [4, 20480, 2048, '83'],
      [5, 12288, 2048, '83'],
      [6, 16384, 2048, '83'],
    ]);
  });
});
