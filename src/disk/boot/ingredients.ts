/** What may get into disks from this machine, where the tree does not have it. */
import { EFI_NAMES, GRUB_TARGETS } from './architecture.ts';
import { GRUB_PLACES, GRUB_PROGRAMS } from './grub-image.ts';
import { BUSYBOX } from './programs.ts';
import { loaderPlaces } from './systemd-boot.ts';
import { stubPlaces } from './uki.ts';

/** Absolute paths, and names of programs. */
export const INGREDIENTS = {
  programs: GRUB_PROGRAMS,
  files: [...BUSYBOX, ...EFI_NAMES.flatMap(efi => [...stubPlaces(efi), ...loaderPlaces(efi)])],
  /** All files in them take part. */
  directories: GRUB_PLACES.flatMap(place => GRUB_TARGETS.map(target => `${place}/${target}`)),
} as const satisfies Readonly<Record<string, readonly string[]>>;
