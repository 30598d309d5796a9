/** Programs that take part in what is made of trees: that they are there, and that other versions count as other input. */
import { hash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
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

/** What the programs are, and for disks what else of this machine may take part. */
export async function programParts(
  needed: NeededPrograms,
  kind: Output['kind'],
  context: LookContext,
): Promise<readonly KeyPart[]> {
  const parts = await Promise.all(
    Object.keys(needed)
      .sort()
      .map(async (name): Promise<KeyPart> => {
        const path = findProgram(name);
        return [`program ${name}`, path === undefined ? 'none' : await contentOf(path, context)];
      }),
  );
  return kind === 'disk' ? [...parts, ...(await ingredientParts(context))] : parts;
}

/** What there is of it. */
async function ingredientParts(context: LookContext): Promise<readonly KeyPart[]> {
  const { INGREDIENTS } = await import('../../disk/index.ts');
  const files = [...INGREDIENTS.programs.flatMap(name => findProgram(name) ?? []), ...INGREDIENTS.files];
  return Promise.all([
    ...files
      .filter(path => existsSync(path))
      .map(async (path): Promise<KeyPart> => [`file ${path}`, await contentOf(path, context)]),
    ...INGREDIENTS.directories
      .filter(path => existsSync(path))
      .map((path): KeyPart => [`directory ${path}`, listingOf(path)]),
  ]);
}

function contentOf(path: string, { store }: LookContext): Promise<string> {
  return digestOfContent(path, store.database.files);
}

/** Hundreds of modules are not read for each disk that is asked for. */
function listingOf(directory: string): string {
  const files = readdirSync(directory).sort();
  const stamps = files.map(name => {
    const status = statSync(join(directory, name), { throwIfNoEntry: false });
    return [name, status?.size, status?.mtimeMs];
  });
  return hash('sha256', JSON.stringify(stamps));
}
