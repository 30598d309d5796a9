/** Programs that take part in what is made of trees: that they are there, and that other versions count as other input. */
import { existsSync } from 'node:fs';
import type { DiskFormat, DiskSpec, FileSystemType } from '../../disk/index.ts';
import { digestOfContent } from '../../layers/index.ts';
import type { Output } from '../../plan/outputs.ts';
import { findProgram } from '../../support/process.ts';
import { requireProgram } from '../../support/programs.ts';
import type { LookContext } from '../context.ts';
import type { KeyPart } from '../keys/keys.ts';

/** By name: what needs it. */
export type NeededPrograms = Readonly<Record<string, string>>;

const WRITERS: Readonly<Record<FileSystemType, string>> = {
  ext2: 'mke2fs',
  ext3: 'mke2fs',
  ext4: 'mke2fs',
  btrfs: 'mkfs.btrfs',
  xfs: 'mkfs.xfs',
  squashfs: 'mksquashfs',
  erofs: 'mkfs.erofs',
};

/** The programs of this machine without which a file cannot be made of a tree. */
export function treePrograms(
  output: Pick<Extract<Output, { kind: 'disk' }>, 'kind' | 'disk'> | Exclude<Output, { kind: 'disk' }>,
): NeededPrograms {
  switch (output.kind) {
    case 'disk':
      return diskPrograms(output.disk);
    case 'file-system':
      return fileSystemProgram(output.fileSystem.type);
    case 'archive':
      return output.format === 'tar.xz' ? { xz: 'a tar.xz archive' } : {};
    case 'container':
      return output.compression === 'xz' ? { xz: 'an archive compressed with xz' } : {};
    case 'package-list':
      return {};
  }
}

function diskPrograms({ root, boot, partitions }: DiskSpec): NeededPrograms {
  const fileSystems = [root, boot, ...partitions.map(({ fileSystem }) => fileSystem)];
  return Object.assign({}, ...fileSystems.map(one => (one ? fileSystemProgram(one.type) : {})));
}

function fileSystemProgram(type: FileSystemType): NeededPrograms {
  return { [WRITERS[type]]: `a file system ${type}` };
}

export function formatPrograms(format: DiskFormat['format']): NeededPrograms {
  return format === 'gce' || format === 'vmx' ? {} : { 'qemu-img': `a disk in the format ${format}` };
}

/** @throws AshlarError for the first output whose program is missing. */
export function checkOutputPrograms(outputs: readonly Output[]): void {
  for (const output of outputs) {
    const formats = output.kind === 'disk' ? output.formats.map(({ format }) => formatPrograms(format)) : [];
    for (const needed of [treePrograms(output), ...formats])
      for (const [program, purpose] of Object.entries(needed)) requireProgram(program, purpose);
  }
}

/** What may get into disks from this machine, where the tree does not have it. */
const INGREDIENTS: readonly string[] = [
  ...['busybox', 'grub-mkimage', 'grub2-mkimage'],
  ...['x64', 'aa64'].flatMap(machine =>
    [`linux${machine}.efi.stub`, `systemd-boot${machine}.efi.signed`, `systemd-boot${machine}.efi`].map(
      name => `/usr/lib/systemd/boot/efi/${name}`,
    ),
  ),
  ...['i386-pc', 'x86_64-efi', 'arm64-efi'].map(target => `/usr/lib/grub/${target}/kernel.img`),
];

/** What the programs are, and for disks what else of this machine may take part. */
export function programParts(
  needed: NeededPrograms,
  kind: Output['kind'],
  { store }: LookContext,
): Promise<readonly KeyPart[]> {
  const names = new Set([...Object.keys(needed), ...(kind === 'disk' ? INGREDIENTS : [])]);
  return Promise.all(
    [...names].sort().map(async (name): Promise<KeyPart> => {
      const path = name.startsWith('/') ? name : findProgram(name);
      const there = path !== undefined && existsSync(path);
      return [`program ${name}`, there ? await digestOfContent(path, store.database.files) : 'none'];
    }),
  );
}
