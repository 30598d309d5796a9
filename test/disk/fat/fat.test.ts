import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FatRequest, fatSizeFor, writeFat } from '../../../src/disk/fat/fat.ts';
import { MIB } from '../../../src/disk/pieces.ts';
import { scratch, sha256 } from '../../layers/support.ts';
import { has } from '../../support/tools.ts';

const epoch = Date.UTC(2024, 1, 29, 13, 7, 42) / 1000;
const offset = MIB;

type Contents = Readonly<Record<string, Uint8Array>>;

function made(contents: Contents, options: Partial<FatRequest> = {}): string {
  const disk = join(scratch(), 'disk');
  const files = Object.entries(contents).map(
    ([path, bytes]) => ({ path, content: { kind: 'bytes', bytes } }) as const,
  );
  const size = options.size ?? 40 * MIB;
  const fd = openSync(disk, 'w+');
  try {
    ftruncateSync(fd, offset + size);
    const request = { sectorSize: 512, volumeId: 0xabcd1234, label: 'EFI', time: epoch };
    writeFat(fd, { ...request, files, offset, size, ...options });
  } finally {
    closeSync(fd);
  }
  return disk;
}

/** What fsck says of the file system, which it wants in a file of its own. */
function check(disk: string): string {
  const alone = join(scratch(), 'partition');
  execFileSync('dd', [`if=${disk}`, `of=${alone}`, 'bs=1M', 'skip=1', 'conv=sparse', 'status=none']);
  return execFileSync('fsck.vfat', ['-n', '-v', alone], { encoding: 'utf8' });
}

/** Lengths and digests of all files, as mtools read them. */
function readBack(disk: string): Record<string, string> {
  const directory = join(scratch(), 'files');
  mkdirSync(directory);
  execFileSync('mcopy', ['-s', '-n', '-Q', '-m', '-i', `${disk}@@${offset}`, '::*', directory], {
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  });
  const found: Record<string, string> = {};
  const walk = (path: string): void => {
    for (const name of readdirSync(join(directory, path))) {
      const inside = path === '' ? name : `${path}/${name}`;
      if (statSync(join(directory, inside)).isDirectory()) walk(inside);
      else found[inside] = summary(readFileSync(join(directory, inside)));
    }
  };
  walk('');
  return found;
}

function summary(bytes: Uint8Array): string {
  return `${bytes.length} ${sha256(bytes)}`;
}

function summaries(contents: Contents): Record<string, string> {
  return Object.fromEntries(Object.entries(contents).map(([path, bytes]) => [path, summary(bytes)]));
}

function filled(length: number): Buffer {
  return Buffer.alloc(length, 'bytes that differ from sector to sector 0123456789');
}

const awkward: Contents = {
  'EFI/BOOT/BOOTX64.EFI': filled(3 * MIB + 17),
  'EFI/BOOT/grub.cfg': filled(300),
  'EFI/Linux/debian-6.1.0-49-cloud-amd64.efi': filled(512),
  'EFI/Linux/debian-6.1.0-48-cloud-amd64.efi': filled(511),
  'loader/entries/a name with blanks, and more than thirteen characters.conf': filled(1),
  'loader/empty.conf': filled(0),
  'loader/thirteen12345': filled(513),
  'loader/.hidden': filled(2),
  'loader/Größe.txt': filled(3),
  'loader/two.dots.in.it': filled(4),
  'loader/LONGNA~1.CON': filled(5),
  'loader/longname-that-is-long.conf': filled(6),
};

