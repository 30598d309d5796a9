import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastBtrfsSize } from '../../../src/disk/file-systems/btrfs.ts';
import { leastExtSize } from '../../../src/disk/file-systems/ext.ts';
import { readTree } from '../../../src/disk/file-systems/source-tree.ts';
import { leastXfsSize } from '../../../src/disk/file-systems/xfs.ts';
import type { FileSystemType } from '../../../src/disk/types.ts';
import { setXattr } from '../../../src/linux/index.ts';
import { has, isRoot } from '../../support/tools.ts';
import {
  describeTree,
  fileSystem,
  MEBIBYTE,
  make,
  mounted,
  noise,
  scratch,
  settle,
  signal,
} from './trees.ts';

/** A directory of a tree: so many files of one size, with names of one length. */
interface Crowd {
  readonly files: number;
  readonly nameLength: number;
  readonly size: number;
  readonly kind: 'plain' | 'sparse' | 'linked' | 'symlinks' | 'attributes';
}

const crowd: fc.Arbitrary<Crowd> = fc.record({
  files: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 100, max: 700 })),
  nameLength: fc.integer({ min: 4, max: 250 }),
  size: fc.oneof(fc.constantFrom(0, 1, 59, 60, 4095, 4096, 4097, 20_000)),
  kind: fc.constantFrom('plain', 'sparse', 'linked', 'symlinks', 'attributes'),
});

const content = noise(20_000);

async function populate(tree: string, crowds: readonly Crowd[]): Promise<void> {
  for (const [i, { files, nameLength, size, kind }] of crowds.entries()) {
    const directory = join(tree, `directory-${i}`);
    mkdirSync(directory);
    for (let n = 0; n < files; n++) {
      const path = join(directory, String(n).padStart(nameLength, '-'));
      if (kind === 'symlinks') symlinkSync('t'.repeat(1 + (size % 900)), path);
      else if (kind === 'linked' && n > 0) linkSync(join(directory, '0'.padStart(nameLength, '-')), path);
      else writeFileSync(path, content.subarray(0, size));
      if (kind === 'sparse') truncateSync(path, size + 1_000_000);
      if (kind === 'attributes') setXattr(path, 'user.note', content.subarray(0, size % 3000));
    }
  }
  await settle(tree);
}

async function withTree(crowds: readonly Crowd[], use: (tree: string) => Promise<void>): Promise<void> {
  const tree = mkdtempSync(join(tmpdir(), 'ashlar-room-'));
  try {
    await populate(tree, crowds);
    await use(tree);
  } finally {
    rmSync(tree, { recursive: true });
  }
}

const crowds = fc.array(crowd, { minLength: 1, maxLength: 3 });

