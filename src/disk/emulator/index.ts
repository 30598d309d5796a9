/**
 * Machines by QEMU: `bootDisk` proves that a disk starts, `runMachine` runs a kernel for what only a kernel can do.
 * Disks and trees are not changed but where a drive is given for that; no process outlives its call.
 */
export { type BootOptions, type BootVerdict, bootDisk } from './boot-disk.ts';
export type { Milestone } from './console.ts';
export { type MachineOptions, type MachineRun, runMachine } from './machine.ts';
