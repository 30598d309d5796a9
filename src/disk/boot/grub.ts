/** GRUB on a disk, without grub-install and grub-mkconfig: loaders for both firmwares, and the menu in the tree. */
import { posix } from 'node:path';
import { AshlarError } from '../../support/errors.ts';
import { squashfsCompressor } from '../file-systems/compressed.ts';
import { efiName, grubTarget } from './architecture.ts';
import { kernelCommandLine, namesRoot, type VerityRoot } from './command-line.ts';
import { earlyConfig, type GrubPlace, grubConfig } from './grub-config.ts';
import { grubDefaults } from './grub-defaults.ts';
import { findGrubModules, makeGrubImage, missingGrub, startGrubImage } from './grub-image.ts';
import { optionalPartition, partitionOf } from './partitions.ts';
import { signedChain } from './signed-chain.ts';
import {
  contentOf,
  findInTree,
  firstFile,
  isDirectoryInTree,
  readBytes,
  readTextInTree,
  textContent,
} from './tree.ts';
import type { BiosBoot, BootRequest, BootSystem, EspFile, FileContent, TreeFile } from './types.ts';

/** Menu, settings and what GRUB reads of the tree. */
export function grubTreeFiles(request: BootRequest, system: BootSystem): readonly TreeFile[] {
  const { tree, spec } = request;
  const files: TreeFile[] = [];
  const add = (path: string, content: FileContent, mode = 0o644) => files.push({ path, mode, content });
  const place = placeOfMenu(request);
  const { kernel, initrd } = system;
  // GRUB reads one file system, and links on the way are not for it.
  const inBoot = (path: string, name: string) => (path.startsWith('/boot/') ? path : `/boot/${name}`);
  const kernelPath = inBoot(kernel.path, `vmlinuz-${kernel.version}`);
  const initrdPath = inBoot(initrd.path, `initrd-${kernel.version}`);
  if (kernelPath !== kernel.path) add(kernelPath, kernel.content);
  if (initrdPath !== initrd.path || initrd.kind === 'own') add(initrdPath, initrd.content, 0o600);
  const commandLine = kernelCommandLine(request);
  const menu = grubConfig(spec.menu, place, {
    kernel: seenByGrub(request, kernelPath),
    initrd: seenByGrub(request, initrdPath),
    commandLine,
  });
  const directory = directoryInTree(tree);
  add(`${directory}/grub.cfg`, textContent(menu), 0o600);
  if (place.search.kind === 'file')
    add(posix.join('/boot', posix.basename(place.search.path)), textContent(''));
  const font = firstFile(tree, ['/usr/share/grub/unicode.pf2', '/usr/share/grub2/unicode.pf2']);
  if (font && spec.menu.outputs.includes('gfxterm')) add(`${directory}/fonts/unicode.pf2`, contentOf(font));
  const defaults = readTextInTree(tree, '/etc/default/grub') ?? '';
  const findsRoot = !namesRoot(spec.kernelCommandLine) && /(?:^|\s)root=UUID=/.test(commandLine);
  add('/etc/default/grub', textContent(grubDefaults(defaults, { menu: spec.menu, commandLine, findsRoot })));
  // What kernel-install of the system would otherwise repeat of another disk.
  if (findInTree(tree, '/etc/kernel/cmdline')) add('/etc/kernel/cmdline', textContent(`${commandLine}\n`));
  return files;
}

/** The loader on the ESP: the signed ones of the tree where the firmware wants them, else one that is made here. */
export async function grubEspFiles(request: BootRequest, place: GrubPlace): Promise<readonly EspFile[]> {
  const { tree, spec, say, warn } = request;
  const early = earlyConfig(place);
  if (spec.firmware === 'uefi') {
    const chain = signedChain(tree, spec.architecture, early);
    if (chain) {
      say('the loaders are the signed ones of the image');
      return chain;
    }
    warn('Signed grub2 efi loader not found: the disk starts only where Secure Boot is off');
  }
  const target = grubTarget(spec.architecture);
  const modules = findGrubModules(tree, target);
  if (!modules) throw missingGrub(target);
  const bytes = await makeGrubImage(request, modules, early);
  return [{ path: `EFI/BOOT/BOOT${efiName(spec.architecture)}.EFI`, content: { kind: 'bytes', bytes } }];
}

