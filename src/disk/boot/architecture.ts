/** What UEFI and GRUB call architectures. */
import { AshlarError } from '../../support/errors.ts';

const NAMES: Readonly<Record<string, { readonly efi: string; readonly grub: string }>> = {
  x86_64: { efi: 'X64', grub: 'x86_64-efi' },
  ix86: { efi: 'IA32', grub: 'i386-efi' },
  aarch64: { efi: 'AA64', grub: 'arm64-efi' },
  arm: { efi: 'ARM', grub: 'arm-efi' },
  riscv64: { efi: 'RISCV64', grub: 'riscv64-efi' },
  loongarch64: { efi: 'LOONGARCH64', grub: 'loongarch64-efi' },
};

/** All that `efiName` gives. */
export const EFI_NAMES: readonly string[] = Object.values(NAMES).map(({ efi }) => efi);

/** All that GRUB calls machines with UEFI, and the one with a BIOS. */
export const GRUB_TARGETS: readonly string[] = ['i386-pc', ...Object.values(NAMES).map(({ grub }) => grub)];

/** `X64`, as in BOOTX64.EFI. @throws AshlarError for machines without UEFI. */
export function efiName(architecture: string): string {
  return namesOf(architecture).efi;
}

/** `x86_64-efi`. @throws AshlarError for machines without UEFI. */
export function grubTarget(architecture: string): string {
  return namesOf(architecture).grub;
}

/** Whether there are machines of it with a BIOS. */
export function hasBios(architecture: string): boolean {
  return architecture === 'x86_64' || familyOf(architecture) === 'ix86';
}

/** `ix86` of i386 to i686, and `arm` of all with 32 bits. */
export function familyOf(architecture: string): string {
  if (/^i[3-6]86$/.test(architecture)) return 'ix86';
  return /^armv[5-8]/.test(architecture) ? 'arm' : architecture;
}

function namesOf(architecture: string): { readonly efi: string; readonly grub: string } {
  const names = NAMES[familyOf(architecture)];
  if (!names) throw new AshlarError(`support for firmware efi for arch ${architecture} not implemented`);
  return names;
}