describe.skipIf(!has('fsck.vfat', 'mcopy', 'minfo'))('a FAT file system', () => {
  it('gives back every file, of any name and size', () => {
    const disk = made(awkward);
    expect(check(disk)).not.toMatch(/differences|Orphan|wrong|invalid/i);
    expect(readBack(disk)).toEqual(summaries(awkward));
  });

  it('is FAT32 from 33 MiB on and FAT16 below', () => {
    expect(check(made(awkward, { size: 33 * MIB }))).toContain('32 bit entries');
    expect(check(made(awkward, { size: 32 * MIB }))).toContain('16 bit entries');
    expect(readBack(made(awkward, { size: 20 * MIB }))).toEqual(summaries(awkward));
  });

  it('has clusters of several sectors on large partitions', () => {
    const disk = made(awkward, { size: 272 * MIB });
    expect(check(disk)).toContain('4096 bytes per cluster');
    expect(readBack(disk)).toEqual(summaries(awkward));
  });

  it('suits disks with sectors of 4096 bytes', () => {
    const disk = made(awkward, { size: 40 * MIB, sectorSize: 4096 });
    expect(check(disk)).toContain('4096 bytes per logical sector');
    expect(check(made(awkward, { size: 272 * MIB, sectorSize: 4096 }))).toContain('32 bit entries');
  });

  it('knows its label, its id and where it is on the disk', () => {
    const disk = made(awkward);
    const said = execFileSync('minfo', ['-i', `${disk}@@${offset}`, '::'], { encoding: 'utf8' });
    expect(said).toContain('serial number: ABCD1234');
    expect(said).toContain('disk label="EFI        "');
    expect(said).toContain(`hidden sectors: ${offset / 512}`);
    expect(execFileSync('mlabel', ['-i', `${disk}@@${offset}`, '-s', '::'], { encoding: 'utf8' })).toContain(
      'Volume label is EFI',
    );
  });

  it('dates all files by the epoch, whatever time and zone it is', () => {
    const list = (disk: string) =>
      execFileSync('mdir', ['-i', `${disk}@@${offset}`, '::EFI/BOOT'], { encoding: 'utf8' });
    expect(list(made(awkward))).toMatch(/BOOTX64\s+EFI\s+3145745 2024-02-29 +13:07/);
    expect(list(made(awkward, { time: 0 }))).toMatch(/BOOTX64\s+EFI\s+3145745 1980-01-01 +0:00/);
  });

  it('has directories of many clusters', () => {
    const many = Object.fromEntries(
      Array.from({ length: 700 }, (_, i) => [`many/file number ${i}.conf`, filled(i)]),
    );
    const disk = made(many);
    check(disk);
    expect(readBack(disk)).toEqual(summaries(many));
  });

  it('leaves holes where there is nothing', () => {
    const { blocks } = statSync(made({ 'EFI/x': filled(10) }, { size: 1024 * MIB }));
    expect(blocks * 512).toBeLessThan(MIB);
  });

  it('takes a file of the machine without looking at more than its size', () => {
    const path = join(scratch(), 'kernel');
    writeFileSync(path, filled(5 * MIB));
    const disk = made({});
    const fd = openSync(disk, 'r+');
    writeFat(fd, {
      offset,
      size: 40 * MIB,
      sectorSize: 512,
      volumeId: 1,
      label: 'EFI',
      time: epoch,
      files: [{ path: 'EFI/kernel', content: { kind: 'file', path, size: 4 * MIB + 5 } }],
    });
    closeSync(fd);
    expect(readBack(disk)['EFI/kernel']).toBe(summary(filled(4 * MIB + 5)));
  });

  it('keeps trees of any shape', () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9_+~ .-]{0,30}[a-zA-Z0-9]$/);
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(parts => parts.join('/'));
    const size = fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 4096), fc.nat(100_000));
    const tree = fc
      .uniqueArray(fc.tuple(path, size), { maxLength: 30, selector: ([at]) => at.toUpperCase() })
      .filter(
        files => !files.some(([a]) => files.some(([b]) => b.toUpperCase().startsWith(`${a.toUpperCase()}/`))),
      );
    fc.assert(
      fc.property(tree, fc.constantFrom(20 * MIB, 36 * MIB), (files, size) => {
        const contents = Object.fromEntries(files.map(([at, length]) => [at, filled(length)]));
        const disk = made(contents, { size });
        check(disk);
        const folded = (all: Record<string, string>) =>
          Object.fromEntries(Object.entries(all).map(([at, text]) => [at.toUpperCase(), text]));
        if (files.length > 0) expect(folded(readBack(disk))).toEqual(folded(summaries(contents)));
      }),
      { numRuns: 12 },
    );
  });
});

describe('what FAT cannot have', () => {
  it('names both sizes when there is no room', () => {
    expect(() => made({ 'EFI/big': filled(21 * MIB) }, { size: 20 * MIB })).toThrow(
      'the EFI system partition has 20 MiB, but its files need 22 MiB',
    );
  });

  it('always has room in the size that it asks for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3 * MIB), { maxLength: 12 }), sizes => {
        const files = sizes.map((length, i) => {
          const content = { kind: 'bytes', bytes: Buffer.alloc(length) } as const;
          return { path: `a/directory of ${i}/some file with a long name`, content };
        });
        const size = Math.max(33 * MIB, fatSizeFor(files));
        const contents = Object.fromEntries(files.map(({ path, content }) => [path, content.bytes]));
        expect(() => made(contents, { size })).not.toThrow();
      }),
      { numRuns: 10 },
    );
  });

  it.each(['a:b', 'ends in a dot.', 'ends in a blank ', 'x'.repeat(256), 'EFI//x', 'new\nline'])(
    'is %j',
    path => {
      expect(() => made({ [path]: filled(1) })).toThrow('FAT cannot have a file of this name');
    },
  );

  it('are names that differ in case alone', () => {
    expect(() => made({ 'EFI/a': filled(1), 'EFI/A': filled(1) })).toThrow('the same name');
    expect(() => made({ 'EFI/a': filled(1), 'EFI/A/b': filled(1) })).toThrow('the same name');
  });

  it('is a partition of one MiB', () => {
    expect(() => made({}, { size: MIB })).toThrow('cannot hold a FAT file system');
  });
});
