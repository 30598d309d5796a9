/** Defaults of image types that several parts of the plan need. */
import type { KiwiDescription, KiwiType } from '../model.ts';
import { textOf } from './attributes.ts';

/** Image types that are a file system of their own. */
export const FILE_SYSTEM_TYPES = ['btrfs', 'ext2', 'ext3', 'ext4', 'squashfs', 'xfs', 'erofs'] as const;

export function firmwareOf({ type, architecture }: Pick<KiwiDescription, 'type' | 'architecture'>): string {
  const given = textOf(type.attributes, 'firmware');
  if (given !== undefined) return given;
  if (/^(?:x86_64|i[3-6]86|ix86)$/.test(architecture)) return 'bios';
  return architecture.startsWith('ppc') ? 'ofw' : 'efi';
}

export function initrdSystemOf({ image, attributes }: KiwiType): string {
  const given = textOf(attributes, 'initrd_system');
  if (image === 'iso') return 'dracut';
  if (given !== undefined) return given;
  if (image === 'oem' || image === 'kis') return 'dracut';
  return image === 'pxe' ? 'kiwi' : 'none';
}
