/** Disks that are asked for in a few words: what is not said follows from what is. */
import type { SourceSpan } from '../support/errors.ts';
import { parseSize } from '../support/sizes.ts';
import type { DiskFormat, DiskOutput, DiskSize, DiskSpec, FileSystemType, InitrdSpec } from './outputs.ts';
import type { SetupChange } from './system-steps.ts';

/** What follows the name of a disk in each format. */
export const formatSuffixes: Readonly<Record<Exclude<DiskFormat['format'], 'vmx'>, string>> = {
  qcow2: '.qcow2',
  vmdk: '.vmdk',
  vdi: '.vdi',
  vhd: '.vhd',
  'vhd-fixed': '.vhdfixed',
  vhdx: '.vhdx',
  ova: '.ova',
  gce: '.tar.gz',
};

export type FormatName = keyof typeof formatSuffixes;

export function isFormatName(text: string): text is FormatName {
  return Object.hasOwn(formatSuffixes, text);
}

/** What can be said of a disk; each has a usual value. */
export interface DiskWords extends Partial<Omit<DiskChoice, 'architecture'>> {
  /** Besides the raw disk. */
  readonly formats?: readonly FormatName[];
  readonly hostname?: string;
  /** Of root, as in /etc/shadow. */
  readonly rootPassword?: string;
}

/**
 * A disk, `<name>.raw`, and its formats, of the tree of an image, which becomes a machine's.
 * @param architecture In the words of Go.
 */
export function diskOutput(
  words: DiskWords,
  {
    name,
    architecture,
    at,
  }: { readonly name: string; readonly architecture: string; readonly at: SourceSpan },
): DiskOutput {
  const { hostname, rootPassword, formats = [], ...choice } = words;
  return {
    kind: 'disk',
    disk: simpleDisk({ title: hostname ?? name, ...choice, architecture: machineOf(architecture) }),
    setup: setupOf(words, at),
    formats: formats.map(format => ({
      format,
      options: format === 'ova' ? [`firmware=${choice.firmware === 'bios' ? 'bios' : 'efi'}`] : [],
      file: name + formatSuffixes[format],
      role: 'disk_format_image',
    })),
    file: `${name}.raw`,
    role: 'disk_image',
    at,
  };
}

/** What a container has not, and a machine needs. */
function setupOf({ hostname, rootPassword }: DiskWords, at: SourceSpan): readonly SetupChange[] {
  return [
    { kind: 'machine-id' },
    ...(hostname === undefined ? [] : [{ kind: 'hostname', hostname } as const]),
    ...(rootPassword === undefined
      ? []
      : [{ kind: 'users', users: [{ name: 'root', password: rootPassword, groups: [], at }] } as const]),
  ];
}

const MACHINES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
  '386': 'i686',
  arm: 'armv7l',
};

/** As `uname -m` says it. */
function machineOf(architecture: string): string {
  return MACHINES[architecture] ?? architecture;
}

/**
 * `4G`: all of the disk; `+1G`: what is added to its content. Powers of two, as disks are measured. Undefined for what
 * is no size.
 */
export function parseDiskSize(text: string): DiskSize | undefined {
  const size = parseSize(text.replace(/^\+/, '').replace(/(?<=[kmgt])b?$/i, 'i'));
  const bytes = Math.round(size ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) return undefined;
  return text.startsWith('+') ? { kind: 'content', additional: bytes } : { kind: 'fixed', bytes };
}

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
