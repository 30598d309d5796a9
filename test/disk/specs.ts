/** Disks that tests want. */
import type { DiskSpec } from '../../src/disk/types.ts';

export function diskSpec(more: Partial<DiskSpec> = {}): DiskSpec {
  return {
    architecture: 'x86_64',
    table: 'gpt',
    firmware: 'efi',
    legacyBoot: true,
    loader: 'uki',
    root: { type: 'ext4', label: 'ROOT', createOptions: [] },
    partitions: [],
    size: { kind: 'content', additional: 0 },
    unpartitioned: 0,
    kernelCommandLine: 'console=ttyS0',
    identifiedBy: 'uuid',
    initrd: { kind: 'own', options: [] },
    menu: { title: 'Test', timeout: 0, inputs: [], outputs: [], settings: {} },
    grows: false,
    firstSector: 2048,
    sectorSize: 512,
    numbers: {},
    hybridMbr: false,
    ...more,
  };
}
