/**
 * All that makes a disk start, as data: kernel, initrd, loader and the texts that name the partitions. Programs of the
 * tree run only where its own initrd is asked for, or where this machine lacks GRUB's.
 */
import { join } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { squashfsCompressor } from '../file-systems/compressed.ts';
import { efiName, hasBios } from './architecture.ts';
import { kernelCommandLine, namesRoot, type VerityRoot } from './command-line.ts';
import { filesForEsp, withFilesOfTree } from './esp.ts';
import { finishedFstab } from './fstab.ts';
import { growFiles } from './grow.ts';
import {
  grubEspFiles,
  grubForBios,
  grubOnEsp,
  grubReadsKernel,
  grubTreeFiles,
  placeOfMenu,
  placeOnEsp,
} from './grub.ts';
import { chooseInitrd } from './initrd.ts';
import { findKernel, requireKernel } from './kernel.ts';
import { readOsRelease } from './os-release.ts';
import { systemdBootEntry, systemdBootFiles } from './systemd-boot.ts';
import { copyContent, textContent } from './tree.ts';
import type {
  BootRequest,
  BootSystem,
  EspFile,
  FileContent,
  OsRelease,
  PreparedBoot,
  TreeFile,
} from './types.ts';
import { readStub, writeUki } from './uki.ts';

/**
 * What is to be in the tree before file systems are made of it. Programs of the tree may run for it.
 * @throws AshlarError when kernel, initrd or loader cannot be had.
 */
export async function prepareBoot(request: BootRequest): Promise<PreparedBoot> {
  const { tree, spec, say, partitions } = request;
  checkVerity(request);
  const kernel = spec.loader === 'none' ? findKernel(tree) : requireKernel(tree);
  if (kernel) say(`the kernel is ${kernel.path} of the image`);
  const initrd = kernel && (await chooseInitrd(request, kernel));
  const system = kernel && initrd && settled(request, { kernel, initrd });
  const files: TreeFile[] = [
    { path: '/etc/fstab', mode: 0o644, content: textContent(await finishedFstab(request)) },
    ...growFiles(request),
  ];
  const startsByBios = hasBios(spec.architecture) && (spec.firmware === 'bios' || spec.legacyBoot);
  const readsTree = readsKernelByGrub(request, startsByBios);
  if (system && readsTree) files.push(...grubTreeFiles(request, system));
  const os = readOsRelease(tree);
  const usesUefi = system !== undefined && spec.firmware !== 'bios';
  const loaders = usesUefi ? await loadersOf(request, system, os) : [];
  const bios = readsTree && startsByBios ? await grubForBios(request) : undefined;
  // Nothing of the tree runs any more.
  const ofTree = filesForEsp(request);
  return {
    request,
    kernel: system?.kernel,
    initrd: system?.initrd,
    files,
    directories: partitions.flatMap(({ mountPoint }) => (mountPoint === undefined ? [] : [mountPoint])),
    bios,
    loaders: loaders.map((file, i) => ({ ...file, content: kept(request, file.content, `loader-${i}`) })),
    ofTree: ofTree.map((file, i) => ({ ...file, content: kept(request, file.content, `esp-${i}`) })),
    os,
    stub: usesUefi && spec.loader === 'uki' ? readStub(request) : undefined,
  };
}

/**
 * The files of the ESP, even when the tree has lost what other partitions hold. `verity` of a root with a hash tree: its
 * sizes depend on nothing but the length of the hash, so that any one will do for finding out how large the ESP must be.
 */
export function espFiles(prepared: PreparedBoot, verity?: VerityRoot): readonly EspFile[] {
  return withFilesOfTree(loaderFiles(prepared, verity), prepared.ofTree);
}

function loaderFiles(
  { request, kernel, initrd, loaders, os, stub }: PreparedBoot,
  verity?: VerityRoot,
): readonly EspFile[] {
  const { spec, scratch } = request;
  if (!kernel || !initrd || spec.firmware === 'bios') return [];
  const commandLine = kernelCommandLine(request, verity);
  switch (spec.loader) {
    case 'none':
      return [];
    case 'grub':
      return verity ? [...loaders, ...grubOnEsp(request, { kernel, initrd }, verity)] : loaders;
    case 'systemd-boot':
      return [...loaders, systemdBootEntry(spec.menu, kernel, os, commandLine)];
    case 'uki': {
      if (!stub) throw new Error('a unified kernel image has no stub');
      const parts = { osRelease: os.content, commandLine, kernel: kernel.content, initrd: initrd.content };
      const path = `EFI/BOOT/BOOT${efiName(spec.architecture)}.EFI`;
      return [{ path, content: writeUki(join(scratch, 'uki.efi'), stub, parts) }];
    }
  }
}

async function loadersOf(
  request: BootRequest,
  system: BootSystem,
  os: OsRelease,
): Promise<readonly EspFile[]> {
  const { loader, root } = request.spec;
  switch (loader) {
    case 'none':
    case 'uki':
      return [];
    case 'grub':
      return grubEspFiles(request, root.verity ? placeOnEsp(request) : placeOfMenu(request));
    case 'systemd-boot':
      return systemdBootFiles(request, system, os);
  }
}

function settled(request: BootRequest, { kernel, initrd }: BootSystem): BootSystem {
  return {
    kernel: { ...kernel, content: kept(request, kernel.content, 'kernel') },
    initrd: { ...initrd, content: kept(request, initrd.content, 'initrd') },
  };
}

/** The content from a place where it stays: what other partitions hold leaves the tree before the ESP is written. */
function kept({ scratch, partitions }: BootRequest, content: FileContent, name: string): FileContent {
  if (content.kind !== 'tree') return content;
  const leaves = partitions.some(
    ({ mountPoint }) =>
      mountPoint !== undefined && mountPoint !== '/' && content.path.startsWith(`${mountPoint}/`),
  );
  return leaves ? copyContent(content, join(scratch, name)) : content;
}

/** Whether GRUB is to find kernel and menu in the tree. @throws AshlarError when it cannot, but has to */
function readsKernelByGrub(request: BootRequest, startsByBios: boolean): boolean {
  const { loader, root } = request.spec;
  if (loader === 'none' || (loader !== 'grub' && !startsByBios)) return false;
  if (root.verity) {
    if (startsByBios)
      request.warn('dm-verity checks the root: machines with a BIOS do not start from the disk');
    return false;
  }
  if (grubReadsKernel(request)) return true;
  const kind = root.type === 'squashfs' ? `squashfs compressed with ${squashfsCompressor(root)}` : root.type;
  const message = `GRUB cannot read a root file system of type ${kind}`;
  if (loader !== 'grub') {
    request.warn(`${message}: machines with a BIOS do not start from the disk`);
    return false;
  }
  throw new AshlarError(message, {
    hint: [
      'give /boot a partition of its own, or start with a unified kernel image',
      ...(root.type === 'squashfs' ? ['or compress with xz'] : []),
    ].join(', '),
  });
}

function checkVerity({ spec }: BootRequest): void {
  if (!spec.root.verity) return;
  if (spec.firmware === 'bios') {
    throw new AshlarError('a root with dm-verity starts by UEFI only: its hash is on the ESP', {
      hint: 'choose firmware efi or uefi',
    });
  }
  if (namesRoot(spec.kernelCommandLine)) {
    throw new AshlarError(
      'the command line of the kernel names another root than the one that dm-verity checks',
    );
  }
}