/** What a BIOS starts; undefined where the firmware is UEFI anyway and there is no GRUB for a BIOS. */
export async function grubForBios(request: BootRequest): Promise<BiosBoot | undefined> {
  const { tree, spec, warn } = request;
  const modules = findGrubModules(tree, 'i386-pc');
  const first = modules && firstFile(modules.top, [`${modules.directory}/boot.img`]);
  if (!modules || !first) {
    if (spec.firmware === 'bios') throw missingGrub('i386-pc');
    warn('grub path i386-pc not found: machines with a BIOS do not start from the disk');
    return undefined;
  }
  const { bytes: core } = await startGrubImage(request, modules, earlyConfig(placeOfMenu(request)));
  return { sector: readBytes(first, SECTOR), core };
}

const SECTOR = 512;

/** Where GRUB looks for its menu: in the root, or in the partition for /boot. */
export function placeOfMenu({ tree, partitions }: BootRequest): GrubPlace {
  const boot = optionalPartition(partitions, 'boot');
  const { fileSystem, uuid } = boot ?? partitionOf(partitions, 'root');
  const directory = directoryInTree(tree);
  return {
    directory: boot ? directory.slice('/boot'.length) : directory,
    search:
      fileSystem && fileSystem.type !== 'squashfs'
        ? { kind: 'uuid', uuid: fileSystem.uuid }
        : // squashfs has no UUID: a file that no other disk has.
          { kind: 'file', path: `${boot ? '' : '/boot'}/disk-${uuid}` },
  };
}

/** Where GRUB looks for its menu when nothing in the root may change what its hash says: on the ESP. */
export function placeOnEsp({ partitions }: BootRequest): GrubPlace {
  const { fileSystem } = partitionOf(partitions, 'efi');
  if (!fileSystem) throw new AshlarError('the partition for efi has no file system');
  return { directory: '/grub', search: { kind: 'uuid', uuid: fileSystem.uuid } };
}

/** Menu, kernel and initrd on the ESP. */
export function grubOnEsp(
  request: BootRequest,
  { kernel, initrd }: BootSystem,
  verity: VerityRoot,
): readonly EspFile[] {
  const menu = grubConfig(request.spec.menu, placeOnEsp(request), {
    kernel: '/linux/kernel',
    initrd: '/linux/initrd',
    commandLine: kernelCommandLine(request, verity),
  });
  return [
    { path: 'grub/grub.cfg', content: textContent(menu) },
    { path: 'linux/kernel', content: kernel.content },
    { path: 'linux/initrd', content: initrd.content },
  ];
}

/** As programs of the tree name it. */
function directoryInTree(tree: string): string {
  const isSecond =
    isDirectoryInTree(tree, '/boot/grub2') ||
    firstFile(tree, ['/usr/sbin/grub2-mkconfig', '/usr/bin/grub2-mkconfig']) !== undefined;
  return isSecond ? '/boot/grub2' : '/boot/grub';
}

function seenByGrub({ partitions }: BootRequest, path: string): string {
  return optionalPartition(partitions, 'boot') ? path.slice('/boot'.length) : path;
}

/** What GRUB 2 decompresses in squashfs. */
const KNOWN_COMPRESSIONS = ['gzip', 'xz', 'lzo', 'uncompressed'];

/** Whether GRUB finds kernel and initrd, on the file system that they are on. */
export function grubReadsKernel({ spec, partitions }: BootRequest): boolean {
  const { root } = spec;
  if (optionalPartition(partitions, 'boot')) return true;
  if (root.type === 'squashfs') return KNOWN_COMPRESSIONS.includes(squashfsCompressor(root));
  return root.type !== 'erofs';
}