describe('the least size', () => {
  it.runIf(has('mke2fs', 'e2fsck'))('is enough for any tree in ext2, ext3 and ext4', async () => {
    const types = fc.constantFrom<FileSystemType>('ext2', 'ext3', 'ext4');
    const holds = fc.asyncProperty(types, crowds, (type, tree) =>
      withTree(tree, async directory => {
        const spec = fileSystem(type);
        const request = { fileSystem: spec, scratch: scratch(), signal };
        const size = await leastExtSize(request, await readTree(directory, signal));
        const image = await make(directory, spec, size, { devices: [] });
        execFileSync('e2fsck', ['-fn', image], { stdio: 'pipe' });
      }),
    );
    await fc.assert(holds, { numRuns: 6 });
  });

  it.runIf(has('mke2fs', 'e2fsck'))('is enough for any tree in ext4, in all its forms', async () => {
    const forms = fc.constantFrom(
      ['-b', '1024'],
      ['-b', '65536', '-O', '^has_journal'],
      ['-I', '128'],
      ['-I', '1024', '-O', '^metadata_csum,^64bit'],
      ['-g', '2048'],
      ['-E', 'stride=16'],
    );
    const holds = fc.asyncProperty(forms, crowds, (createOptions, tree) => {
      // Attributes of 3000 bytes have no room in small blocks.
      const fitting = tree.map(one =>
        createOptions[1] === '1024' ? { ...one, kind: 'plain' as const } : one,
      );
      return withTree(fitting, async directory => {
        const spec = fileSystem('ext4', { createOptions });
        const request = { fileSystem: spec, scratch: scratch(), signal };
        const size = await leastExtSize(request, await readTree(directory, signal));
        const image = await make(directory, spec, size, { devices: [] });
        execFileSync('e2fsck', ['-fn', image], { stdio: 'pipe' });
      });
    });
    await fc.assert(holds, { numRuns: 3 });
  });

  it.runIf(has('mkfs.xfs', 'xfs_repair'))(
    'is enough for any tree in xfs, in all forms of directories',
    async () => {
      const examples: [Crowd[]][] = [
        [
          [
            { files: 1100, nameLength: 40, size: 10, kind: 'plain' },
            { files: 3, nameLength: 250, size: 2900, kind: 'attributes' },
            { files: 300, nameLength: 30, size: 899, kind: 'symlinks' },
            { files: 2, nameLength: 5, size: 4097, kind: 'sparse' },
          ],
        ],
      ];
      const holds = fc.asyncProperty(crowds, tree =>
        withTree(tree, async directory => {
          const spec = fileSystem('xfs');
          const request = { fileSystem: spec, tree: directory, scratch: scratch(), signal, without: [] };
          const size = await leastXfsSize(request, await readTree(directory, signal));
          const image = await make(directory, spec, size, { devices: [] });
          execFileSync('xfs_repair', ['-n', image], { stdio: 'pipe' });
          if (isRoot)
            expect(await mounted(image, at => describeTree(at))).toEqual(await describeTree(directory));
        }),
      );
      await fc.assert(holds, { numRuns: 3, examples });
    },
  );

  it.runIf(has('mkfs.xfs', 'xfs_db'))(
    'leaves each group of an xfs what the kernel sets aside in it',
    async () => {
      const tree = join(scratch(), 'tree');
      mkdirSync(tree);
      // More than the first group has.
      writeFileSync(join(tree, 'file'), Buffer.alloc(90 * MEBIBYTE, 'x'));
      const image = await make(tree, fileSystem('xfs'), 300 * MEBIBYTE, { devices: [] });
      const ask = (group: number) => ['-c', `agf ${group}`, '-c', 'print length freeblks'];
      const said = execFileSync('xfs_db', ['-r', ...[0, 1, 2, 3].flatMap(ask), image], { encoding: 'utf8' });
      const numbers = (name: string) =>
        [...said.matchAll(new RegExp(`${name} = (\\d+)`, 'g'))].map(([, number]) => Number(number));
      expect(numbers('length')).toEqual([19200, 19200, 19200, 19200]);
      // 117 blocks for shared ones and 21 for inodes, as the kernel counts for a group of this length.
      expect(Math.min(...numbers('freeblks'))).toBeGreaterThanOrEqual(117 + 21);
      expect(Math.min(...numbers('freeblks'))).toBeLessThan(500);
    },
  );

  it.runIf(has('mkfs.btrfs', 'btrfs'))('is enough for many small files in btrfs', () =>
    withTree(
      [
        { files: 700, nameLength: 200, size: 1900, kind: 'attributes' },
        { files: 500, nameLength: 60, size: 20_000, kind: 'plain' },
      ],
      async directory => {
        const spec = fileSystem('btrfs');
        const request = { fileSystem: spec, tree: directory, scratch: scratch(), signal, without: [] };
        const size = await leastBtrfsSize(request, await readTree(directory, signal));
        const image = await make(directory, spec, size, { devices: [] });
        expect(statSync(image).size).toBe(size);
        execFileSync('btrfs', ['check', image], { stdio: 'pipe' });
      },
    ),
  );
});
