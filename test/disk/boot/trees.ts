/** Trees that disks are made of, as far as loaders and kernels look at them. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readContent, sizeOf } from '../../../src/disk/boot/tree.ts';
import type { BootRequest, EspFile, FileContent, TreeFile } from '../../../src/disk/boot/types.ts';
import type { DiskPartition } from '../../../src/disk/request.ts';
import { scratch } from '../../layers/support.ts';
import { diskSpec } from '../specs.ts';

/** Files by their paths; `-> target` is a symbolic link. */
export function makeTree(files: Readonly<Record<string, string | Uint8Array>>): string {
  const tree = scratch();
  for (const [path, content] of Object.entries(files)) addFile(tree, path, content);
  return tree;
}

export function addFile(tree: string, path: string, content: string | Uint8Array): void {
  const place = join(tree, path);
  mkdirSync(dirname(place), { recursive: true });
  const target = typeof content === 'string' ? /^-> (.*)$/.exec(content)?.[1] : undefined;
  if (target === undefined) {
    writeFileSync(place, content);
    chmodSync(place, 0o755);
  } else symlinkSync(target, place);
}

/** The files of a kernel with its modules. */
export function kernelFiles(version: string, kernel = `boot/vmlinuz-${version}`): Record<string, string> {
  return {
    [kernel]: `kernel ${version}`,
    [`usr/lib/modules/${version}/modules.dep`]: '',
    lib: '-> usr/lib',
  };
}

export const legacy: DiskPartition = {
  role: 'legacy',
  name: 'legacy',
  number: 1,
  partitionName: 'p.legacy',
  uuid: '11111111-0000-4000-8000-000000000001',
};

export const esp: DiskPartition = {
  role: 'efi',
  name: 'efi',
  number: 2,
  partitionName: 'p.UEFI',
  uuid: '22222222-0000-4000-8000-000000000002',
  mountPoint: '/boot/efi',
  fileSystem: { type: 'vfat', uuid: 'ABCD-1234', label: 'EFI' },
};

export const root: DiskPartition = {
  role: 'root',
  name: 'root',
  number: 3,
  partitionName: 'p.lxroot',
  uuid: '33333333-0000-4000-8000-000000000003',
  mountPoint: '/',
  fileSystem: { type: 'ext4', uuid: '44444444-0000-4000-8000-000000000004', label: 'ROOT' },
};

export const boot: DiskPartition = {
  role: 'boot',
  name: 'boot',
  number: 4,
  partitionName: 'p.lxboot',
  uuid: '55555555-0000-4000-8000-000000000005',
  mountPoint: '/boot',
  fileSystem: { type: 'ext4', uuid: '66666666-0000-4000-8000-000000000006', label: 'BOOT' },
};

export interface Told {
  readonly request: BootRequest;
  readonly said: string[];
  readonly warned: string[];
  /** What was run in the tree. */
  readonly ran: (readonly string[])[];
}

export function bootRequest(tree: string, more: Partial<BootRequest> = {}): Told {
  const told = { said: [] as string[], warned: [] as string[], ran: [] as (readonly string[])[] };
  const request: BootRequest = {
    tree,
    spec: diskSpec(),
    partitions: [legacy, esp, root],
    scratch: scratch(),
    epoch: 1_700_000_000,
    run: async args => {
      told.ran.push(args);
      return { status: 0, output: '' };
    },
    signal: new AbortController().signal,
    say: message => void told.said.push(message),
    warn: message => void told.warned.push(message),
    ...more,
  };
  return { ...told, request };
}

export function bytesOf(content: FileContent): Buffer {
  const bytes = Buffer.concat([...readContent(content)]);
  if (bytes.length !== sizeOf(content)) throw new Error('the size is not that of the bytes');
  return bytes;
}

/** The text of a file among others; undefined where it is not there. */
export function textOf(files: readonly (TreeFile | EspFile)[], path: string): string | undefined {
  const file = files.find(one => one.path === path);
  return file && bytesOf(file.content).toString();
}
