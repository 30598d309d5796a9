import { execFileSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { neededModules, parseModuleIndex, readModule } from '../../../src/disk/boot/modules.ts';
import type { Kernel } from '../../../src/disk/boot/types.ts';
import { has } from '../../support/tools.ts';
import { makeTree } from './trees.ts';

const index = parseModuleIndex({
  dependencies: [
    'kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz',
    'kernel/lib/libcrc32c.ko.xz:',
    'kernel/crypto/crc32c_generic.ko.xz:',
    'kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz kernel/drivers/virtio/virtio.ko.xz',
    'kernel/drivers/virtio/virtio.ko.xz: kernel/drivers/virtio/virtio_ring.ko.xz',
    'kernel/drivers/virtio/virtio_ring.ko.xz:',
    'kernel/drivers/block/virtio-blk.ko.xz: kernel/drivers/virtio/virtio.ko.xz kernel/drivers/virtio/virtio_ring.ko.xz',
  ].join('\n'),
  builtin: 'kernel/fs/ext4/ext4.ko\nkernel/drivers/nvme/host/nvme-core.ko\n',
  soft: '# Soft dependencies\nsoftdep libcrc32c pre: crc32c post: nothing_known\n',
  aliases: 'alias crc32c crc32c_generic\nalias pci:v00001AF4d* virtio_pci\n',
});

const names = (wanted: readonly string[]) => neededModules(wanted, index).modules.map(({ name }) => name);

describe('modules of a kernel', () => {
  it('come after those that they need, each once', () => {
    expect(names(['virtio_pci', 'virtio_blk'])).toEqual([
      'virtio_ring',
      'virtio',
      'virtio_pci',
      'virtio_blk',
    ]);
  });

  it('come after those that they only ask for by another name', () => {
    expect(names(['xfs'])).toEqual(['crc32c_generic', 'libcrc32c', 'xfs']);
  });

  it('are known with - and with _', () => {
    expect(names(['virtio-blk'])).toContain('virtio_blk');
  });

  it('are not needed where they are built in, and named where they are nowhere', () => {
    expect(neededModules(['ext4', 'nvme_core', 'btrfs'], index)).toEqual({ modules: [], missing: ['btrfs'] });
  });

  it('say without which they cannot be loaded', () => {
    const { modules } = neededModules(['virtio_blk'], index);
    expect(modules.at(-1)).toEqual({
      name: 'virtio_blk',
      file: 'kernel/drivers/block/virtio-blk.ko.xz',
      after: ['virtio', 'virtio_ring'],
    });
  });
});

describe('the file of a module', () => {
  const module = Buffer.from('\x7fELF a module');
  const kernel = (version: string): Kernel => ({
    version,
    path: '/boot/vmlinuz',
    content: { kind: 'bytes', bytes: module },
    modules: `/lib/modules/${version}`,
  });
  const read = (file: string, bytes: Uint8Array) =>
    readModule(makeTree({ [`lib/modules/1/${file}`]: bytes }), kernel('1'), file);

  it('is decompressed', async () => {
    expect(await read('a.ko', module)).toEqual(module);
    expect(await read('a.ko.gz', gzipSync(module))).toEqual(module);
    expect(await read('a.ko.zst', zstdCompressSync(module))).toEqual(module);
  });

  it.skipIf(!has('xz'))('is decompressed by xz, too', async () => {
    expect(await read('a.ko.xz', execFileSync('xz', ['-c'], { input: module }))).toEqual(module);
    await expect(read('a.ko.xz', module)).rejects.toThrow(
      'cannot decompress the module /lib/modules/1/a.ko.xz',
    );
  });

  it('is missed by name', async () => {
    await expect(readModule(makeTree({ 'etc/passwd': '' }), kernel('1'), 'a.ko')).rejects.toThrow(
      '/lib/modules/1/a.ko is named in modules.dep, but there is no such file',
    );
  });
});
