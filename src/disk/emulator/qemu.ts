/** Command lines of QEMU. */
import type { Accelerator } from './accelerator.ts';
import type { UefiFirmware } from './firmware.ts';

/** How a machine starts. */
export type Start =
  | { readonly kind: 'bios' }
  /** `variables` is a copy that the machine may change. */
  | { readonly kind: 'uefi'; readonly firmware: UefiFirmware; readonly variables: string };

export interface Machine {
  readonly accelerator: Accelerator;
  readonly start: Start;
  /** A qcow2 image that the machine may change. */
  readonly disk: string;
  /** Mebibytes. */
  readonly memory: number;
}

export const QEMU = 'qemu-system-x86_64';

/** No network, no display; the serial line is standard input and output. */
export function qemuArguments({ accelerator, start, disk, memory }: Machine): readonly string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-machine', machineOf(accelerator, start)],
    ...['-cpu', accelerator === 'kvm' ? 'host' : 'max', '-m', String(memory), '-smp', '1'],
    // Loaders look for a screen, though nobody sees it.
    ...['-display', 'none', '-vga', 'std', '-monitor', 'none', '-serial', 'stdio'],
    ...['-no-reboot', '-net', 'none'],
    // systemd and others wait for random numbers where there are none.
    ...['-device', 'virtio-rng-pci'],
    ...firmwareArguments(start),
    ...['-drive', `if=none,id=d0,format=qcow2,file=${escaped(disk)},cache=unsafe,discard=unmap`],
    ...['-device', 'virtio-blk-pci,drive=d0,bootindex=0'],
  ];
}

/** Without graphics SeaBIOS shows on the serial line what loaders write to the screen. */
function machineOf(accelerator: Accelerator, start: Start): string {
  return `q35,accel=${accelerator}${start.kind === 'bios' ? ',graphics=off' : ''}`;
}

function firmwareArguments(start: Start): readonly string[] {
  if (start.kind === 'bios') return [];
  return [
    ...['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${escaped(start.firmware.code)}`],
    ...['-drive', `if=pflash,format=raw,unit=1,file=${escaped(start.variables)}`],
  ];
}

/** Commas separate options. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}
