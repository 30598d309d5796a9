/** All that makes a disk start: kernel, initrd, loader and the texts that name the partitions. */

import { AshlarError } from '../../support/errors.ts';
import { efiName, hasBios } from './architecture.ts';
import { kernelCommandLine, type VerityRoot } from './command-line.ts';
import { finishedFstab } from './fstab.ts';
import { growFiles } from './grow.ts';
import {
  type GrubSystem,
  grubEspFiles,
  grubForBios,
  grubOfVerity,
  grubReadsKernel,
  grubTreeFiles,
  placeOfMenu,
} from './grub.ts';
import { chooseInitrd } from './initrd.ts';
import { findKernel, requireKernel } from './kernel.ts';
import { systemdBootFiles } from './systemd-boot.ts';
import { textContent } from './tree.ts';
import type { BootRequest, EspFile, PreparedBoot, TreeFile } from './types.ts';
import { makeUki } from './uki.ts';

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
  const system = kernel && initrd && { kernel, initrd };
  const files: TreeFile[] = [
    { path: '/etc/fstab', mode: 0o644, content: textContent(await finishedFstab(request)) },
    ...growFiles(request),
  ];
  const startsByBios = hasBios(spec.architecture) && (spec.firmware === 'bios' || spec.legacyBoot);
  const readsTree = readsKernelByGrub(request, startsByBios);
  if (system && readsTree) files.push(...grubTreeFiles(request, system));
  return {
    request,
    kernel,
    initrd,
    files,
    directories: partitions.flatMap(({ mountPoint }) => (mountPoint === undefined ? [] : [mountPoint])),
    bios: readsTree && startsByBios ? await grubForBios(request) : undefined,
  };
}

/**
 * The files of the ESP. `verity` of a root with a hash tree: its sizes depend on nothing but the length of the hash, so
 * that any one will do for finding out how large the ESP must be.
 */
export async function loaderFiles(
  { request, kernel, initrd }: PreparedBoot,
  verity?: VerityRoot,
): Promise<readonly EspFile[]> {
  const { spec } = request;
  if (!kernel || !initrd || spec.firmware === 'bios') return [];
  const system: GrubSystem = { kernel, initrd };
  const commandLine = kernelCommandLine(request, verity);
  switch (spec.loader) {
    case 'none':
      return [];
    case 'grub':
      return verity ? grubOfVerity(request, system, verity) : grubEspFiles(request, placeOfMenu(request));
    case 'systemd-boot':
      return systemdBootFiles(request, kernel, initrd, commandLine);
    case 'uki':
      return [
        {
          path: `EFI/BOOT/BOOT${efiName(spec.architecture)}.EFI`,
          content: makeUki(request, kernel, { commandLine, initrd: initrd.content }),
        },
      ];
  }
}

function readsKernelByGrub(request: BootRequest, startsByBios: boolean): boolean {
  const { loader, root } = request.spec;
  if (root.verity || loader === 'none' || (loader !== 'grub' && !startsByBios)) return false;
  if (grubReadsKernel(request)) return true;
  const message = `GRUB cannot read a root file system of type ${root.type}`;
  if (loader !== 'grub') {
    request.warn(`${message}: machines with a BIOS do not start from the disk`);
    return false;
  }
  throw new AshlarError(message, {
    hint: 'give /boot a partition of its own, or start with a unified kernel image',
  });
}

function checkVerity({ spec }: BootRequest): void {
  if (!spec.root.verity) return;
  if (spec.firmware === 'bios') {
    throw new AshlarError('a root with dm-verity starts by UEFI only: its hash is on the ESP', {
      hint: 'choose firmware efi or uefi',
    });
  }
  if (/(?:^|\s)root=/.test(spec.kernelCommandLine)) {
    throw new AshlarError(
      'the command line of the kernel names another root than the one that dm-verity checks',
    );
  }
}
