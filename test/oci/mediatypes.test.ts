import { describe, expect, it } from 'vitest';
import { layerFormat, ociLayerMediaType } from '../../src/oci/index.ts';
import { AshlarError } from '../../src/support/errors.ts';

const stacker = 'application/vnd.stacker.image.layer';

describe('a layer media type', () => {
  it.each([
    ['application/vnd.oci.image.layer.v1.tar', 'none'],
    ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
    ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
    ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
  ])('%s is tar, compressed with %s', (mediaType, compression) => {
    expect(layerFormat(mediaType)).toEqual({ kind: 'tar', compression });
  });

  it.each([
    [`${stacker}.squashfs`, { kind: 'squashfs', verityInType: false }],
    [`${stacker}.squashfs+zstd`, { kind: 'squashfs', compression: 'zstd', verityInType: false }],
    [`${stacker}.squashfs+gzip`, { kind: 'squashfs', compression: 'gzip', verityInType: false }],
    [`${stacker}.squashfs+zstd+verity`, { kind: 'squashfs', compression: 'zstd', verityInType: true }],
    [`${stacker}.squashfs+verity`, { kind: 'squashfs', verityInType: true }],
    [`${stacker}.erofs`, { kind: 'erofs', verityInType: false }],
    [`${stacker}.erofs+lz4hc`, { kind: 'erofs', compression: 'lz4hc', verityInType: false }],
    [`${stacker}.erofs+lz4`, { kind: 'erofs', compression: 'lz4', verityInType: false }],
    [`${stacker}.erofs+zstd+verity`, { kind: 'erofs', compression: 'zstd', verityInType: true }],
  ])('%s is a file system', (mediaType, format) => {
    expect(layerFormat(mediaType)).toEqual(format);
  });

  it.each([
    'application/vnd.oci.image.config.v1+json',
    'application/vnd.oci.image.layer.v1.tar+bzip2',
    `${stacker}.squashfs+verity+zstd`,
    `${stacker}.squashfs+verity+verity`,
    `${stacker}.ext4`,
    `x${stacker}.erofs`,
    '',
  ])('%j is unknown', mediaType => {
    expect(() => layerFormat(mediaType)).toThrow(new AshlarError(`unknown media type ${mediaType}`));
  });

  it.each(['none', 'gzip', 'zstd'] as const)('that we write for %s is one that we read', compression => {
    expect(layerFormat(ociLayerMediaType(compression))).toEqual({ kind: 'tar', compression });
  });
});
