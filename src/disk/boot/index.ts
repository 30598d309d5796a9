/**
 * All that makes a disk start, as data: `prepareBoot` before file systems are made of the tree, `loaderFiles` for the
 * ESP, `bootCode` for what a BIOS reads. Programs of the tree run only where its own initrd is asked for, or where this
 * machine lacks GRUB's. Formats: cpio of the kernel's early user space, PE/COFF, the Boot Loader Specification, GRUB's
 * block lists.
 */
export { bootCode } from './bios.ts';
export { loaderFiles, prepareBoot } from './boot.ts';
export type { VerityRoot } from './command-line.ts';
export { findKernel } from './kernel.ts';
export { type InitrdContent, makeInitrd } from './own-initrd.ts';
export { makeDirectoryInTree, readContent, sizeOf, writeInTree } from './tree.ts';
export type {
  BiosBoot,
  BootCode,
  BootRequest,
  EspFile,
  FileContent,
  PreparedBoot,
  TreeFile,
} from './types.ts';
