/** Command lines of QEMU. */
import type { Accelerator } from './accelerator.ts';
import type { UefiFirmware } from './firmware.ts';

export interface Drive {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly: boolean;
}

/** How a machine starts. */
export type Start =
  | { readonly kind: 'bios' }
  /** `variables` is a copy that the machine may change. */
  | { readonly kind: 'uefi'; readonly firmware: UefiFirmware; readonly variables: string }
  | { readonly kind: 'kernel'; readonly kernel: string; readonly initrd: string; readonly append: string };

export interface Machine {
  readonly accelerator: Accelerator;
  readonly start: Start;
  /** The machine starts from the first one; the others follow as /dev/vdb, … */
  readonly drives: readonly Drive[];
  /** Mebibytes. */
  readonly memory: number;
}

export const QEMU = 'qemu-system-x86_64';

export const QEMU_PACKAGES =
  'apt install qemu-system-x86 | dnf install qemu-system-x86-core | zypper install qemu-x86';

/** No network, no display; the serial line is standard input and output. */
export function qemuArguments({ accelerator, start, drives, memory }: Machine): readonly string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-machine', machineOf(accelerator, start)],
    ...['-cpu', accelerator === 'kvm' ? 'host' : 'max', '-m', String(memory), '-smp', '1'],
    ...[
      '-display',
      'none',
      '-vga',
      'none',
      '-monitor',
      'none',
      '-serial',
      'stdio',
      '-no-reboot',
      '-net',
      'none',
    ],
    // systemd and others wait for random numbers where there are none.
    ...['-device', 'virtio-rng-pci'],
    ...startArguments(start),
    ...drives.flatMap((drive, i) => driveArguments(drive, i)),
  ];
}

/** Without graphics SeaBIOS shows on the serial line what loaders write to the screen. */
function machineOf(accelerator: Accelerator, start: Start): string {
  return `q35,accel=${accelerator}${start.kind === 'bios' ? ',graphics=off' : ''}`;
}

function startArguments(start: Start): readonly string[] {
  switch (start.kind) {
    case 'bios':
      return [];
    case 'uefi':
      return [
        ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${escaped(start.firmware.code)}`],
        ...['-drive', `if=pflash,format=raw,unit=1,file=${escaped(start.variables)}`],
      ];
    case 'kernel':
      return ['-kernel', start.kernel, '-initrd', start.initrd, '-append', start.append];
  }
}

function driveArguments({ path, format, readOnly }: Drive, i: number): readonly string[] {
  const options = [`if=none,id=d${i},format=${format},file=${escaped(path)},cache=unsafe,discard=unmap`];
  if (readOnly) options.push('readonly=on');
  return ['-drive', options.join(','), '-device', `virtio-blk-pci,drive=d${i},bootindex=${i}`];
}

/** Commas separate options. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}
