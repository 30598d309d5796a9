/** systemd-boot on the ESP, with an entry that names kernel and initrd beside it. */
import { AshlarError } from '../../support/errors.ts';
import type { BootMenu } from '../types.ts';
import { efiName } from './architecture.ts';
import { findAnywhere, SYSTEMD_BOOT_PACKAGES } from './programs.ts';
import { contentOf, textContent } from './tree.ts';
import type { BootRequest, BootSystem, EspFile, Kernel, OsRelease } from './types.ts';

/** Where it may be, for a machine that UEFI calls so. */
export function loaderPlaces(efi: string): readonly string[] {
  const name = loaderName(efi);
  return [
    `/usr/lib/systemd/boot/efi/${name}.signed`,
    `/usr/lib/systemd/boot/efi/${name}`,
    `/lib/systemd/boot/efi/${name}`,
  ];
}

function loaderName(efi: string): string {
  return `systemd-boot${efi.toLowerCase()}.efi`;
}

/** @throws AshlarError where neither the image nor this machine has it. */
export function systemdBootFiles(
  { tree, spec }: BootRequest,
  { kernel, initrd }: BootSystem,
  os: OsRelease,
): readonly EspFile[] {
  const efi = efiName(spec.architecture);
  const name = loaderName(efi);
  const loader = findAnywhere(tree, loaderPlaces(efi));
  if (!loader) {
    throw new AshlarError(`cannot find ${name}, in the image or here`, {
      hint: SYSTEMD_BOOT_PACKAGES,
    });
  }
  const { directory, entry } = placesOf(os, kernel);
  const config = `timeout ${spec.menu.timeout}\ndefault ${entry}\n`;
  return [
    { path: `EFI/BOOT/BOOT${efi}.EFI`, content: contentOf(loader.file) },
    { path: `EFI/systemd/${name}`, content: contentOf(loader.file) },
    { path: 'loader/loader.conf', content: textContent(config) },
    { path: `${directory}/linux`, content: kernel.content },
    { path: `${directory}/initrd`, content: initrd.content },
  ];
}

/** The entry that names them. */
export function systemdBootEntry(
  { title }: BootMenu,
  kernel: Kernel,
  os: OsRelease,
  commandLine: string,
): EspFile {
  const { directory, entry } = placesOf(os, kernel);
  const lines = [
    `title ${oneLine(title)}`,
    `version ${kernel.version}`,
    `linux /${directory}/linux`,
    `initrd /${directory}/initrd`,
    `options ${oneLine(commandLine)}`,
    '',
  ];
  return { path: `loader/entries/${entry}`, content: textContent(lines.join('\n')) };
}

function placesOf(
  { id }: OsRelease,
  { version }: Kernel,
): { readonly directory: string; readonly entry: string } {
  return { directory: `${id}/${version}`, entry: `${id}-${version}.conf` };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
