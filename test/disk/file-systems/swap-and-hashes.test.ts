import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/disk/crc32c.ts';
import { hashTreeSize, makeHashTree } from '../../../src/disk/file-systems/hash-tree.ts';
import { makeSwap } from '../../../src/disk/file-systems/swap.ts';
import { has } from '../../support/tools.ts';
import { MEBIBYTE, noise, scratch, signal, UUID } from './trees.ts';

describe('swap space', () => {
  it.runIf(has('blkid'))('is known by its label and id where it begins', async () => {
    const file = join(scratch(), 'disk');
    const fd = openSync(file, 'w');
    ftruncateSync(fd, 4 * MEBIBYTE);
    closeSync(fd);
    await makeSwap({ file, offset: MEBIBYTE, size: 2 * MEBIBYTE, uuid: UUID, label: 'SWAP' });
    const probe = ['-p', '-O', String(MEBIBYTE), '-S', String(2 * MEBIBYTE), '-o', 'export', file];
    const said = execFileSync('blkid', probe, { encoding: 'utf8' });
    expect(said).toContain(`UUID=${UUID}`);
    expect(said).toContain('LABEL=SWAP');
    expect(said).toContain('TYPE=swap');
    // The last of 512 pages.
    expect(readFileSync(file).readUInt32LE(MEBIBYTE + 1028)).toBe(511);
  });

  it('is not made where there is no room', async () => {
    const made = makeSwap({ file: '/dev/null', offset: 0, size: 4096, uuid: UUID, label: '' });
    await expect(made).rejects.toThrow('too small');
  });
});

describe('hash trees of partitions', () => {
  it.runIf(has('veritysetup'))(
    'stand the check of veritysetup, and take as much room as was said',
    async () => {
      const file = join(scratch(), 'disk');
      const dataSize = MEBIBYTE + 4096 * 3;
      writeFileSync(file, Buffer.concat([Buffer.alloc(8192, 'x'), noise(dataSize)]));
      const hashOffset = 8192 + dataSize;
      const salt = 'ab'.repeat(32);
      const area = { file, dataOffset: 8192, dataSize, hashOffset, uuid: UUID, salt, signal };
      const root = await makeHashTree(area);
      expect(readFileSync(file).length - hashOffset).toBe(hashTreeSize(dataSize));
      const [data, hashes] = [join(scratch(), 'data'), join(scratch(), 'hashes')];
      writeFileSync(data, readFileSync(file).subarray(8192, hashOffset));
      writeFileSync(hashes, readFileSync(file).subarray(hashOffset));
      execFileSync('veritysetup', ['verify', data, hashes, root], { stdio: 'pipe' });
    },
  );

  it('are made of whole blocks only', async () => {
    const area = { dataOffset: 0, dataSize: 5000, hashOffset: 8192, uuid: UUID, salt: '', signal };
    await expect(makeHashTree({ file: '/dev/null', ...area })).rejects.toThrow('no whole blocks');
  });
});

describe('CRC-32C', () => {
  it('is that of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  });
});
