/** Disks that are asked for in a few words: what is not said follows from what is. */
import type { DiskSize, DiskSpec, FileSystemType, InitrdSpec } from './outputs.ts';

export interface DiskChoice {
  /** As `uname -m` says it. */
  readonly architecture: string;
  /** ext4 when absent. */
  readonly fileSystem?: FileSystemType;
  /** `efi` when absent. */
  readonly firmware?: DiskSpec['firmware'];
  /** A unified kernel image for `efi`, GRUB for others, when absent. */
  readonly loader?: DiskSpec['loader'];
  /** A machine with a BIOS starts from it, too. */
  readonly legacyBoot?: boolean;
  /** What the content needs when absent. */
  readonly size?: DiskSize;
  readonly verity?: boolean;
  /** Without `root=`; the serial console besides the screen when absent. */
  readonly commandLine?: string;
  /** The one that is found when absent. */
  readonly initrd?: InitrdSpec['kind'];
  readonly label?: string;
  /** In the menu of the boot loader. */
  readonly title: string;
}

const READ_ONLY: ReadonlySet<FileSystemType> = new Set(['squashfs', 'erofs']);

/** Bytes that stay free for what the system writes. */
const ROOM = 256 << 20;

export function simpleDisk(choice: DiskChoice): DiskSpec {
  const { architecture, fileSystem = 'ext4', firmware = 'efi', legacyBoot = false, verity = false } = choice;
  const fixed = verity || READ_ONLY.has(fileSystem);
  return {
    architecture,
    table: firmware === 'bios' ? 'msdos' : 'gpt',
    firmware,
    legacyBoot,
    loader: choice.loader ?? (firmware === 'efi' && !legacyBoot ? 'uki' : 'grub'),
    root: {
      type: fileSystem,
      label: choice.label ?? 'ROOT',
      createOptions: [],
      ...(verity && { verity: true as const }),
    },
    partitions: [],
    size: choice.size ?? { kind: 'content', additional: fixed ? 0 : ROOM },
    unpartitioned: 0,
    kernelCommandLine: choice.commandLine ?? consoles(architecture),
    identifiedBy: 'uuid',
    initrd: { kind: choice.initrd ?? 'found', options: [] },
    menu: { title: choice.title, timeout: 1, inputs: [], outputs: [], settings: {} },
    grows: !fixed,
    firstSector: 2048,
    sectorSize: 512,
    numbers: {},
    hybridMbr: false,
  };
}

function consoles(architecture: string): string {
  return `console=tty0 console=${/^(?:aarch64|arm)/.test(architecture) ? 'ttyAMA0' : 'ttyS0,115200'}`;
}
