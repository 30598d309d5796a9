/** The proof that a disk starts: a machine by QEMU. The disk is not changed, and no process outlives the call. */
export { type BootOptions, type BootVerdict, bootDisk } from './boot-disk.ts';
export type { Milestone } from './console.ts';
